//! `chancery audit evidence` and `trust`: what `chancery verify` is given.

use crate::commands::{ServerArgs, deliver};
use crate::ended::Ended;
use crate::output::Form;
use chancery_evidence::{Bundle, TrustFile};
use clap::ValueEnum;
use serde::Serialize;
use std::path::PathBuf;

/// Whose act, and for whom.
#[derive(clap::Args)]
pub(super) struct EvidenceArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The event that records the act; the answer to the act named it, and `chancery audit list` does.
    event: String,
    /// Who the bundle is for, which decides what of the record it opens.
    #[arg(long, value_enum, default_value = "full")]
    view: View,
    /// The file to write to.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Where to.
#[derive(clap::Args)]
pub(super) struct TrustArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The file to write to.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum View {
    /// The act, what came of it, and everything that it rests upon.
    Full,
    /// Not the signatures themselves, of which the act has the fingerprints.
    Auditor,
    /// Of what the act rests upon only that it stands in the log.
    Partner,
}

pub(super) async fn evidence(args: &EvidenceArgs, form: Form) -> Result<(), Ended> {
    let view = match args.view {
        View::Full => "full",
        View::Auditor => "auditor",
        View::Partner => "partner",
    };
    let bundle: Bundle = args.server.desk(form)?.own(&format!("/events/{}/evidence?view={view}", args.event)).await?;
    write(&bundle, args.out.as_deref())
}

pub(super) async fn trust(args: &TrustArgs, form: Form) -> Result<(), Ended> {
    let file: TrustFile = args.server.desk(form)?.own("/trust").await?;
    write(&file, args.out.as_deref())
}

fn write(document: &impl Serialize, out: Option<&std::path::Path>) -> Result<(), Ended> {
    let text = serde_json::to_string_pretty(document).map_err(|error| Ended::Malformed(error.to_string()))? + "\n";
    deliver(out, text.as_bytes())
}
