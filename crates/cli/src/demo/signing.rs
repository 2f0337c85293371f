//! The demonstration's signatures: made by the server from digests, judged by openssl and by our own verifier, offline, and refused with
//! one bit changed.

use super::acts::Tenant;
use super::artifacts;
use super::step::{Stage, StepFailed, Wrong, expect};
use crate::commands::sign::{Wanted, Ware, hashed, signing_request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::port::Clock;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_http::api::signatures::{DocumentBody, SignatureDocument};
use chancery_http::api::signers::{CreateSignerBody, SignerCertificateBody, SignerDocument, SigningProfileDocument};
use chancery_verify::{Given, Known, Report, Verdict};
use chancery_x509::pem;
use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

const SIGNER: &str = "release";
const OFFICE: &str = "office";
const DOCUMENT: &[u8] = b"A release of acme-bank, byte for byte.\n";

/// A file that goes into its signature, or has it inside.
struct Sample {
    name: &'static str,
    format: Format,
    content: Vec<u8>,
    /// What is changed afterwards, as it stands in the signed file.
    changed: &'static [u8],
    what: &'static str,
}

/// Signers for code and for documents, a document that is signed in two forms, and a file of each kind that verifies by itself.
pub(super) async fn signatures(stage: &Stage, tenant: &Tenant) -> Result<(), StepFailed> {
    let code = [Format::Raw, Format::Cms, Format::Jar, Format::Authenticode, Format::Dsse];
    let signer = stage.step("signer", make_signer(tenant, SIGNER, "code-signing", &code)).await?;
    for (format, algorithm) in [(Format::Raw, "bare signature"), (Format::Cms, "CMS with CAdES attributes")] {
        stage.step("signature", signature(stage, tenant, &signer, format, algorithm)).await?;
    }
    let office = stage.step("signer", make_signer(tenant, OFFICE, "document-signing", &[Format::Pades])).await?;
    for sample in samples() {
        let signer = if sample.format == Format::Pades { &office } else { &signer };
        stage.step("signed file", signed_file(stage, tenant, signer, sample)).await?;
    }
    Ok(())
}

fn samples() -> [Sample; 4] {
    let sample = |name, format, content, changed, what| Sample { name, format, content, changed, what };
    [
        sample("contract.pdf", Format::Pades, artifacts::pdf(), b"100 EUR", "PDF (PAdES)"),
        sample("rates.jar", Format::Jar, artifacts::archive(), b"EUR 1.00", "Java archive"),
        sample("app.exe", Format::Authenticode, artifacts::program(), b"\x31\xc0\xc3", "Windows program (Authenticode)"),
        // In an envelope the statement is in base64.
        sample("release.txt", Format::Dsse, DOCUMENT.to_vec(), b"eyJ", "in-toto statement (DSSE)"),
    ]
}

async fn make_signer(tenant: &Tenant, name: &str, profile: &str, formats: &[Format]) -> Result<(SignerDocument, String), Wrong> {
    let client = &tenant.admin.client;
    let body = CreateSignerBody {
        name: name.to_owned(),
        signing_profile: SigningProfileDocument {
            environment: None,
            formats: formats.to_vec(),
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
            retention: None,
        },
        certify: Some(SignerCertificateBody {
            profile: profile.to_owned(),
            issuer: Some(tenant.issuer.id.clone()),
            key_algorithm: None,
            names: vec![format!("{name}.{}", tenant.domain)],
            common_name: None,
            validity_seconds: None,
        }),
        imported: None,
    };
    let made: SignerDocument = client.post(&client.own("/signers")?, &body).await?;
    expect(made.state == "active", "an active signer", &made.state)?;
    let figure = format!("{name} of {}: own key, certified for {profile} by its tenant's CA, at most 100 signatures", tenant.slug);
    Ok((made, figure))
}

/// As `chancery sign` does it; then as `chancery verify` does, with nothing but the tenant's root.
async fn signed_file(stage: &Stage, tenant: &Tenant, signer: &SignerDocument, sample: Sample) -> Result<((), String), Wrong> {
    let client = &tenant.admin.client;
    let Sample { name, format, what, .. } = sample;
    let path = stage.folder.join(name);
    write(&path, &sample.content)?;
    let unmade = |error: &dyn std::fmt::Display| Wrong::new(format!("{name} to be signed"), error);
    let wanted = Wanted::of(signer, format, None, false).map_err(|error| unmade(&error))?;
    let ware = if format == Format::Dsse {
        let said = stage.folder.join("tested.json");
        write(&said, br#"{"tested": true}"#)?;
        Ware::statement(std::slice::from_ref(&path), "https://acme-bank.example/tested/v1", &said)
    } else {
        Ware::of(&path, &wanted)
    };
    let ware = ware.map_err(|error| unmade(&error))?;
    let body = signing_request(format, ware.asked.clone());
    let signed: SignatureDocument = client.post(&client.own(&format!("/signers/{}/signatures", signer.name))?, &body).await?;
    let made = signed.documents.first().ok_or_else(|| Wrong::new("one signature", "none"))?;
    let bytes = STANDARD.decode(&made.signature).map_err(|error| Wrong::new("a signature in base64", error))?;
    let to = stage.folder.join(format!("signed-{name}"));
    ware.write(&to, &bytes, wanted.algorithm).map_err(|error| unmade(&error))?;
    let mut file = std::fs::read(&to).map_err(|error| unmade(&error))?;
    let report = verdict(stage, tenant, &wanted, &file)?;
    expect(report.verdict == Verdict::Valid, format!("a signed {what} that is valid"), told(&report))?;
    let place = file.windows(sample.changed.len()).position(|window| window == sample.changed);
    let byte = place.and_then(|place| file.get_mut(place)).ok_or_else(|| Wrong::new("the content in the signed file", "none of it"))?;
    *byte ^= 1;
    let changed = verdict(stage, tenant, &wanted, &file)?;
    expect(changed.verdict == Verdict::Invalid, format!("a {what} with one bit changed to be invalid"), told(&changed))?;
    let code = changed.faults.first().map(|fault| fault.code).unwrap_or_default();
    let figure =
        format!("{what} by {}, {} bytes: valid offline by the root alone; one bit changed: refused ({code})", signer.name, file.len());
    Ok(((), figure))
}

fn verdict(stage: &Stage, tenant: &Tenant, wanted: &Wanted, file: &[u8]) -> Result<Report, Wrong> {
    let mut known = Known::default();
    let root = pem::decode(&tenant.root).map_err(|error| Wrong::new("a root in PEM", error))?;
    root.iter().for_each(|block| known.add_root(block.der.to_vec()));
    let given = Given { known: Some(&known), content: None, certificates: wanted.chain(), at: stage.clock.now() };
    chancery_verify::verify(&mut Cursor::new(file), &given).map_err(|error| Wrong::new("a file that can be read", error))
}

/// What the verifier found, in words.
fn told(report: &Report) -> String {
    let faults: Vec<_> = report.faults.iter().map(|fault| fault.message.as_str()).collect();
    format!("{:?}: {}", report.verdict, faults.join("; "))
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
        write(&self.folder.join(name), content)
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), Wrong> {
    std::fs::write(path, content).map_err(|error| Wrong::new(format!("{} to be writable", path.display()), error))
}
