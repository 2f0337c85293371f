//! Python with `cryptography` and pkilint, judges from outside that share nothing with us.

use crate::judges::folder;
use std::ffi::OsStr;
use std::process::Command;

/// Runs a script with these arguments; whether it ended well, and all that it said.
pub fn run<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> (bool, String) {
    let output = Command::new(folder().join("python")).args(["-c", script]).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("python: {error}; run cargo xtask setup"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// The same, which must end well; what it said.
#[track_caller]
pub fn must<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> String {
    let (ok, text) = run(script, arguments);
    assert!(ok, "python: {text}");
    text
}
