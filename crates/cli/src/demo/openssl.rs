//! The `openssl` command: makes requests as a user would, and judges independently of us.

use super::step::Wrong;
use chancery_domain::signature::Format;
use std::path::{Path, PathBuf};
use tokio::process::Command;
use zeroize::Zeroizing;

/// The installed program.
pub(super) struct OpenSsl {
    /// Its name and version.
    pub(super) version: String,
}

/// What openssl is to verify, as files.
pub(super) struct Verification<'a> {
    pub(super) purpose: &'a str,
    pub(super) root: PathBuf,
    pub(super) chain: PathBuf,
    pub(super) crl: PathBuf,
    pub(super) leaf: PathBuf,
}

impl OpenSsl {
    /// The program, if there is one that works.
    pub(super) async fn find() -> Option<Self> {
        let output = Command::new("openssl").arg("version").output().await.ok().filter(|output| output.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<_> = text.split_whitespace().take(2).collect();
        Some(Self { version: words.join(" ") })
    }

    /// A new P-256 key and a certification request for these DNS names: the request and the key, PEM.
    pub(super) async fn request(&self, folder: &Path, names: &[&str]) -> Result<(String, Zeroizing<String>), Wrong> {
        let name = names.first().copied().unwrap_or_default();
        let (key, csr) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.csr")));
        let listed: Vec<_> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let mut command = Command::new("openssl");
        command.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"]);
        command.args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName={}", listed.join(","))]);
        command.arg("-keyout").arg(&key).arg("-out").arg(&csr);
        run(command).await?;
        let read =
            |path: &Path| std::fs::read_to_string(path).map_err(|error| Wrong::new(format!("{} to be readable", path.display()), error));
        Ok((read(&csr)?, Zeroizing::new(read(&key)?)))
    }

    /// Verifies a chain strictly, with the CRL; the verdict in its own words.
    pub(super) async fn verify(&self, what: &Verification<'_>) -> Result<(), Wrong> {
        let mut command = Command::new("openssl");
        command.args(["verify", "-x509_strict", "-crl_check", "-no-CApath", "-no-CAstore", "-purpose", what.purpose]);
        command.arg("-CAfile").arg(&what.root).arg("-untrusted").arg(&what.chain).arg("-CRLfile").arg(&what.crl).arg(&what.leaf);
        run(command).await
    }
}

impl OpenSsl {
    /// Verifies the signature in `signature` over `signed-document`, in this form, with the key of `signer-chain.pem`.
    pub(super) async fn verify_signature(&self, folder: &Path, format: Format) -> Result<(), Wrong> {
        let mut command = Command::new("openssl");
        command.current_dir(folder);
        if format == Format::Cms {
            command.args(["cms", "-verify", "-binary", "-cades", "-purpose", "any", "-inform", "DER", "-CAfile", "signer-root.pem"]);
            command.args(["-in", "signature", "-content", "signed-document", "-out", "signed-content"]);
            return run(command).await;
        }
        command.args(["x509", "-in", "signer-chain.pem", "-noout", "-pubkey", "-out", "signer.pub"]);
        run(command).await?;
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(["dgst", "-sha256", "-verify", "signer.pub", "-signature", "signature", "signed-document"]);
        run(command).await
    }
}

async fn run(mut command: Command) -> Result<(), Wrong> {
    let output = command.kill_on_drop(true).output().await.map_err(|error| Wrong::new("openssl to start", error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).split_whitespace().collect::<Vec<_>>().join(" ");
    Err(Wrong::new("openssl to succeed", said))
}
