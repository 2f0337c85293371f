//! `chancery duty`: duties that nobody may hold together.

use super::ServerArgs;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::ConflictId;
use chancery_http::api::duties::{ConflictBody, ConflictDocument, ConflictList};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;

/// Duties kept apart.
#[derive(clap::Args)]
pub(crate) struct DutyArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: DutyCommand,
}

#[derive(Subcommand)]
enum DutyCommand {
    /// Declare that nobody may hold actions of both sides, with all their accounts and the service accounts that they own.
    #[command(
        after_help = "Examples:\n  chancery duty declare 'rules and use' --one profile:write --other certificate:issue --other certificate:renew"
    )]
    Declare {
        /// What it is called.
        name: String,
        /// An action on one side. May be repeated.
        #[arg(long, required = true)]
        one: Vec<String>,
        /// An action on the other. May be repeated.
        #[arg(long, required = true)]
        other: Vec<String>,
    },
    /// List the duties that are kept apart.
    #[command(after_help = "Examples:\n  chancery duty list")]
    List,
    /// Keep these duties apart no longer.
    #[command(after_help = "Examples:\n  chancery duty end 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    End {
        /// The conflict's id.
        conflict: ConflictId,
    },
}

pub(crate) async fn duty(args: DutyArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        DutyCommand::Declare { name, one, other } => {
            desk.show(&desk.act("/duty-conflicts", &ConflictBody { name, one, other }).await?, shown);
        }
        DutyCommand::List => desk.show(&desk.own::<ConflictList>("/duty-conflicts").await?, |list| {
            let row = |found: &ConflictDocument| vec![found.id.clone(), found.name.clone(), found.one.join(" "), found.other.join(" ")];
            output::table(&["id", "name", "one", "other"], list.items.iter().map(row).collect(), "No duties are kept apart.")
        }),
        DutyCommand::End { conflict } => {
            desk.show(&desk.act(&format!("/duty-conflicts/{conflict}/end"), &EmptyBody {}).await?, shown);
        }
    }
    Ok(())
}

fn shown(found: &ConflictDocument) -> String {
    output::fields(&[
        ("id", &found.id),
        ("name", &found.name),
        ("one", &found.one.join(" ")),
        ("other", &found.other.join(" ")),
        ("created", &found.created_at),
        ("ended", found.ended_at.as_deref().unwrap_or_default()),
        ("event", found.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}
