//! Compiling a bundle once and evaluating it many times.

use crate::builtins;
use crate::bundle::Bundle;
use crate::input::Input;
use crate::intake::{self, Fault, Places, Refused, SPEAKING};
use crate::meter;
use crate::verdict::Verdict;
use chancery_domain::enforced;
use regorus::{CompiledPolicy, Engine, LimitError, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The package and rule that ask for all that a policy says; a policy cannot be of this package.
const ASKING: &str = "data.chancery_asks.all";
/// Longest input, in bytes: a certificate of 1000 names and some.
const LONGEST_INPUT: usize = 512 * 1024;

/// A bundle, ready to be asked.
#[derive(Clone, Debug)]
pub struct Compiled(Arc<Ready>);

#[derive(Debug)]
struct Ready {
    policy: CompiledPolicy,
    places: Places,
    digest: [u8; 32],
    /// Set when an evaluation did not end: none is begun any more.
    runaway: AtomicBool,
}

/// Why a policy gave no verdict. Whatever it is, the act is refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EvaluationError {
    /// It took too long.
    #[error("the policy took more than {} ms and was ended", meter::LIMIT.as_millis())]
    TimeLimit,
    /// A single step of it did not end.
    #[error("the policy did not end within {} s and is not asked again: put another version in force", meter::GIVEN_UP.as_secs())]
    Runaway,
    /// What is asked about is too long.
    #[error("the facts are {0} bytes, at most {LONGEST_INPUT} are given to a policy")]
    Input(usize),
    /// It said something that is no verdict.
    #[error("the policy's rule {rule} ({at}) gave what is no answer: {message}")]
    Output {
        /// The rule.
        rule: &'static str,
        /// Where the first rule of this name begins: `file:line`.
        at: String,
        /// What is wrong.
        message: String,
    },
    /// The interpreter gave up.
    #[error("the policy failed: {0}")]
    Failed(String),
}

impl Compiled {
    /// Compiles a bundle, if it contains only what a policy may.
    ///
    /// # Errors
    /// What is wrong, by file and line.
    pub fn new(bundle: &Bundle) -> Result<Self, Refused> {
        meter::set();
        let (files, digest) = (bundle.clone(), bundle.digest());
        let whole = |message: &str| Refused(vec![Fault { file: "bundle".to_owned(), line: 0, message: message.to_owned() }]);
        let compiled = meter::apart(move || compile(&files)).ok_or_else(|| whole("cannot be compiled in time"))?;
        let (policy, places) = compiled?;
        Ok(Self(Arc::new(Ready { policy, places, digest, runaway: AtomicBool::new(false) })))
    }

    /// SHA-256 of the bundle's canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest
    }

    /// What the policy says of this input.
    ///
    /// # Errors
    /// It gave no verdict, and the act must be refused.
    pub fn evaluate(&self, input: &Input) -> Result<Verdict, EvaluationError> {
        self.evaluate_canonical(&input.canonical())
    }

    /// What the policy says of an input, by its canonical bytes, which were kept.
    ///
    /// # Errors
    /// As for [`Compiled::evaluate`].
    pub fn evaluate_canonical(&self, input: &[u8]) -> Result<Verdict, EvaluationError> {
        if self.0.runaway.load(Ordering::Relaxed) && enforced!("policy.runaway") {
            return Err(EvaluationError::Runaway);
        }
        if input.len() > LONGEST_INPUT && enforced!("policy.input.length") {
            return Err(EvaluationError::Input(input.len()));
        }
        let text = str::from_utf8(input).map_err(|_| EvaluationError::Failed("the input is no text".to_owned()))?.to_owned();
        let ready = Arc::clone(&self.0);
        let verdict = meter::apart(move || ready.ask(&text));
        verdict.unwrap_or_else(|| {
            self.0.runaway.store(true, Ordering::Relaxed);
            Err(EvaluationError::Runaway)
        })
    }
}

impl Ready {
    fn ask(&self, input: &str) -> Result<Verdict, EvaluationError> {
        let input = Value::from_json_str(input).map_err(|error| EvaluationError::Failed(error.to_string()))?;
        let given = self.policy.eval_with_input(input).map_err(|error| failure(&error))?;
        Verdict::of(&given).map_err(|error| match error {
            EvaluationError::Output { rule, message, .. } => {
                EvaluationError::Output { rule, at: self.places.get(rule).cloned().unwrap_or_default(), message }
            }
            other => other,
        })
    }
}

fn compile(bundle: &Bundle) -> Result<(CompiledPolicy, Places), Refused> {
    let refused = |file: &str, error: &anyhow::Error| {
        let (line, message) = told(&error.to_string());
        Refused(vec![Fault { file: file.to_owned(), line, message }])
    };
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    for (path, text) in bundle.rego() {
        intake::check_text(path, text)?;
        engine.add_policy(path.to_owned(), text.to_owned()).map_err(|error| refused(path, &error))?;
    }
    let places = intake::check(engine.get_modules())?;
    let whole = |error: anyhow::Error| refused("bundle", &error);
    builtins::add_to(&mut engine).map_err(whole)?;
    let all: Vec<_> =
        SPEAKING.iter().filter(|rule| places.contains_key(*rule)).map(|rule| format!("\"{rule}\": data.chancery.{rule}")).collect();
    let asking = format!("package chancery_asks\nall := {{{}}}\n", all.join(", "));
    engine.add_policy("(asking)".to_owned(), asking).map_err(whole)?;
    let policy = engine.compile_with_entrypoint(&ASKING.into()).map_err(whole)?;
    Ok((policy, places))
}

fn failure(error: &anyhow::Error) -> EvaluationError {
    match error.downcast_ref::<LimitError>() {
        Some(LimitError::TimeLimitExceeded { .. }) => EvaluationError::TimeLimit,
        _ => EvaluationError::Failed(one_line(&error.to_string())),
    }
}

/// The line and the words of what the interpreter says, which draws the place over several lines: `--> file:line:column`.
fn told(said: &str) -> (u32, String) {
    let place = said.lines().find_map(|line| line.strip_prefix("--> "));
    let line = place.and_then(|place| place.rsplit(':').nth(1)).and_then(|line| line.parse().ok()).unwrap_or(0);
    let words = said.lines().rev().find_map(|line| line.trim().strip_prefix("error: ")).unwrap_or_else(|| said.trim());
    (line, words.lines().collect::<Vec<_>>().join(" "))
}

fn one_line(said: &str) -> String {
    let place = said.lines().find_map(|line| line.strip_prefix("--> "));
    let (_, words) = told(said);
    let mut text = place.map_or_else(|| words.clone(), |place| format!("{place}: {words}"));
    text.truncate(text.floor_char_boundary(500));
    text
}
