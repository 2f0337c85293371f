//! A sign of life on anything that takes over a second; only on a terminal, and never on standard output.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// The result of the work; while it lasts longer than a second, a spinner says what is done.
pub(crate) async fn during<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(Duration::from_secs(1), &mut work).await {
        return done;
    }
    // Draws on standard error, and nothing at all unless that is a terminal.
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let done = work.await;
    bar.finish_and_clear();
    done
}

/// Shorter work than on so many bytes is over within a second.
const SHOWN_FROM: u64 = 256 << 20;

/// How far work on so many bytes is, where that takes long enough to be looked at.
pub(crate) fn progress_of(length: u64, what: &str) -> ProgressBar {
    if length < SHOWN_FROM {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length).with_message(what.to_owned());
    match ProgressStyle::with_template("{msg} {bytes} of {total_bytes} {bar:30} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
