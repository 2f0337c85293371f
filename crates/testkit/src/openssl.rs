//! The openssl command as a judge from outside.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A directory for openssl's files.
pub struct Openssl(TempDir);

/// What a command said: whether it ended well, and all of its output.
#[derive(Debug)]
pub struct Said {
    /// Whether it ended well.
    pub ok: bool,
    /// Standard output, then standard error.
    pub text: String,
}

/// A serial number as openssl prints it: in capitals, without the leading zero octets that DER leaves out.
pub fn printed_serial(serial: &str) -> String {
    let mut digits = serial;
    while let Some(rest) = digits.strip_prefix("00").filter(|rest| !rest.is_empty()) {
        digits = rest;
    }
    digits.to_uppercase()
}

impl Openssl {
    /// An empty directory.
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory is made"))
    }

    /// Writes a file.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("a file is written");
        path
    }

    /// Reads a file that openssl wrote.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs `openssl` with these arguments, split at blanks, in the directory.
    pub fn run(&self, arguments: &str, input: &[u8]) -> Said {
        self.run_with(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// The same with arguments that may hold blanks.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut command = Command::new("openssl");
        command.current_dir(self.0.path()).args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the openssl command runs: apt-get install openssl, or cargo xtask setup");
        // It may end without reading all of it.
        let _ = child.stdin.take().expect("its input is piped").write_all(input);
        let output = child.wait_with_output().expect("openssl ends");
        let text = [output.stdout, output.stderr].concat();
        Said { ok: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// Runs `openssl` with these arguments, which must end well; what it said.
    #[track_caller]
    pub fn must_with(&self, arguments: &[&str]) -> String {
        let said = self.run_with(arguments, b"");
        assert!(said.ok, "openssl {arguments:?}: {}", said.text);
        said.text
    }

    /// The same as [`Openssl::run`], which must end well; what it said.
    #[track_caller]
    pub fn must(&self, arguments: &str, input: &[u8]) -> String {
        let said = self.run(arguments, input);
        assert!(said.ok, "openssl {arguments}: {}", said.text);
        said.text
    }
}

impl Default for Openssl {
    fn default() -> Self {
        Self::new()
    }
}
