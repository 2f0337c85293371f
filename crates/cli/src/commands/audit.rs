//! `chancery audit`: the tenant's audit events, the log that they stand in, and what is checked of it without us.

mod check;
mod evidence;
mod export;

use super::{PageArgs, ServerArgs, deliver, query};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_http::api::events::{EventDocument, EventPage};
use chancery_http::api::log::{ConsistencyDocument, EventProofDocument, LogDocument, LogEpochDocument};
use clap::Subcommand;
use std::path::PathBuf;

/// The audit log.
#[derive(clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// List the audit events, newest first.
    #[command(after_help = "Examples:\n  chancery audit list --limit 20\n  chancery audit list --json")]
    List(ListArgs),
    /// Print the log's newest checkpoint: keep it where nobody who may write to the server can change it.
    #[command(after_help = "Examples:\n  chancery audit checkpoint --out acme.checkpoint\n  chancery audit checkpoint --key >acme.vkey")]
    Checkpoint(CheckpointArgs),
    /// Fetch the proof that the log of one size is the beginning of that of another.
    #[command(after_help = "Examples:\n  chancery audit consistency --from 120 --to 180 --out grown.json\n  \
        chancery verify release.evidence.json --trust trust.json --checkpoint acme.checkpoint --consistency grown.json")]
    Consistency(ConsistencyArgs),
    /// Fetch an event with the proof that it stands in the log.
    #[command(
        after_help = "Examples:\n  chancery audit proof 01a3185c-500a-7e7b-a90c-10ddb5361929 --out event.json\n  chancery audit verify-event event.json --key-file acme.vkey"
    )]
    Proof(ProofArgs),
    /// Verify an event and its proof against the log's key, offline.
    #[command(after_help = "Examples:\n  chancery audit verify-event event.json --key-file acme.vkey")]
    VerifyEvent(check::VerifyEventArgs),
    /// Fetch the evidence of an act: one file that verifies without the server.
    #[command(after_help = "Examples:\n  chancery audit evidence 01a3185c-500a-7e7b-a90c-10ddb5361929 --out release.evidence.json\n  \
        chancery audit evidence 01a3185c-500a-7e7b-a90c-10ddb5361929 --view auditor --out auditor.json\n  \
        chancery verify release.evidence.json --trust trust.json")]
    Evidence(evidence::EvidenceArgs),
    /// Fetch what a verifier has to trust beforehand: the log's keys and the roots. Hand it over on a way that the reader trusts.
    #[command(after_help = "Examples:\n  chancery audit trust --out trust.json")]
    Trust(evidence::TrustArgs),
    /// Write the whole log into a file that is verified without the server.
    #[command(
        after_help = "Examples:\n  chancery audit export --out acme.log\n  chancery audit verify-log acme.log --key-file acme.vkey --checkpoint acme.checkpoint"
    )]
    Export(export::ExportArgs),
    /// Verify an exported log against its key and checkpoints kept elsewhere, offline.
    #[command(after_help = "Examples:\n  chancery audit verify-log acme.log --key-file acme.vkey --checkpoint acme.checkpoint")]
    VerifyLog(check::VerifyLogArgs),
    /// Rebuild logs from the stored events and compare everything; on the server's machine, beside a running server or without it.
    #[command(
        after_help = "Examples:\n  chancery audit fsck --data-dir /var/lib/chancery\n  chancery audit fsck --checkpoint acme.checkpoint --key-file acme.vkey"
    )]
    Fsck(Box<check::FsckArgs>),
}

/// Which events.
#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    page: PageArgs,
}

/// Which checkpoint.
#[derive(clap::Args)]
struct CheckpointArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Which epoch of the log; by default the newest.
    #[arg(long)]
    epoch: Option<u32>,
    /// Print the key that checkpoints verify with instead.
    #[arg(long)]
    key: bool,
    /// That of the platform's log, which the tenants' checkpoints are given to.
    #[arg(long)]
    platform: bool,
    /// The file to write to.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Between which sizes.
