//! `chancery tenant`: the operator's register, and one's own tenant.

use super::{Desk, PageArgs, ServerArgs, query};
use crate::client;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::TenantId;
use chancery_http::api::platform::{
    ChangedTenantDocument, CreateTenantBody, EmptyBody, InvitationDocument, RegisteredTenantDocument, RegisteredTenantPage,
};
use chancery_http::api::tenant::TenantDocument;
use clap::Subcommand;

/// Tenants.
#[derive(clap::Args)]
pub(crate) struct TenantArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Create a tenant and print the enrolment token for its first admin (operators).
    #[command(after_help = "Examples:\n  chancery tenant create example-corp")]
    Create {
        /// Its short name: 3 to 40 lower-case letters, digits and single hyphens, a letter first. Never given out again.
        slug: String,
    },
    /// List the tenants (operators).
    #[command(after_help = "Examples:\n  chancery tenant list\n  chancery tenant list --limit 200 --json")]
    List(PageArgs),
    /// Show a tenant of the register (operators).
    #[command(after_help = "Examples:\n  chancery tenant show 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Show {
        /// The tenant's id.
        tenant: TenantId,
    },
    /// Make a new enrolment token for a tenant that nobody belongs to yet (operators).
    #[command(after_help = "Examples:\n  chancery tenant invite 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Invite {
        /// The tenant's id.
        tenant: TenantId,
    },
    /// Suspend a tenant: nobody acts in it, its CRLs go on (operators).
    #[command(after_help = "Examples:\n  chancery tenant suspend 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Suspend {
        /// The tenant's id.
        tenant: TenantId,
    },
    /// Resume a suspended tenant (operators).
    #[command(after_help = "Examples:\n  chancery tenant resume 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Resume {
        /// The tenant's id.
        tenant: TenantId,
    },
    /// Show one's own tenant: status and use of quota.
    #[command(name = "self", after_help = "Examples:\n  chancery tenant self")]
    Own,
}

pub(crate) async fn tenant(args: TenantArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        TenantCommand::Create { slug } => {
            let body = CreateTenantBody { slug };
            let work = desk.client.post("/v1/platform/tenants", &body);
            desk.show(&client::during("creating the tenant", work).await?, changed);
        }
        TenantCommand::List(page) => {
            let path = format!("/v1/platform/tenants{}", query(&page.parameters()));
            let page: RegisteredTenantPage = client::during("reading", desk.client.get(&path)).await?;
            desk.show(&page, |page| {
                let row =
                    |row: &RegisteredTenantDocument| vec![row.id.clone(), row.slug.clone(), row.status.clone(), row.created_at.clone()];
                output::table(&["id", "slug", "status", "created"], page.items.iter().map(row).collect(), "No tenants.")
            });
            desk.more(page.next.as_ref());
        }
        TenantCommand::Show { tenant } => {
            let path = format!("/v1/platform/tenants/{tenant}");
            let found: RegisteredTenantDocument = client::during("reading", desk.client.get(&path)).await?;
            desk.show(&found, registered);
        }
        TenantCommand::Invite { tenant } => {
            let path = format!("/v1/platform/tenants/{tenant}/invite");
            let invited: InvitationDocument = client::during("inviting", desk.client.post(&path, &EmptyBody {})).await?;
            desk.show(&invited, |invited| {
                let token = invited.enrolment_token.as_deref().unwrap_or("(was shown before; invite again for another)");
                output::fields(&[("enrolment token", token), ("event", &invited.event.id)])
            });
        }
        TenantCommand::Suspend { tenant } => turn(&desk, tenant, "suspend").await?,
        TenantCommand::Resume { tenant } => turn(&desk, tenant, "resume").await?,
        TenantCommand::Own => desk.show(&desk.own::<TenantDocument>("").await?, own),
    }
    Ok(())
}

async fn turn(desk: &Desk, tenant: TenantId, act: &str) -> Result<(), Ended> {
    let path = format!("/v1/platform/tenants/{tenant}/{act}");
    let done: ChangedTenantDocument = client::during("working", desk.client.post(&path, &EmptyBody {})).await?;
    desk.show(&done, changed);
    Ok(())
}

fn registered(tenant: &RegisteredTenantDocument) -> String {
    output::fields(&[("id", &tenant.id), ("slug", &tenant.slug), ("status", &tenant.status), ("created", &tenant.created_at)])
}

fn changed(done: &ChangedTenantDocument) -> String {
    output::fields(&[
        ("id", &done.tenant.id),
        ("slug", &done.tenant.slug),
        ("status", &done.tenant.status),
        ("event", &done.event.id),
        ("leaf", &done.event.leaf),
        ("enrolment token, shown once", done.enrolment_token.as_deref().unwrap_or_default()),
    ])
}

fn own(tenant: &TenantDocument) -> String {
    output::fields(&[
        ("id", &tenant.id),
        ("slug", &tenant.slug),
        ("status", &tenant.status),
        ("created", &tenant.created_at),
        ("live certificates", &format!("{} of {}", tenant.certificates_live, tenant.certificates_limit)),
        ("ever issued", &tenant.certificates_issued.to_string()),
    ])
}
