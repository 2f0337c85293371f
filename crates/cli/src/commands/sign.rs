//! `chancery sign`: files are hashed here, a piece at a time, and signed there.

mod lasting;
mod ware;

pub(crate) use ware::{Wanted, Ware, hashed};

use super::ServerArgs;
use crate::ended::Ended;
use crate::output::{self, Form};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::{Format, SignatureAlgorithm};
use chancery_domain::signing::SignerName;
use chancery_http::api::signatures::{DocumentBody, SignBody, SignatureDocument, SignedDocumentBody, VersionWishBody};
use chancery_http::api::signers::SignerDocument;
use clap::builder::PossibleValuesParser;
use std::path::{Path, PathBuf};

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
    /// The form of the signatures. A `jar`, PDF (`pades`) or Windows program (`authenticode`) is packaged here; for `dsse` the file is
    /// an in-toto statement, unless --predicate says that one is to be made.
    #[arg(long, default_value = "raw", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::as_str)))]
    format: String,
    /// Sign one in-toto statement about the files (`dsse`, `sigstore`): this JSON object is what is said of them.
    #[arg(long, value_name = "FILE", requires = "predicate_type")]
    predicate: Option<PathBuf>,
    /// What kind of thing it says of them, a URI.
    #[arg(long, value_name = "URI", requires = "predicate")]
    predicate_type: Option<String>,
    /// Put the document into the signature (`cms`; of `sigstore` a statement).
    #[arg(long, conflicts_with = "detached")]
    attached: bool,
    /// Leave the document out of the signature (`jws`).
    #[arg(long)]
    detached: bool,
    /// Have a timestamp put into the signature (all forms but `raw`, `jws` and `dsse`), by the signer that the signer's profile names for
    /// it.
    #[arg(long)]
    timestamp: bool,
    /// The file is a version of the document of this name; a name that is new makes a new document. Only with one file.
    #[arg(long, value_name = "NAME")]
    document: Option<String>,
    /// The version of the document that you take for the newest, 0 if there should be none: refused if it is not.
    #[arg(long, value_name = "VERSION", requires = "document")]
    supersedes: Option<u32>,
    /// Put into a PDF what later verifiers need to judge it without looking further (PAdES B-LT): a timestamp, certificates, and the
    /// revocation lists of all of them as they are published now.
    #[arg(long)]
    long_term: bool,
    /// With --long-term, a revocation list of an authority elsewhere, PEM; may be repeated.
    #[arg(long, value_name = "FILE", requires = "long_term")]
    crl: Vec<PathBuf>,
    /// The kind of signature; by default the one that the signer's profile prefers.
    #[arg(long, value_parser = PossibleValuesParser::new(SignatureAlgorithm::ALL.map(SignatureAlgorithm::as_str)))]
    algorithm: Option<String>,
    /// Write the signature, or the file with its signature in it, to this file; only with one file, or one statement about several.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn sign(args: SignArgs, form: Form) -> Result<(), Ended> {
    if args.output.is_some() && args.files.len() > 1 && args.predicate.is_none() {
        return Err(Ended::Usage("--output names one file: leave it out to get a .sig beside each".to_owned()));
    }
    let desk = args.server.desk(form)?;
    let signer: SignerDocument = desk.own(&format!("/signers/{}", args.signer)).await?;
    let format = Format::from_name(&args.format).unwrap_or(Format::Raw);
    // In a bundle a statement is inside.
    let attached = args.attached || (args.predicate.is_some() && format == Format::Sigstore);
    let mut wanted = Wanted::of(&signer, format, args.algorithm.as_deref().and_then(SignatureAlgorithm::from_name), attached)?;
    let timestamp = args.timestamp || args.long_term;
    if args.long_term && format != Format::Pades {
        return Err(Ended::Usage("--long-term is about PDFs: it goes with --format pades".to_owned()));
    }
    if format == Format::Pades && (timestamp || signer.signing_profile.timestamp_required) {
        lasting::take_along(&desk, &signer, &mut wanted, args.long_term.then_some(args.crl.as_slice())).await?;
    }
    let wares = wares(&args, &wanted)?;
    let documents = wares.iter().map(|ware| ware.asked.clone()).collect();
    let attached = (attached || args.detached).then_some(attached);
    let algorithm = wanted.algorithm;
    let version_of = args.document.clone().map(|name| VersionWishBody { name, supersedes: args.supersedes });
    let timestamp = timestamp.then_some(true);
    let body = SignBody { format, algorithm: Some(algorithm), attached, timestamp, version_of, documents };
    let signed: SignatureDocument = desk.act(&format!("/signers/{}/signatures", args.signer), &body).await?;
    let mut written = Vec::new();
    for (ware, document) in wares.into_iter().zip(&signed.documents) {
        let bytes = STANDARD.decode(&document.signature).map_err(|_| Ended::Malformed("a signature is not base64".to_owned()))?;
        let to = args.output.clone().unwrap_or_else(|| beside(&ware.path, format));
        ware.write(&to, &bytes, algorithm)?;
        written.push(to);
    }
    desk.show(&signed, |signed| shown(signed, &written));
    Ok(())
}

/// Each file, or one statement about all of them.
fn wares(args: &SignArgs, wanted: &Wanted) -> Result<Vec<Ware>, Ended> {
    let (Some(predicate), Some(kind)) = (&args.predicate, &args.predicate_type) else {
        return args.files.iter().map(|path| Ware::of(path, wanted)).collect();
    };
    if !matches!(wanted.format, Format::Dsse | Format::Sigstore) {
        return Err(Ended::Usage("a statement about files is signed as --format dsse or sigstore".to_owned()));
    }
    if args.output.is_none() && args.files.len() > 1 {
        return Err(Ended::Usage("--output says where one statement about several files goes".to_owned()));
    }
    Ok(vec![Ware::statement(&args.files, kind, predicate)?])
}

/// What asks for one document in its usual form.
pub(crate) fn signing_request(format: Format, document: DocumentBody) -> SignBody {
    SignBody { format, algorithm: None, attached: None, timestamp: None, version_of: None, documents: vec![document] }
}

/// Where the result goes: beside the file, with an ending that says what it is.
fn beside(path: &Path, format: Format) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(match format {
        Format::Cms => ".p7s",
        Format::Jws => ".jws",
        Format::Dsse => ".dsse.json",
        Format::Sigstore => ".sigstore.json",
        Format::Jar => ".signed.jar",
        Format::Timestamp => ".tst",
        Format::Pades => ".signed.pdf",
        Format::Authenticode => ".signed.exe",
        Format::Raw => ".sig",
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
    let of = signed.version_of.as_ref().map(|of| format!("{}, version {}", of.name, of.version)).unwrap_or_default();
    let head = output::fields(&[
        ("signature", &signed.id),
        ("signer", &signed.signer),
        ("version", &version),
        ("algorithm", &signed.algorithm),
        ("document", &of),
        ("event", event),
    ]);
    format!("{head}\n{}", output::table(&["document", "digest", "written to"], rows, ""))
}
