//! `chancery verify`: whether files are what they say, offline, by what the reader trusted beforehand.

use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_verify::{Known, LONGEST_BUNDLE, LONGEST_TRUST, Report, Verdict, verify_bundle};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is verified, and by what.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose logs and roots to trust: a file that was obtained beforehand, from somebody who is trusted.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

/// One file and what is said of it.
#[derive(Serialize)]
struct Verified {
    file: String,
    #[serde(flatten)]
    report: Report,
}

pub(crate) fn verify(args: &VerifyArgs, form: Form) -> Result<(), Ended> {
    let known = match &args.trust {
        None => None,
        Some(path) => Some(Known::parse(&read(path, LONGEST_TRUST)?).map_err(|problem| Ended::Usage(problem.message))?),
    };
    let mut seen = Vec::new();
    for path in &args.files {
        let report = verify_bundle(&read(path, LONGEST_BUNDLE)?, known.as_ref());
        seen.push(Verified { file: path.display().to_string(), report });
    }
    output::result(form, &seen, |seen| seen.iter().map(shown).collect::<Vec<_>>().join("\n"));
    let not_valid = seen.iter().filter(|seen| seen.report.verdict != Verdict::Valid).count();
    if not_valid == 0 { Ok(()) } else { Err(Ended::NotValid { not_valid, of: seen.len() }) }
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
