//! `chancery archive`: where the tenant's archive is, and how it stands.

use super::ServerArgs;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_http::api::archive::{ArchiveDocument, DestinationKind, EndedArchiveDocument, SetArchiveBody};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;

/// The archive.
#[derive(clap::Args)]
pub(crate) struct ArchiveArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: ArchiveCommand,
}

#[derive(Subcommand)]
enum ArchiveCommand {
    /// Have everything that the log records put into the tenant's folder below the operator's for archives, by itself.
    #[command(after_help = "Examples:\n  chancery archive set --folder")]
    Set {
        /// Into the tenant's folder below the one that the operator keeps for archives (`archive_dir`).
        #[arg(long, required = true)]
        folder: bool,
    },
    /// Show where the archive is, how much of the log is there, and since when and why it fails, if it does.
    #[command(after_help = "Examples:\n  chancery archive show\n  chancery archive show --json")]
    Show,
    /// Put nothing into the archive any more. What is there stays.
    #[command(after_help = "Examples:\n  chancery archive end")]
    End,
}

pub(crate) async fn archive(args: ArchiveArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        ArchiveCommand::Set { .. } => {
            let body = SetArchiveBody { destination: DestinationKind::Folder };
            desk.show(&desk.act("/archive", &body).await?, shown);
        }
        ArchiveCommand::Show => desk.show(&desk.own("/archive").await?, shown),
        ArchiveCommand::End => {
            let ended: EndedArchiveDocument = desk.act("/archive/end", &EmptyBody {}).await?;
            desk.show(&ended, |_| "Nothing is put into the archive any more.".to_owned());
        }
    }
    Ok(())
}

fn shown(archive: &ArchiveDocument) -> String {
    let (epoch, exported, failures) = (archive.epoch.to_string(), archive.exported.to_string(), archive.failures.to_string());
    output::fields(&[
        ("destination", archive.destination.as_deref().unwrap_or("none")),
        ("epoch", &epoch),
        ("entries there", &exported),
        ("complete at", archive.exported_at.as_deref().unwrap_or_default()),
        ("failing since", archive.failing_since.as_deref().unwrap_or_default()),
        ("failures", &failures),
        ("failure", archive.failure.as_deref().unwrap_or_default()),
    ])
}
