//! The independent verifier: openssl where it is installed, else webpki, and named as what it is.

use super::openssl::{OpenSsl, Verification};
use super::step::{Stage, Wrong};
use chancery_domain::port::Clock;
use chancery_x509::pem;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::path::PathBuf;
use std::time::Duration;
use webpki::{CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder};

/// What is to be judged, PEM but for the CRL.
pub(super) struct Evidence<'a> {
    pub(super) leaf: &'a str,
    pub(super) chain: &'a str,
    pub(super) root: &'a str,
    pub(super) crl_der: &'a [u8],
    pub(super) usage: Usage,
}

/// What the certificate is for.
#[derive(Clone, Copy)]
pub(super) enum Usage {
    Server,
    Client,
}

/// Who judges.
pub(super) fn name(stage: &Stage) -> String {
    match &stage.openssl {
        Some(openssl) => format!("{} verify -x509_strict -crl_check", openssl.version),
        None => "webpki with CRL (openssl is not installed)".to_owned(),
    }
}

/// Whether the chain holds, by the independent verifier; its words if it does not.
pub(super) async fn judge(stage: &Stage, evidence: &Evidence<'_>) -> Result<(), Wrong> {
    match &stage.openssl {
        Some(openssl) => by_openssl(stage, openssl, evidence).await,
        None => by_webpki(stage, evidence).map_err(|error| Wrong::new("webpki to accept the chain", error)),
    }
}

async fn by_openssl(stage: &Stage, openssl: &OpenSsl, evidence: &Evidence<'_>) -> Result<(), Wrong> {
    let write = |name: &str, content: &str| -> Result<PathBuf, Wrong> {
        let path = stage.folder.join(name);
        std::fs::write(&path, content).map_err(|error| Wrong::new(format!("{} to be writable", path.display()), error))?;
        Ok(path)
    };
    let purpose = match evidence.usage {
        Usage::Server => "sslserver",
        Usage::Client => "sslclient",
    };
    let crl = pem::encode(pem::X509_CRL, evidence.crl_der);
    let verification = Verification {
        purpose,
        root: write("judged-root.pem", evidence.root)?,
        chain: write("judged-chain.pem", evidence.chain)?,
        crl: write("judged-crl.pem", &crl)?,
        leaf: write("judged-leaf.pem", evidence.leaf)?,
    };
    openssl.verify(&verification).await
}

fn by_webpki(stage: &Stage, evidence: &Evidence<'_>) -> Result<(), String> {
    let said = |error: webpki::Error| error.to_string();
    let (leaf, chain, root) = (certificates(evidence.leaf)?, certificates(evidence.chain)?, certificates(evidence.root)?);
    let leaf = leaf.first().ok_or("no certificate")?;
    let anchors: Vec<_> = root.iter().map(|root| webpki::anchor_from_trusted_cert(root)).collect::<Result<_, _>>().map_err(said)?;
    let crl: CertRevocationList<'_> = OwnedCertRevocationList::from_der(evidence.crl_der).map_err(said)?.into();
    let crls = [&crl];
    let revocation = RevocationOptionsBuilder::new(&crls).map_err(|_| "no CRL")?.with_depth(RevocationCheckDepth::EndEntity).build();
    let usage = match evidence.usage {
        Usage::Server => KeyUsage::server_auth(),
        Usage::Client => KeyUsage::client_auth(),
    };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(stage.clock.now().seconds().unsigned_abs()));
    let entity = EndEntityCert::try_from(leaf).map_err(said)?;
    let verified = entity.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &chain, now, usage, Some(revocation), None);
    verified.map(drop).map_err(said)
}

/// The certificates of a PEM text.
pub(super) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| error.to_string())
}
