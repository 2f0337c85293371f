//! Structured logs on standard error.

use crate::config::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The directives cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log_level {0:?} is neither a level nor directives such as info,chancery_app=debug")]
pub(crate) struct BadDirectives(String);

/// Starts logging; once a process.
pub(crate) fn start(format: LogFormat, directives: &str) -> Result<(), BadDirectives> {
    let filter = EnvFilter::try_new(directives).map_err(|_| BadDirectives(directives.to_owned()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, in tests, keeps the first.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // A panic's text may hold anything, so only where it happened is told (I9).
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: a defect of this program");
    }));
    Ok(())
}
