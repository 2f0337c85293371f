//! Starting other programs, visibly.

use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A program to run in a folder of the tree.
pub(crate) struct Command {
    inner: std::process::Command,
    shown: String,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut inner = std::process::Command::new(program.as_ref());
        inner.current_dir(folder).stdin(Stdio::null());
        Self { inner, shown: program.as_ref().to_string_lossy().into_owned() }
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&argument.as_ref().to_string_lossy());
            self.inner.arg(argument);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.shown = format!("{name}={:?} {}", value, self.shown);
        self.inner.env(name, value);
        self
    }

    /// Says what it runs, runs it with its output going to the terminal, and says how long it took.
    pub(crate) fn run(self) -> Result<()> {
        println!("$ {}", self.shown);
        let start = Instant::now();
        let result = self.pass_on();
        println!("  {}", seconds(start.elapsed()));
        result
    }

    /// Runs it with its output going to the terminal and adds nothing to it.
    pub(crate) fn pass_on(mut self) -> Result<()> {
        let status = self.inner.status().with_context(|| format!("starting {}", self.shown))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it and returns what it printed.
    pub(crate) fn read(mut self) -> Result<String> {
        let output = self.inner.output().with_context(|| format!("starting {}", self.shown))?;
        if !output.status.success() {
            bail!("`{}` ended with {}: {}", self.shown, output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something else than UTF-8", self.shown))
    }

    /// Whether it can be started and ends well; nothing is shown.
    pub(crate) fn succeeds(mut self) -> bool {
        self.inner.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

/// A duration for people.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
