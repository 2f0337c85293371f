//! The certificate authorities that `bench peers` measures beside Chancery; nothing else needs them.

use crate::command::Command;
use crate::setup;
use crate::tree::Tree;
use anyhow::{Context, Result};
use std::path::PathBuf;

const STEP_CA: &str = "v0.30.2";

/// Installs what is missing, without a word on standard output, which is the benchmark's; where step-ca is.
pub(crate) fn install(tree: &Tree) -> Result<PathBuf> {
    if !Command::new("cfssl", &tree.root).args(["version"]).succeeds() {
        eprintln!("installing the package golang-cfssl");
        setup::as_root(tree, &["apt-get", "update"])?.read()?;
        setup::as_root(tree, &["apt-get", "install", "--yes", "--no-install-recommends", "golang-cfssl"])?.read()?;
    }
    let folder = tree.tools().join(format!("step-ca-{STEP_CA}"));
    let step_ca = folder.join("step-ca");
    if !step_ca.is_file() {
        eprintln!("building step-ca {STEP_CA}: this takes a few minutes, once");
        let source = format!("github.com/smallstep/certificates/cmd/step-ca@{STEP_CA}");
        let build = Command::new("go", &tree.root).args(["install", &source]).env("GOBIN", &folder).env("CGO_ENABLED", "0");
        build.read().context("step-ca is built from its Go module: Go 1.25 or later must be on PATH (https://go.dev/dl)")?;
    }
    Ok(step_ca)
}
