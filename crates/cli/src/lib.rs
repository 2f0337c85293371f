//! The binary `chancery` as a library: configuration, wiring, the server, and the commands.
//!
//! Only `init`, `serve`, `demo`, `config`, `backup`, `restore`, `reconcile`, `doctor`, `verify` and `audit fsck` touch the machine's own data; everything else is a client of the public
//! API. Adding a command: one file under `commands/` with its arguments, examples and printing, one arm in `cli.rs`.

pub mod archive;
mod backup;
mod certificates;
mod cli;
mod client;
mod commands;
pub mod config;
mod demo;
mod doctor;
mod ended;
mod files;
mod init;
mod key_file;
mod logging;
pub mod open;
mod output;
mod password;
mod policy;
mod reconcile;
mod restore;
pub mod serve;
pub mod system;
mod verify;
mod witness;

/// Of a request's time a tenth went into the system's allocator, half as much goes into this one (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The runtime of the product. Tasks are a few ten microseconds long here, and by default a socket is looked at, and what a store
/// thread answered taken up, only every 61 of them: with one tenant's flood under way that made every other tenant's request late.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().event_interval(4).global_queue_interval(4).enable_all().build()
}

pub use cli::{cli_reference, command, run};
pub use config::{Config, configuration_reference};
pub use open::{OpenError, Start, open, open_with};
pub use serve::{ServeError, Server};
pub use witness::HttpWitnesses;
