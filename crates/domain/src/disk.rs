//! What the product does to files and folders by its own hand, told to a test that plays a loss of power.
//!
//! What SQLite does is seen below SQLite. Outside the test build (see [`kill`](crate::kill)) telling is nothing.

use std::path::Path;

/// A step that succeeded.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A folder was made.
    MadeFolder(&'a Path),
    /// An empty file was made, or an old one emptied.
    MadeFile(&'a Path),
    /// Bytes were added at a file's end.
    Appended(&'a Path, &'a [u8]),
    /// A file's content, all of it, was written once more in its place.
    Rewritten(&'a Path, &'a [u8]),
    /// A file's content was synced.
    SyncedFile(&'a Path),
    /// A file got another name in the same folder.
    Renamed(&'a Path, &'a Path),
    /// A file was removed.
    Removed(&'a Path),
    /// A folder's entries were synced.
    SyncedFolder(&'a Path),
}

/// Tells of a step.
#[cfg(all(feature = "kill-points", debug_assertions))]
pub fn tell(step: Step<'_>) {
    if let Some(listener) = LISTENER.get() {
        listener(step);
    }
}

/// Nothing: in this build nobody listens.
#[cfg(not(all(feature = "kill-points", debug_assertions)))]
pub const fn tell(_: Step<'_>) {}

#[cfg(all(feature = "kill-points", debug_assertions))]
static LISTENER: std::sync::OnceLock<fn(Step<'_>)> = std::sync::OnceLock::new();

/// From now on this function is told; the first one stays.
#[cfg(all(feature = "kill-points", debug_assertions))]
pub fn listen(listener: fn(Step<'_>)) {
    LISTENER.get_or_init(|| listener);
}
