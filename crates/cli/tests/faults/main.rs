//! Disks that are full, files that are gone, databases that stop: the real binary under a load of two tenants. What was acknowledged
//! is there with its event, everything else is told clearly, and when the fault is over the server works again by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failed step ends the test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "I10, I12 are about the product; a test looks at the clock and dials")]

mod database;
mod disk;
mod files;
mod load;
mod overload;

#[path = "../backup/installation.rs"]
#[allow(dead_code, reason = "shared with the tests of backups")]
mod installation;
#[path = "../backup/world.rs"]
#[allow(dead_code, reason = "shared with the tests of backups")]
mod world;
