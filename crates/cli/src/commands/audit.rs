//! `chancery audit`: the tenant's audit events.

use super::{PageArgs, ServerArgs, query};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_http::api::events::{EventDocument, EventPage};
use clap::Subcommand;

/// The audit log.
#[derive(clap::Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// List the audit events, newest first.
    #[command(after_help = "Examples:\n  chancery audit list --limit 20\n  chancery audit list --json")]
    List(PageArgs),
}

pub(crate) async fn audit(args: AuditArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let AuditCommand::List(page) = args.command;
    let page: EventPage = desk.own(&format!("/events{}", query(&page.parameters()))).await?;
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

fn actor(event: &EventDocument) -> String {
    let actor = event.event.get("actor");
    let field = |name: &str| actor.and_then(|actor| actor.get(name)).and_then(|value| value.as_str());
    field("name").or_else(|| field("kind")).unwrap_or_default().to_owned()
}
