//! Where the judges from outside are that are written in Python.

use std::path::PathBuf;

/// Where `cargo xtask test` says they are; for a plain `cargo test`, where `cargo xtask setup` puts them: beside the folder
/// of the test's program.
pub fn folder() -> PathBuf {
    std::env::var_os("CHANCERY_TEST_TOOLS").map(PathBuf::from).unwrap_or_else(|| {
        let program = std::env::current_exe().expect("a test knows its program");
        program.ancestors().nth(3).expect("it lies in target/debug/deps").join("test-tools/venv/bin")
    })
}
