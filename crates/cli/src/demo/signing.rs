//! The demonstration's signatures: made by the server from digests, judged by openssl, and refused with one byte changed.

use super::acts::Tenant;
use super::step::{Stage, StepFailed, Wrong, expect};
use crate::commands::sign::{hashed, signing_request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_http::api::signatures::{DocumentBody, SignatureDocument};
use chancery_http::api::signers::{CreateSignerBody, SignerCertificateBody, SignerDocument, SigningProfileDocument};
use std::fs::File;
use std::path::PathBuf;

const SIGNER: &str = "release";
const DOCUMENT: &[u8] = b"A release of acme-bank, byte for byte.\n";

/// A signer, and a document that it signs in two forms.
pub(super) async fn signatures(stage: &Stage, tenant: &Tenant) -> Result<(), StepFailed> {
    let signer = stage.step("signer", signer(tenant)).await?;
    for (format, algorithm) in [(Format::Raw, "bare signature"), (Format::Cms, "CMS with CAdES attributes")] {
        stage.step("signature", signature(stage, tenant, &signer, format, algorithm)).await?;
    }
    Ok(())
}

async fn signer(tenant: &Tenant) -> Result<(SignerDocument, String), Wrong> {
    let client = &tenant.admin.client;
    let body = CreateSignerBody {
        name: SIGNER.to_owned(),
        signing_profile: SigningProfileDocument {
            formats: vec![Format::Raw, Format::Cms],
            algorithms: vec![SignatureAlgorithm::EcdsaP256Sha256],
            digests: vec![DigestAlgorithm::Sha256],
            accounts: Vec::new(),
            max_signatures: Some(100),
            max_signatures_a_day: None,
            timestamp_required: false,
            timestamp_by: None,
            timestamp: None,
            max_artifact_bytes: Some(1_000_000),
            min_validity_seconds: 0,
        },
        certify: Some(SignerCertificateBody {
            profile: "code-signing".to_owned(),
            issuer: Some(tenant.issuer.id.clone()),
            key_algorithm: None,
            names: vec![format!("release.{}", tenant.domain)],
            common_name: None,
            validity_seconds: None,
        }),
        imported: None,
    };
    let made: SignerDocument = client.post(&client.own("/signers")?, &body).await?;
    expect(made.state == "active", "an active signer", &made.state)?;
    let figure = format!("{SIGNER} of {}: own key, certified for code by its tenant's CA, at most 100 signatures", tenant.slug);
    Ok((made, figure))
}

async fn signature(stage: &Stage, tenant: &Tenant, signer: &SignerDocument, format: Format, what: &str) -> Result<((), String), Wrong> {
    let client = &tenant.admin.client;
    let files = Files::of(stage, tenant, signer)?;
    let unread = |error: std::io::Error| Wrong::new("the document to be readable", error);
    let mut file = File::open(&files.document).map_err(unread)?;
    let (digest, size) = hashed(&mut file, DOCUMENT.len() as u64, DigestAlgorithm::Sha256, &files.document).map_err(unread)?;
    let document = DocumentBody { name: Some("release.txt".to_owned()), digest: Some(digest), size: Some(size), content: None };
    let body = signing_request(format, document);
    let signed: SignatureDocument = client.post(&client.own(&format!("/signers/{SIGNER}/signatures"))?, &body).await?;
    let made = signed.documents.first().ok_or_else(|| Wrong::new("one signature", "none"))?;
    let bytes = STANDARD.decode(&made.signature).map_err(|error| Wrong::new("a signature in base64", error))?;
    files.write("signature", &bytes)?;
    let Some(openssl) = &stage.openssl else {
        return Ok(((), format!("{what} of {} bytes over a digest; nobody judges it, for openssl is not installed", bytes.len())));
    };
    openssl.verify_signature(&stage.folder, format).await?;
    let mut changed = DOCUMENT.to_vec();
    changed.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    files.write("signed-document", &changed)?;
    let refused = openssl.verify_signature(&stage.folder, format).await;
    expect(refused.is_err(), "openssl to refuse the document with one bit changed", "it accepted it")?;
    let figure =
        format!("{what}, {} bytes, over a digest: {} accepts it, and refuses it with one bit changed", bytes.len(), openssl.version);
    Ok(((), figure))
}

/// What openssl is given.
struct Files {
    folder: PathBuf,
    document: PathBuf,
}

impl Files {
    fn of(stage: &Stage, tenant: &Tenant, signer: &SignerDocument) -> Result<Self, Wrong> {
        let files = Self { folder: stage.folder.clone(), document: stage.folder.join("signed-document") };
        let chain = signer.versions.first().map(|version| version.chain.as_str()).unwrap_or_default();
        files.write("signed-document", DOCUMENT)?;
        files.write("signer-chain.pem", chain.as_bytes())?;
        files.write("signer-root.pem", tenant.root.as_bytes())?;
        Ok(files)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), Wrong> {
        let path = self.folder.join(name);
        std::fs::write(&path, content).map_err(|error| Wrong::new(format!("{} to be writable", path.display()), error))
    }
}
