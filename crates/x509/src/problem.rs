//! What is wrong with something that somebody signed.

use std::fmt;

/// One thing that is wrong with a signature, a timestamp or a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable and short, for programs: `digest`, `chain`, `timestamp.imprint`.
    pub code: &'static str,
    /// What is wrong, in plain words.
    pub message: String,
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Problem {}
