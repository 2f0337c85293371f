//! What is checked of a log without asking the server: an event, an export, and on the server's machine the stored logs themselves.

use crate::commands::read_text;
use crate::config::ConfigFlags;
use crate::ended::Ended;
use crate::open;
use crate::output::{self, Form};
use chancery_app::CheckedLog;
use chancery_domain::TenantId;
use chancery_evidence::{Checkpoint, InclusionProof, Opening, VerifiedExport, VerifierKey, verify_export};
use chancery_http::api::log::EventProofDocument;
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The log's key, as it was kept.
#[derive(clap::Args)]
struct KeyArgs {
    /// The log's key, `name+hash+base64`, as `audit checkpoint --key` printed it when it was trusted.
    #[arg(long, value_name = "KEY", conflicts_with = "key_file")]
    key: Option<String>,
    /// A file with the key, or with one in each line.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// An event and its proof.
#[derive(clap::Args)]
pub(super) struct VerifyEventArgs {
    /// The file that `audit proof` wrote; `-` is standard input.
    file: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
}

/// An export.
#[derive(clap::Args)]
pub(super) struct VerifyLogArgs {
    /// The file that `audit export` wrote.
    file: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// A checkpoint of the log kept elsewhere; may be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
}

/// Stored logs.
#[derive(clap::Args)]
pub(super) struct FsckArgs {
    /// Only the log of the tenant with this id.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// A checkpoint kept elsewhere; may be given several times, with the keys of their logs.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    config: ConfigFlags,
}

/// What is known of an event that verifies.
#[derive(Serialize)]
struct VerifiedEvent {
    origin: String,
    index: u64,
    size: u64,
    event: serde_json::Value,
}

impl KeyArgs {
    fn keys(&self) -> Result<Vec<VerifierKey>, Ended> {
        let text = match (&self.key, &self.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(path)) => read_text(path)?.to_string(),
            (None, None) => return Err(Ended::Usage("give the log's key with --key or --key-file".to_owned())),
        };
        let keys = text.lines().filter(|line| !line.trim().is_empty()).map(VerifierKey::parse);
        keys.collect::<Result<_, _>>().map_err(|error| Ended::Usage(error.to_string()))
    }

    fn one(&self) -> Result<VerifierKey, Ended> {
        let mut keys = self.keys()?;
        let key = keys.pop().filter(|_| keys.is_empty());
        key.ok_or_else(|| Ended::Usage("give the key of the one log".to_owned()))
    }
}

pub(super) fn verify_event(args: &VerifyEventArgs, form: Form) -> Result<(), Ended> {
    let key = args.key.one()?;
    let refused = |reason: String| Ended::NotVerified(format!("{}: {reason}", args.file.display()));
    let document: EventProofDocument =
        serde_json::from_str(&read_text(&args.file)?).map_err(|error| refused(format!("not what `audit proof` writes: {error}")))?;
    let salt: Option<[u8; 32]> = hex::decode(&document.salt).ok().and_then(|salt| salt.try_into().ok());
    let salt = salt.ok_or_else(|| refused("the salt is not 64 hexadecimal digits".to_owned()))?;
    // The leaf that the document names proves nothing: it is made anew.
    let leaf = Opening { salt: &salt, canonical: document.canonical.as_bytes() }.leaf();
    let proof = InclusionProof::parse(&document.proof).map_err(|error| refused(error.to_string()))?;
    let checkpoint = proof.verify(&leaf, &key).map_err(|error| refused(error.to_string()))?;
    let event = serde_json::from_str(&document.canonical).map_err(|error| refused(format!("the event is no JSON: {error}")))?;
    let verified = VerifiedEvent { origin: checkpoint.origin, index: proof.index, size: checkpoint.size, event };
    output::result(form, &verified, |verified| {
        format!("Verified: entry {} of {} in {}\n{}\n", verified.index, verified.size, verified.origin, document.canonical)
    });
    Ok(())
}

pub(super) fn verify_log(args: &VerifyLogArgs, form: Form) -> Result<(), Ended> {
    let key = args.key.one()?;
    let outside = kept(&args.checkpoint, std::slice::from_ref(&key))?;
    let file = File::open(&args.file).map_err(|source| Ended::File { path: args.file.clone(), source })?;
    let verified = verify_export(BufReader::with_capacity(1 << 16, file), &key, &outside);
    let verified = verified.map_err(|error| Ended::NotVerified(format!("{}: {error}", args.file.display())))?;
    #[derive(Serialize)]
    struct Shown {
        tenant: String,
        epoch: u32,
        origin: String,
        entries: u64,
        outside: usize,
    }
    let VerifiedExport { tenant, epoch, checkpoint, outside } = verified;
    let shown = Shown { tenant, epoch, origin: checkpoint.origin, entries: checkpoint.size, outside };
    output::result(form, &shown, |shown| {
        let how = match shown.outside {
            0 => "against no checkpoint kept elsewhere: who holds the log's key could have written it anew".to_owned(),
            one => format!("and {one} checkpoints kept elsewhere are its beginnings"),
        };
        format!("Verified: {} entries of {} (tenant {}), {how}.\n", shown.entries, shown.origin, shown.tenant)
    });
    Ok(())
}

pub(super) async fn fsck(args: &FsckArgs, form: Form) -> Result<(), Ended> {
    let keys = if args.checkpoint.is_empty() { Vec::new() } else { args.key.keys()? };
    let outside = kept(&args.checkpoint, &keys)?;
    let config = args.config.load()?.config;
    let service = open::look(&config).await?;
    let checked = crate::client::during("reading the logs", service.check_logs(args.tenant, &outside)).await.map_err(Ended::Fsck)?;
    let faults = checked.iter().map(|log| log.faults.len()).sum();
    output::result(form, &checked, |checked| {
        let row = |log: &CheckedLog| {
            let verdict = if log.faults.is_empty() { "sound".to_owned() } else { format!("CHANGED: {}", log.faults.join("; ")) };
            vec![log.tenant.to_string(), log.epoch.to_string(), log.size.to_string(), log.outside.to_string(), verdict]
        };
        output::table(&["tenant", "epoch", "entries", "kept elsewhere", "verdict"], checked.iter().map(row).collect(), "No logs.")
    });
    if faults == 0 { Ok(()) } else { Err(Ended::Unwell(faults)) }
}

/// Checkpoints kept elsewhere, each verified with the key of its log.
fn kept(paths: &[PathBuf], keys: &[VerifierKey]) -> Result<Vec<Checkpoint>, Ended> {
    let open = |path: &PathBuf| {
        let text = read_text(path)?;
        let mut why = "its key was not given".to_owned();
        for key in keys {
            match Checkpoint::open(text.as_bytes(), key) {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(error) => why = error.to_string(),
            }
        }
        Err(unbelievable(path, &why))
    };
    paths.iter().map(open).collect()
}

fn unbelievable(path: &Path, why: &str) -> Ended {
    Ended::NotVerified(format!("the checkpoint {}: {why}", path.display()))
}
