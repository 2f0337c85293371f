//! `chancery hold`: legal holds, which keep what would be removed otherwise.

use super::{PageArgs, ServerArgs, query};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::{CertificateId, DocumentId, HoldId, SignatureId};
use chancery_http::api::holds::{HoldDocument, HoldPage, PlaceHoldBody, ReleaseHoldBody};
use clap::Subcommand;

/// Legal holds.
#[derive(clap::Args)]
pub(crate) struct HoldArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: HoldCommand,
}

#[derive(Subcommand)]
enum HoldCommand {
    /// Place a legal hold: what it is on is removed by nobody until the hold is released.
    #[command(after_help = "Examples:\n  chancery hold place --on-document 01a3185c-500a-7e7b-a90c-10ddb5361929 --name 'Acme v. Brava' \
        --reason 'the court asks for it'\n  chancery hold place --on-tenant --name audit-2026 --reason 'until the audit ends'")]
    Place {
        #[command(flatten)]
        on: On,
        /// Its name, of the case for example.
        #[arg(long)]
        name: String,
        /// Why, at most 500 characters.
        #[arg(long)]
        reason: String,
    },
    /// List legal holds, newest first, those that were released among them.
    #[command(after_help = "Examples:\n  chancery hold list\n  chancery hold list --json")]
    List {
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a legal hold.
    #[command(after_help = "Examples:\n  chancery hold show 01a3185c-500a-7e7b-a90c-10ddb5361929")]
    Show {
        /// The hold's id.
        hold: HoldId,
    },
    /// Release a legal hold: what is past its retention is removed within two days then.
    #[command(after_help = "Examples:\n  chancery hold release 01a3185c-500a-7e7b-a90c-10ddb5361929 --reason 'the case is closed'")]
    Release {
        /// The hold's id.
        hold: HoldId,
        /// Why, at most 500 characters.
        #[arg(long)]
        reason: String,
    },
}

/// What a hold is on.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct On {
    /// A document: the signatures of all its versions.
    #[arg(long, value_name = "DOCUMENT")]
    on_document: Option<DocumentId>,
    /// The signatures of a request.
    #[arg(long, value_name = "SIGNATURE")]
    on_signature: Option<SignatureId>,
    /// A certificate, and the signatures made with it.
    #[arg(long, value_name = "CERTIFICATE")]
    on_certificate: Option<CertificateId>,
    /// Everything of the tenant.
    #[arg(long)]
    on_tenant: bool,
}

impl On {
    fn path(&self) -> String {
        match (&self.on_document, &self.on_signature, &self.on_certificate) {
            (Some(document), _, _) => format!("/documents/{document}/holds"),
            (_, Some(signature), _) => format!("/signatures/{signature}/holds"),
            (_, _, Some(certificate)) => format!("/certificates/{certificate}/holds"),
            _ => "/holds".to_owned(),
        }
    }
}

pub(crate) async fn hold(args: HoldArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        HoldCommand::Place { on, name, reason } => desk.show(&desk.act(&on.path(), &PlaceHoldBody { name, reason }).await?, shown),
        HoldCommand::List { page } => {
            let found: HoldPage = desk.own(&format!("/holds{}", query(&page.parameters()))).await?;
            let row = |hold: &HoldDocument| {
                let state = if hold.released_at.is_some() { "released" } else { "holds" };
                let on = hold.subject.clone().unwrap_or_default();
                vec![hold.id.clone(), state.to_owned(), hold.on.clone(), on, hold.name.clone(), hold.placed_at.clone()]
            };
            desk.show(&found, |found| {
                output::table(&["id", "", "on", "subject", "name", "placed at"], found.items.iter().map(row).collect(), "No legal holds.")
            });
            desk.more(found.next.as_ref());
        }
        HoldCommand::Show { hold } => desk.show(&desk.own(&format!("/holds/{hold}")).await?, shown),
        HoldCommand::Release { hold, reason } => {
            desk.show(&desk.act(&format!("/holds/{hold}/release"), &ReleaseHoldBody { reason }).await?, shown);
        }
    }
    Ok(())
}

fn shown(hold: &HoldDocument) -> String {
    output::fields(&[
        ("hold", &hold.id),
        ("name", &hold.name),
        ("reason", &hold.reason),
        ("on", &hold.on),
        ("subject", hold.subject.as_deref().unwrap_or_default()),
        ("placed at", &hold.placed_at),
        ("placed by", &hold.placed_by),
        ("released at", hold.released_at.as_deref().unwrap_or_default()),
        ("released by", hold.released_by.as_deref().unwrap_or_default()),
    ])
}
