//! Fixtures: inputs kept with a bundle, and what the policy is to say of them. They pass before a version is put in force.

use crate::bundle::{Bundle, FIXTURES};
use crate::evaluate::{Compiled, EvaluationError};
use crate::input::Input;
use crate::verdict::Verdict;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An input and what the policy is to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixture {
    /// Its file's name without folder and ending.
    pub name: String,
    /// The input.
    pub input: Input,
    /// The verdict.
    pub expect: Verdict,
}

/// Why a file is no fixture.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}: {message}")]
pub struct BadFixture {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

/// A fixture that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The fixture.
    pub fixture: Fixture,
    /// What the policy said.
    pub said: Result<Verdict, EvaluationError>,
}

impl Tried {
    /// Whether the policy said what it was to say.
    pub fn passed(&self) -> bool {
        self.said.as_ref() == Ok(&self.fixture.expect)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    input: &'a RawValue,
    expect: Verdict,
}

impl Fixture {
    fn parse(file: &str, text: &str) -> Result<Self, BadFixture> {
        let bad = |message: String| BadFixture { file: file.to_owned(), message };
        let read: File<'_> = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        for obligation in &read.expect.obligations {
            obligation.check().map_err(|error| bad(format!("expect.obligations: {error}")))?;
        }
        let input = Input::parse(read.input.get().as_bytes()).map_err(|error| bad(format!("input: {error}")))?;
        let name = file.strip_prefix(FIXTURES).and_then(|name| name.strip_suffix(".json")).unwrap_or(file).to_owned();
        Ok(Self { name, input, expect: read.expect.sorted() })
    }
}

impl Bundle {
    /// Its fixtures, read.
    ///
    /// # Errors
    /// Each file that is none.
    pub fn read_fixtures(&self) -> Result<Vec<Fixture>, Vec<BadFixture>> {
        let (mut fixtures, mut bad) = (Vec::new(), Vec::new());
        for (file, text) in self.fixtures() {
            match Fixture::parse(file, text) {
                Ok(fixture) => fixtures.push(fixture),
                Err(error) => bad.push(error),
            }
        }
        if bad.is_empty() { Ok(fixtures) } else { Err(bad) }
    }
}

impl Compiled {
    /// Runs fixtures.
    pub fn try_fixtures(&self, fixtures: Vec<Fixture>) -> Vec<Tried> {
        let tried = |fixture: Fixture| Tried { said: self.evaluate(&fixture.input), fixture };
        fixtures.into_iter().map(tried).collect()
    }
}
