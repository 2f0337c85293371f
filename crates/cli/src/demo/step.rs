//! Steps: each is timed, and told in one line with its figure; one that fails tells what was expected and what came.

use super::openssl::OpenSsl;
use crate::client::{Client, ClientError};
use crate::output;
use crate::system::SystemClock;
use chancery_domain::port::Clock;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What the steps share.
pub(super) struct Stage {
    /// Without a token.
    pub(super) client: Client,
    pub(super) clock: SystemClock,
    /// The independent program, where it is installed.
    pub(super) openssl: Option<OpenSsl>,
    /// Where keys and requests of the demonstration lie.
    pub(super) folder: PathBuf,
    steps: AtomicU32,
}

/// A step that did not hold.
#[derive(Debug, thiserror::Error)]
#[error("the step `{step}` did not hold\n  expected: {expected}\n  came:     {came}")]
pub(crate) struct StepFailed {
    step: &'static str,
    expected: String,
    came: String,
}

/// What a step found instead.
pub(super) struct Wrong {
    expected: String,
    came: String,
}

impl Stage {
    pub(super) const fn new(client: Client, clock: SystemClock, openssl: Option<OpenSsl>, folder: PathBuf) -> Self {
        Self { client, clock, openssl, folder, steps: AtomicU32::new(0) }
    }

    /// Does a step, which returns its result and its figure.
    pub(super) async fn step<T>(
        &self,
        step: &'static str,
        work: impl Future<Output = Result<(T, String), Wrong>>,
    ) -> Result<T, StepFailed> {
        let started = self.clock.monotonic();
        let done = crate::client::during(step, work).await;
        let took = self.clock.monotonic().saturating_sub(started);
        match done {
            Ok((result, figure)) => {
                self.say(step, &format!("{figure} ({})", seconds(took)));
                Ok(result)
            }
            Err(Wrong { expected, came }) => {
                output::line(&format!("FAILED  {step}"));
                Err(StepFailed { step, expected, came })
            }
        }
    }

    /// Tells of a step that is done.
    pub(super) fn say(&self, step: &str, figure: &str) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        output::line(&format!("ok  {step:<26} {figure}"));
    }

    /// How many steps were done.
    pub(super) fn steps(&self) -> u32 {
        self.steps.load(Ordering::Relaxed)
    }
}

/// A duration for people.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}

impl Wrong {
    pub(super) fn new(expected: impl ToString, came: impl ToString) -> Self {
        Self { expected: expected.to_string(), came: came.to_string() }
    }

    /// What came, in words.
    pub(super) fn came(&self) -> &str {
        &self.came
    }
}

/// The condition, or what was expected and what came instead.
pub(super) fn expect(holds: bool, expected: impl ToString, came: impl ToString) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(Wrong::new(expected, came)) }
}

impl From<ClientError> for Wrong {
    fn from(error: ClientError) -> Self {
        Self::new("an answer with success", error)
    }
}
