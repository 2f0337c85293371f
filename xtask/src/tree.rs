//! The source tree: where it is, where it builds to, which files it has.

use crate::command::Command;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The checkout that this tool was started from.
pub(crate) struct Tree {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Where cargo builds to; honours `CARGO_TARGET_DIR` and cargo's configuration.
    pub(crate) target: PathBuf,
    /// What `cargo metadata --no-deps` says.
    pub(crate) metadata: Value,
}

impl Tree {
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").context("start this as `cargo xtask`, which tells it where the tree is")?;
        let root = Path::new(&manifest).parent().context("xtask has no parent folder")?.to_owned();
        let text = Command::new("cargo", &root).args(["metadata", "--no-deps", "--format-version", "1"]).read()?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
        let target = metadata.get("target_directory").and_then(Value::as_str).context("cargo metadata names no target directory")?.into();
        Ok(Self { root, target, metadata })
    }

    /// Where `setup` puts tools.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("test-tools")
    }

    /// Files with this extension that git tracks or would track, relative to the root, sorted.
    pub(crate) fn files(&self, extension: &str) -> Result<Vec<PathBuf>> {
        let pattern = format!("*.{extension}");
        let listed = Command::new("git", &self.root)
            .args(["-c", "core.quotePath=false", "ls-files", "--cached", "--others", "--exclude-standard", "--", &pattern])
            .read()?;
        let mut files: Vec<PathBuf> = listed.lines().map(PathBuf::from).filter(|path| self.root.join(path).is_file()).collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The text of a file of the tree.
    pub(crate) fn text(&self, path: &Path) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("reading {}", path.display()))
    }
}
