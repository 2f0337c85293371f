//! Named moments at which a test ends the process at once: before and after every durable step.
//!
//! `cargo xtask crash` starts the server with `CHANCERY_KILL=<name>:<nth>`; at the nth passage of that point the process ends
//! without a destructor, a flush or a word. Outside the test build (feature `kill-points`, debug assertions) a point is nothing:
//! a release build has none, whatever features it is given. [`broken!`](crate::broken) proves the driver: it turns on a named fault
//! that nothing but a crash shows. What tests notice, too, is switched off by [`enforced!`](macro@crate::enforced).

/// Whether this build has kill points.
pub const ARMED: bool = cfg!(all(feature = "kill-points", debug_assertions));

/// The environment's variables that are the test build's; the configuration takes any other unknown one for a mistake.
pub const VARIABLES: &[&str] = if ARMED { &["CHANCERY_KILL", "CHANCERY_BROKEN", "CHANCERY_MUTANT"] } else { &[] };

/// A point of this name: `kill_point!("sqlite.commit.before")`. `cargo xtask layers` lists them in docs/kill-points.md.
#[macro_export]
macro_rules! kill_point {
    ($name:literal) => {
        if $crate::kill::ARMED {
            $crate::kill::pass($name);
        }
    };
}

/// Whether the fault of this name is turned on, by `CHANCERY_BROKEN=<name>`; `false` outside the test build.
#[macro_export]
macro_rules! broken {
    ($name:literal) => {
        ($crate::kill::ARMED && $crate::kill::is_broken($name))
    };
}

/// Passes the point: the process ends here if it is the one asked for.
#[cfg(all(feature = "kill-points", debug_assertions))]
pub fn pass(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    static ASKED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let asked = ASKED.get_or_init(|| asked(&std::env::var("CHANCERY_KILL").ok()?));
    if let Some((point, nth)) = asked
        && point == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
    {
        std::process::abort();
    }
}

/// Nothing: this build has no kill points.
#[cfg(not(all(feature = "kill-points", debug_assertions)))]
pub const fn pass(_: &str) {}

/// Whether this fault is turned on.
#[cfg(all(feature = "kill-points", debug_assertions))]
pub fn is_broken(name: &str) -> bool {
    use std::sync::OnceLock;
    static BROKEN: OnceLock<Option<String>> = OnceLock::new();
    BROKEN.get_or_init(|| std::env::var("CHANCERY_BROKEN").ok()).as_deref() == Some(name)
}

/// Never: nothing can be broken in this build.
#[cfg(not(all(feature = "kill-points", debug_assertions)))]
pub const fn is_broken(_: &str) -> bool {
    false
}

#[cfg(all(feature = "kill-points", debug_assertions))]
fn asked(text: &str) -> Option<(String, u32)> {
    let (name, nth) = text.rsplit_once(':')?;
    Some((name.to_owned(), nth.parse().ok()?))
}

#[cfg(all(test, feature = "kill-points", debug_assertions))]
mod tests {
    #[test]
    fn a_point_is_asked_for_by_name_and_count() {
        assert_eq!(super::asked("sqlite.commit.before:3"), Some(("sqlite.commit.before".to_owned(), 3)));
        assert_eq!(super::asked("sqlite.commit.before"), None);
    }
}
