//! How many connections the process's file descriptors allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections of a listener at most.
const CONNECTIONS: u64 = 4096;
/// Descriptors of neither connections nor the store: the keyring, the log, the runtime.
const OTHERS: u64 = 128;

/// Raises the process's limit of descriptors as far as it is of use and allowed; how many connections each of so many
/// listeners may then have beside the store's `files`.
pub(super) fn connections(listeners: u64, files: usize) -> usize {
    let reserved = OTHERS.saturating_add(u64::try_from(files).unwrap_or(u64::MAX));
    let wanted = reserved.saturating_add(listeners * CONNECTIONS);
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let current = match limit.current {
        Some(soft) if soft < raised => match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }) {
            Ok(()) => Some(raised),
            Err(_) => Some(soft),
        },
        current => current,
    };
    let each = share(current, reserved, listeners);
    if u64::try_from(each).is_ok_and(|each| each < CONNECTIONS) {
        tracing::warn!(connections = each, "the limit of open files allows each listener only so many connections: raise it (ulimit -n)");
    }
    each
}

/// What the limit leaves for each listener; a few even where it is too low for everything, since little may be open.
fn share(limit: Option<u64>, reserved: u64, listeners: u64) -> usize {
    let free = limit.map_or(u64::MAX, |limit| limit.saturating_sub(reserved));
    usize::try_from((free / listeners.max(1)).clamp(16, CONNECTIONS)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_files() {
        assert_eq!(share(None, 896, 2), 4096);
        assert_eq!(share(Some(1 << 20), 896, 2), 4096);
        assert_eq!(share(Some(1024), 896, 1), 128);
        assert_eq!(share(Some(1024), 896, 2), 64);
        assert_eq!(share(Some(256), 896, 1), 16);
        assert_eq!(share(Some(8192), 896, 1), 4096);
        assert_eq!(share(Some(8192), 896, 2), 3648);
    }
}
