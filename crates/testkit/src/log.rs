//! Everything that this process logs, at every level, kept to be looked at (I9).

use std::io;
use std::sync::{Mutex, Once, PoisonError};
use tracing_subscriber::fmt::format::FmtSpan;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Starts keeping; further calls change nothing.
pub(crate) fn capture() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // Spans too, with what is recorded in them later: a trace shows their fields even where nothing else is said.
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        lines.with_span_events(FmtSpan::NEW | FmtSpan::CLOSE).with_writer(|| Keeper).init();
    });
}

/// What was logged until now by all tests of the process.
pub fn logged() -> Vec<u8> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

static REFUSALS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps an answer that is no success.
pub(crate) fn refused(headers: &str, body: &[u8]) {
    let mut refusals = REFUSALS.lock().unwrap_or_else(PoisonError::into_inner);
    refusals.extend_from_slice(headers.as_bytes());
    refusals.extend_from_slice(body);
    refusals.push(b'\n');
}

/// Headers and bodies of all answers until now, of all tests of the process, that were no success.
pub fn refusals() -> Vec<u8> {
    REFUSALS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