#[derive(clap::Args)]
struct ConsistencyArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The size of the shorter log.
    #[arg(long, value_name = "EVENTS")]
    from: u64,
    /// The size of the longer one; by default that of now.
    #[arg(long, value_name = "EVENTS")]
    to: Option<u64>,
    /// Which epoch of the log; by default the newest.
    #[arg(long)]
    epoch: Option<u32>,
    /// Of the platform's log, which the tenants' checkpoints are given to.
    #[arg(long)]
    platform: bool,
    /// The file to write to.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Which event.
#[derive(clap::Args)]
struct ProofArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The event's id.
    event: String,
    /// The file to write to.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn audit(args: AuditArgs, form: Form) -> Result<(), Ended> {
    match args.command {
        AuditCommand::List(args) => list(&args, form).await,
        AuditCommand::Checkpoint(args) => checkpoint(&args, form).await,
        AuditCommand::Consistency(args) => consistency(&args, form).await,
        AuditCommand::Proof(args) => proof(&args, form).await,
        AuditCommand::VerifyEvent(args) => check::verify_event(&args, form),
        AuditCommand::Evidence(args) => evidence::evidence(&args, form).await,
        AuditCommand::Trust(args) => evidence::trust(&args, form).await,
        AuditCommand::Export(args) => export::export(&args, form).await,
        AuditCommand::VerifyLog(args) => check::verify_log(&args, form),
        AuditCommand::Fsck(args) => check::fsck(&args, form).await,
    }
}

async fn list(args: &ListArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let page: EventPage = desk.own(&format!("/events{}", query(&args.page.parameters()))).await?;
    desk.show(&page, |page| {
        let text =
            |event: &EventDocument, field: &str| event.event.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let row = |event: &EventDocument| {
            vec![text(event, "at"), actor(event), text(event, "act"), text(event, "outcome"), event.id.clone(), event.leaf.clone()]
        };
        output::table(&["when", "who", "act", "outcome", "event", "leaf"], page.items.iter().map(row).collect(), "No events.")
    });
    desk.more(page.next.as_ref());
    Ok(())
}

async fn checkpoint(args: &CheckpointArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let epoch = pick(desk.own(address(args.platform)).await?, args.epoch)?;
    let text = if args.key { format!("{}\n", epoch.verifier_key) } else { epoch.checkpoint };
    deliver(args.out.as_deref(), text.as_bytes())
}

const fn address(platform: bool) -> &'static str {
    if platform { "/platform-log" } else { "/log" }
}

async fn consistency(args: &ConsistencyArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let number = |number: u32| number.to_string();
    let parameters = [("from", Some(args.from.to_string())), ("to", args.to.map(|to| to.to_string())), ("epoch", args.epoch.map(number))];
    let path = format!("{}/consistency{}", address(args.platform), query(&parameters));
    let proof: ConsistencyDocument = desk.own(&path).await?;
    let text = serde_json::to_string_pretty(&proof).map_err(|error| Ended::Malformed(error.to_string()))? + "\n";
    deliver(args.out.as_deref(), text.as_bytes())
}

/// The epoch that is meant.
fn pick(log: LogDocument, epoch: Option<u32>) -> Result<LogEpochDocument, Ended> {
    let none = || Ended::Usage("the log has no such epoch; one that has no entry yet has its first within a second".to_owned());
    log.epochs.into_iter().rev().find(|found| epoch.is_none_or(|epoch| found.epoch == epoch)).ok_or_else(none)
}

async fn proof(args: &ProofArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let proof: EventProofDocument = desk.own(&format!("/events/{}/proof", args.event)).await?;
    let text = serde_json::to_string_pretty(&proof).map_err(|error| Ended::Malformed(error.to_string()))? + "\n";
    deliver(args.out.as_deref(), text.as_bytes())
}

fn actor(event: &EventDocument) -> String {
    let actor = event.event.get("actor");
    let field = |name: &str| actor.and_then(|actor| actor.get(name)).and_then(|value| value.as_str());
    field("name").or_else(|| field("kind")).unwrap_or_default().to_owned()
}
