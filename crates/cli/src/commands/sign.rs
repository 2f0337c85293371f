//! `chancery sign`: files are hashed here, a piece at a time, and signed there.

use super::ServerArgs;
use crate::client::progress_of;
use crate::commands::Desk;
use crate::ended::Ended;
use crate::output::{self, Form};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::signing::SignerName;
use chancery_domain::signing::decision::MADE;
use chancery_formats::cms::content_digest;
use chancery_formats::jar::Package;
use chancery_http::api::signatures::{DocumentBody, SignBody, SignatureDocument, SignedDocumentBody};
use chancery_http::api::signers::SignerDocument;
use chancery_x509::hash::Hasher;
use clap::builder::PossibleValuesParser;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// So much of a file is read at once.
const PIECE: usize = 1 << 20;
/// What the signature's files in an archive are called.
const SIGNATURE_FILE: &str = "CHANCERY";
/// A longer document does not fit into a request when it must be sent whole.
const LONGEST: u64 = 180 * 1024;

/// What to sign.
#[derive(clap::Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The files, at most 100.
    #[arg(required = true, num_args = 1..=100)]
    files: Vec<PathBuf>,
    /// The signer's name.
    #[arg(long)]
    signer: SignerName,
    /// The form of the signatures. A `jar` is packaged here; for `dsse` the file is an in-toto statement.
    #[arg(long, default_value = "raw", value_parser = PossibleValuesParser::new(MADE.map(Format::as_str)))]
    format: String,
    /// Put the document into the signature (`cms`).
    #[arg(long, conflicts_with = "detached")]
    attached: bool,
    /// Leave the document out of the signature (`jws`).
    #[arg(long)]
    detached: bool,
    /// Have a timestamp put into the signature (`cms`, `jar`), by the signer that the signer's profile names for it.
    #[arg(long)]
    timestamp: bool,
    /// The kind of signature; by default the one that the signer's profile prefers.
    #[arg(long, value_parser = PossibleValuesParser::new(SignatureAlgorithm::ALL.map(SignatureAlgorithm::as_str)))]
    algorithm: Option<String>,
    /// Write the signature to this file; only with one file.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn sign(args: SignArgs, form: Form) -> Result<(), Ended> {
    if args.output.is_some() && args.files.len() > 1 {
        return Err(Ended::Usage("--output names one file: leave it out to get a .sig beside each".to_owned()));
    }
    let desk = args.server.desk(form)?;
    let algorithm = algorithm(&desk, &args).await?;
    let format = Format::from_name(&args.format).unwrap_or(Format::Raw);
    let mut wares = args.files.iter().map(|path| Ware::of(path, format, algorithm, args.attached)).collect::<Result<Vec<_>, _>>()?;
    let documents = wares.iter().map(|ware| ware.asked.clone()).collect();
    let attached = (args.attached || args.detached).then_some(args.attached);
    let body = SignBody { format, algorithm: Some(algorithm), attached, timestamp: args.timestamp.then_some(true), documents };
    let signed: SignatureDocument = desk.act(&format!("/signers/{}/signatures", args.signer), &body).await?;
    let mut written = Vec::new();
    for (ware, document) in wares.iter_mut().zip(&signed.documents) {
        let bytes = STANDARD.decode(&document.signature).map_err(|_| Ended::Malformed("a signature is not base64".to_owned()))?;
        let to = args.output.clone().unwrap_or_else(|| beside(&ware.path, format));
        ware.write(&to, &bytes, algorithm)?;
        written.push(to);
    }
    desk.show(&signed, |signed| shown(signed, &written));
    Ok(())
}

/// The kind of signature, which says what is to be sent.
async fn algorithm(desk: &Desk, args: &SignArgs) -> Result<SignatureAlgorithm, Ended> {
    if let Some(named) = args.algorithm.as_deref().and_then(SignatureAlgorithm::from_name) {
        return Ok(named);
    }
    let signer: SignerDocument = desk.own(&format!("/signers/{}", args.signer)).await?;
    let key = signer.versions.first().and_then(|version| KeyAlgorithm::from_name(&version.key_algorithm));
    let key = key.ok_or_else(|| Ended::Malformed("the signer has a key of an unknown kind: update chancery".to_owned()))?;
    let preferred = signer.signing_profile.algorithms.iter().copied().find(|algorithm| algorithm.fits(key));
    Ok(preferred.unwrap_or(SignatureAlgorithm::usual(key)))
}

/// What asks for one document in its usual form.
pub(crate) fn signing_request(format: Format, document: DocumentBody) -> SignBody {
    SignBody { format, algorithm: None, attached: None, timestamp: None, documents: vec![document] }
}

/// A file to be signed, and what is sent of it.
struct Ware {
    path: PathBuf,
    asked: DocumentBody,
    /// The archive, taken apart.
    package: Option<Package>,
}

