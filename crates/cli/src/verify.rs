//! `chancery verify`: whether files are what they say, offline, by what the reader trusted beforehand.

use crate::ended::Ended;
use crate::output::{self, Form};
use crate::system::SystemClock;
use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
use chancery_verify::{Brand, Given, Known, LARGEST_LOGO, LONGEST_TRUST, Report, Verdict, completion};
use chancery_x509::{Problem, pem};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest content of a detached signature that is read.
const LONGEST_CONTENT: usize = 1 << 30;

/// What is verified, and by what.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose logs and roots to trust: a file that was obtained beforehand, from somebody who is trusted.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// A root certificate to trust for signers, PEM; may be repeated.
    #[arg(long, value_name = "FILE")]
    root: Vec<PathBuf>,
    /// A root certificate to trust for timestamping authorities, PEM; may be repeated.
    #[arg(long, value_name = "FILE")]
    timestamp_root: Vec<PathBuf>,
    /// A certificate revocation list to take into account, PEM; may be repeated.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// Certificates of signers, PEM, for files that bring none along (DSSE envelopes); believed in nothing.
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// What a detached signature is over, or what a statement is to be about.
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// When certificates must hold where no timestamp says, RFC 3339; now by default.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// A checkpoint of the tenant's or the platform's log that was kept elsewhere, to compare evidence bundles with; may be repeated.
    #[arg(long, value_name = "FILE", requires = "trust")]
    checkpoint: Vec<PathBuf>,
    /// The proof that the log grew from that checkpoint to the bundle's, or the other way round, which `chancery audit consistency`
    /// writes; may be repeated.
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    consistency: Vec<PathBuf>,
    /// Write a page for people, HTML that can be printed, about the one file that is named, if it is a valid evidence bundle.
    #[arg(long, value_name = "FILE")]
    completion: Option<PathBuf>,
    /// Whose page it is: a name at its head.
    #[arg(long, value_name = "NAME", requires = "completion")]
    brand: Option<String>,
    /// A logo beside that name: PNG.
    #[arg(long, value_name = "FILE", requires = "brand")]
    logo: Option<PathBuf>,
}

/// One file and what is said of it.
#[derive(Serialize)]
struct Verified {
    file: String,
    #[serde(flatten)]
    report: Report,
}

pub(crate) fn verify(args: &VerifyArgs, form: Form) -> Result<(), Ended> {
    let known = known(args)?;
    let content = args.content.as_deref().map(|path| read(path, LONGEST_CONTENT)).transpose()?;
    let at = match &args.at {
        Some(text) => Timestamp::parse(text).map_err(|error| Ended::Usage(format!("--at: {error}")))?,
        None => SystemClock::default().now(),
    };
    let mut certificates = Vec::new();
    blocks(&args.certificate, pem::CERTIFICATE, |der| certificates.push(der))?;
    let given = Given { known: known.as_ref(), content: content.as_deref(), certificates: &certificates, at };
    let mut seen = Vec::new();
    for path in &args.files {
        let failed = |source| Ended::File { path: path.clone(), source };
        let report = chancery_verify::verify(&mut File::open(path).map_err(failed)?, &given).map_err(failed)?;
        seen.push(Verified { file: path.display().to_string(), report });
    }
    if let Some(page) = &args.completion {
        complete(args, page, &seen, at)?;
    }
    output::result(form, &seen, |seen| seen.iter().map(shown).collect::<Vec<_>>().join("\n"));
    let not_valid = seen.iter().filter(|seen| seen.report.verdict != Verdict::Valid).count();
    if not_valid == 0 { Ok(()) } else { Err(Ended::NotValid { not_valid, of: seen.len() }) }
}

/// Writes the page of the one file.
fn complete(args: &VerifyArgs, page: &Path, seen: &[Verified], at: Timestamp) -> Result<(), Ended> {
    let ([path], [Verified { report, .. }]) = (args.files.as_slice(), seen) else {
        return Err(Ended::Usage("--completion is about one file: name one".to_owned()));
    };
    let brand = match (&args.brand, &args.logo) {
        (None, _) => None,
        (Some(name), logo) => {
            let logo = logo.as_deref().map(|path| read(path, LARGEST_LOGO)).transpose()?;
            let refused = |_| Ended::Usage(format!("--logo: give PNG of at most {LARGEST_LOGO} bytes"));
            Some(Brand::new(name.clone(), logo.as_deref()).map_err(refused)?)
        }
    };
    // What is not valid is reported below, and has no page.
    match completion(&read(path, LONGEST_CONTENT)?, report, brand.as_ref(), at) {
        Some(html) => std::fs::write(page, html).map_err(|source| Ended::File { path: page.to_owned(), source }),
        None => Ok(()),
    }
}

/// What is trusted; nothing, if nothing was named.
fn known(args: &VerifyArgs) -> Result<Option<Known>, Ended> {
    if args.trust.is_none() && args.root.is_empty() && args.timestamp_root.is_empty() {
        return Ok(None);
    }
    let mut known = match &args.trust {
        None => Known::default(),
        Some(path) => Known::parse(&read(path, LONGEST_TRUST)?).map_err(|problem| Ended::Usage(problem.message))?,
    };
    blocks(&args.root, pem::CERTIFICATE, |der| known.add_root(der))?;
    blocks(&args.timestamp_root, pem::CERTIFICATE, |der| known.add_timestamp_root(der))?;
    blocks(&args.crl, pem::X509_CRL, |der| known.add_list(der))?;
    for path in &args.checkpoint {
        known.keep_checkpoint(read(path, LONGEST_TRUST)?);
    }
    for path in &args.consistency {
        let wrong = |problem: Problem| Ended::Usage(format!("{}: {}", path.display(), problem.message));
        known.add_consistency(&read(path, LONGEST_TRUST)?).map_err(wrong)?;
    }
    Ok(Some(known))
}

/// The blocks of these PEM files, each of which has this label.
pub(crate) fn blocks(paths: &[PathBuf], label: &str, mut each: impl FnMut(Vec<u8>)) -> Result<(), Ended> {
    for path in paths {
        let wrong = || Ended::Usage(format!("{}: give PEM with {label} blocks alone", path.display()));
        let text = String::from_utf8(read(path, LONGEST_TRUST)?).map_err(|_| wrong())?;
        for block in pem::decode(&text).map_err(|_| wrong())? {
            if block.label != label {
                return Err(wrong());
            }
            each(block.der.to_vec());
        }
    }
    Ok(())
}

/// At most one byte more than is looked at, so that what is too long is seen to be.
fn read(path: &Path, longest: usize) -> Result<Vec<u8>, Ended> {
    let failed = |source| Ended::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn shown(verified: &Verified) -> String {
    let Verified { file, report } = verified;
    let hint = if report.verdict == Verdict::Untrusted { ": nothing says who made it; give --trust" } else { "" };
    let said: Vec<_> = report.said.iter().map(|said| (said.label, said.text.as_str())).collect();
    let faults: String = report.faults.iter().map(|fault| format!("WRONG  {}: {}\n", fault.code, fault.message)).collect();
    format!("{file}: {} {}{hint}\n{}{faults}", report.kind, report.verdict, output::fields(&said))
}
