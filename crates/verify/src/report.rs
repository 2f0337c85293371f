//! What the verifier says of a file.

use chancery_domain::enforced;
use chancery_x509::Problem;
use serde::Serialize;
use std::fmt;

/// What a file is worth. There is nothing between valid and invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything holds, down to what the trust file names.
    Valid,
    /// It agrees with itself; without a trust file that says nothing of who made it.
    Untrusted,
    /// Something is wrong.
    Invalid,
}

/// One thing that the file shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What is told, short.
    pub label: &'static str,
    /// What it is.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Stable and short, for programs.
    pub code: &'static str,
    /// In plain words.
    pub message: String,
}

/// What the verifier says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What kind of file it is.
    pub kind: &'static str,
    /// What it is worth.
    pub verdict: Verdict,
    /// What it shows; of an invalid file, what it claims.
    pub said: Vec<Said>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// A report in the making.
pub(crate) struct Findings {
    kind: &'static str,
    said: Vec<Said>,
    faults: Vec<Fault>,
}

impl Findings {
    pub(crate) const fn of(kind: &'static str) -> Self {
        Self { kind, said: Vec::new(), faults: Vec::new() }
    }
    pub(crate) fn say(&mut self, label: &'static str, text: impl Into<String>) {
        self.said.push(Said { label, text: text.into() });
    }
    pub(crate) fn fault(&mut self, code: &'static str, message: impl Into<String>) {
        self.faults.push(Fault { code, message: message.into() });
    }
    /// What is there, or the problem noted.
    pub(crate) fn check<T>(&mut self, found: Result<T, Problem>) -> Option<T> {
        found.map_err(|problem| self.faults.push(problem.into())).ok()
    }
    pub(crate) fn report(self, trusted: bool) -> Report {
        let verdict = match (self.faults.is_empty(), trusted) {
            (false, _) => Verdict::Invalid,
            (true, false) => Verdict::Untrusted,
            (true, true) => Verdict::Valid,
        };
        Report { kind: self.kind, verdict, said: self.said, faults: self.faults }
    }
}

impl Report {
    /// Without what would steer a terminal or turn the direction of writing: much of it is text of the file, believed in nothing.
    pub(crate) fn in_plain_text(mut self) -> Self {
        self.said.iter_mut().for_each(|said| plain(&mut said.text));
        self.faults.iter_mut().for_each(|fault| plain(&mut fault.message));
        self
    }
}

fn plain(text: &mut String) {
    let steers = |letter: char| {
        letter.is_control() || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(steers) && enforced!("verify.plain") {
        *text = text.chars().map(|letter| if steers(letter) { letter.escape_unicode().to_string() } else { letter.to_string() }).collect();
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code, message: problem.message }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid",
            Self::Untrusted => "consistent, untrusted",
            Self::Invalid => "INVALID",
        })
    }
}