impl Ware {
    fn of(path: &Path, format: Format, algorithm: SignatureAlgorithm, attached: bool) -> Result<Self, Ended> {
        let failed = |source| Ended::File { path: path.to_owned(), source };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let empty = DocumentBody { name, digest: None, size: None, content: None };
        let ware = |asked, package| Self { path: path.to_owned(), asked, package };
        if format == Format::Jar {
            let package = Package::of(&mut file, SIGNATURE_FILE);
            let package = package.map_err(|problem| Ended::Usage(format!("{}: {problem}", path.display())))?;
            let digest = Some(package.digest(algorithm).to_string());
            return Ok(ware(DocumentBody { digest, size: Some(length), ..empty }, Some(package)));
        }
        let by_digest = match format {
            Format::Cms if !attached => Some(content_digest(algorithm)),
            Format::Raw => algorithm.digest(),
            Format::Timestamp => Some(algorithm.digest().unwrap_or(DigestAlgorithm::Sha256)),
            _ => None,
        };
        let Some(kind) = by_digest else {
            let content = whole(&mut file, length, path)?;
            return Ok(ware(DocumentBody { content: Some(STANDARD.encode(content)), ..empty }, None));
        };
        let (digest, size) = hashed(&mut file, length, kind, path).map_err(failed)?;
        Ok(ware(DocumentBody { digest: Some(digest), size: Some(size), ..empty }, None))
    }

    /// Writes the signature, or the archive with it.
    fn write(&mut self, to: &Path, signature: &[u8], algorithm: SignatureAlgorithm) -> Result<(), Ended> {
        let failed = |source| Ended::File { path: to.to_owned(), source };
        let Some(package) = &self.package else { return std::fs::write(to, signature).map_err(failed) };
        let mut archive = File::open(&self.path).map_err(|source| Ended::File { path: self.path.clone(), source })?;
        let mut signed = File::create(to).map_err(failed)?;
        package.write(&mut archive, signature, algorithm, &mut signed).map_err(failed)
    }
}

/// All of a file that is to be sent.
fn whole(file: &mut File, length: u64, path: &Path) -> Result<Vec<u8>, Ended> {
    if length > LONGEST {
        let message = "this form or kind of signature takes the document itself, and no more than so many bytes fit into a request";
        return Err(Ended::Usage(format!(
            "{}: {message}: {LONGEST}. Sign its digest: raw or cms with an ECDSA or RSA key",
            path.display()
        )));
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|source| Ended::File { path: path.to_owned(), source })?;
    Ok(content)
}

/// The digest of what is read, a piece at a time, and how long it is.
pub(crate) fn hashed(file: &mut impl Read, length: u64, kind: DigestAlgorithm, path: &Path) -> std::io::Result<(String, u64)> {
    let (mut hasher, mut piece, mut size) = (Hasher::new(kind), vec![0; PIECE], 0);
    let bar = progress_of(length, &format!("hashing {}", path.display()));
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => {
                hasher.update(piece.get(..read).unwrap_or_default());
                size += read as u64;
                bar.set_position(size);
            }
        }
    }
    bar.finish_and_clear();
    Ok((hasher.finish().to_string(), size))
}

/// Where the result goes: beside the file, with an ending that says what it is.
fn beside(path: &Path, format: Format) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(match format {
        Format::Cms => ".p7s",
        Format::Jws => ".jws",
        Format::Dsse => ".dsse.json",
        Format::Jar => ".signed.jar",
        Format::Timestamp => ".tst",
        _ => ".sig",
    });
    name.into()
}

fn shown(signed: &SignatureDocument, written: &[PathBuf]) -> String {
    let row = |(document, path): (&SignedDocumentBody, &PathBuf)| {
        vec![document.name.clone().unwrap_or_default(), document.digest.clone(), path.display().to_string()]
    };
    let rows = signed.documents.iter().zip(written).map(row).collect();
    let event = signed.event.as_ref().map_or(signed.recorded_by.as_str(), |event| event.id.as_str());
    let version = signed.signer_version.to_string();
    let head = output::fields(&[
        ("signature", &signed.id),
        ("signer", &signed.signer),
        ("version", &version),
        ("algorithm", &signed.algorithm),
        ("event", event),
    ]);
    format!("{head}\n{}", output::table(&["document", "digest", "written to"], rows, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hashed_by_pieces_and_never_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        std::fs::write(&path, vec![7; 3 * PIECE + 5]).unwrap();
        let asked = |algorithm| Ware::of(&path, Format::Raw, algorithm, false).map(|ware| ware.asked);
        let sent = asked(SignatureAlgorithm::RsaPssSha256).unwrap();
        let whole = chancery_x509::hash::digest(DigestAlgorithm::Sha256, &vec![7; 3 * PIECE + 5]);
        assert_eq!((sent.digest, sent.size, sent.content), (Some(whole.to_string()), Some(3 * PIECE as u64 + 5), None));
        assert_eq!(sent.name.as_deref(), Some("long"));
        assert!(asked(SignatureAlgorithm::Ed25519).err().unwrap().to_string().contains("takes the document itself"));
        std::fs::write(&path, b"short").unwrap();
        let sent = asked(SignatureAlgorithm::Ed25519).unwrap();
        assert_eq!((sent.digest, sent.size, sent.content.as_deref()), (None, None, Some("c2hvcnQ=")));
        assert_eq!(beside(&path, Format::Raw), folder.path().join("long.sig"));
    }
}
