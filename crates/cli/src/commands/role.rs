//! `chancery role`: the tenant's own roles, and who holds which, where and until when.

use super::{PageArgs, ServerArgs, query};
use crate::client;
use crate::commands::account::account_shown;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::scope::Environment;
use chancery_domain::{AccountId, BindingId, IssuerId, RoleId};
use chancery_http::api::bindings::{BindBody, BindingDocument, BindingPage, RolesBody, ScopeDocument};
use chancery_http::api::platform::EmptyBody;
use chancery_http::api::roles::{RemovedDocument, RoleBody, RoleDocument, RoleList};
use clap::Subcommand;

/// Roles and bindings.
#[derive(clap::Args)]
pub(crate) struct RoleArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Subcommand)]
enum RoleCommand {
    /// Make a role. It gives nothing to anybody until an account is bound to it.
    #[command(after_help = "Examples:\n  chancery role create web-issuer --action certificate:issue --action certificate:read")]
    Create {
        /// Its name.
        name: String,
        /// An action that it includes; `docs/authorisation.md` has them all. May be repeated.
        #[arg(long = "action", required = true)]
        actions: Vec<String>,
    },
    /// List the tenant's own roles.
    #[command(after_help = "Examples:\n  chancery role list")]
    List,
    /// Change a role, for all who are bound to it.
    #[command(after_help = "Examples:\n  chancery role change 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 --action certificate:read")]
    Change {
        /// The role's id.
        role: RoleId,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
        /// An action that it is to include, in place of all those that it does. May be repeated.
        #[arg(long = "action", required = true)]
        actions: Vec<String>,
    },
    /// Remove a role to which nobody is bound.
    #[command(after_help = "Examples:\n  chancery role remove 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Remove {
        /// The role's id.
        role: RoleId,
    },
    /// Bind an account to a role. Without limits it holds everywhere; without an end it lasts.
    #[command(
        after_help = "Examples:\n  chancery role bind 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 issuer --profile tls-server --name 'dns:*.team.example'"
    )]
    Bind(BindArgs),
    /// List bindings, also those that were taken back or have expired.
    #[command(after_help = "Examples:\n  chancery role bindings")]
    Bindings(PageArgs),
    /// Take a binding back.
    #[command(after_help = "Examples:\n  chancery role unbind 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Unbind {
        /// The binding's id.
        binding: BindingId,
    },
    /// Give an account other built-in roles in place of those that it has; its bindings stay.
    #[command(after_help = "Examples:\n  chancery role set 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 --role viewer")]
    Set {
        /// The account's id.
        account: AccountId,
        /// A built-in role; none is right for an account that is bound to roles instead. May be repeated.
        #[arg(long = "role")]
        roles: Vec<String>,
    },
}

#[derive(clap::Args)]
struct BindArgs {
    /// The account's id.
    account: AccountId,
    /// A built-in role by name, or one of the tenant's own by id.
    role: String,
    /// Only for this certificate profile. May be repeated.
    #[arg(long = "profile")]
    profiles: Vec<String>,
    /// Only for this signer. May be repeated.
    #[arg(long = "signer")]
    signers: Vec<String>,
    /// Only for this issuer. May be repeated.
    #[arg(long = "issuer")]
    issuers: Vec<IssuerId>,
    /// Only for certificates of which each name matches one of these patterns. May be repeated.
    #[arg(long = "name")]
    names: Vec<String>,
    /// Only for profiles and signers of this environment. May be repeated.
    #[arg(long = "environment")]
    environments: Vec<Environment>,
    /// From when on it counts no longer, such as 2027-01-31T00:00:00Z.
    #[arg(long)]
    expires_at: Option<String>,
}

impl BindArgs {
    fn body(self) -> BindBody {
        // What is not named is not limited: an empty list, which admits nothing, can be asked for by the API alone.
        fn limit<T: ToString>(items: &[T]) -> Option<Vec<String>> {
            (!items.is_empty()).then(|| items.iter().map(ToString::to_string).collect())
        }
        let scope = ScopeDocument {
            profiles: limit(&self.profiles),
            signers: limit(&self.signers),
            issuers: limit(&self.issuers),
            names: limit(&self.names),
            environments: limit(&self.environments),
        };
        BindBody { account: self.account.to_string(), role: self.role, scope, expires_at: self.expires_at }
    }
}

pub(crate) async fn role(args: RoleArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        RoleCommand::Create { name, actions } => desk.show(&desk.act("/roles", &RoleBody { name, actions }).await?, shown),
        RoleCommand::List => desk.show(&desk.own::<RoleList>("/roles").await?, |list| {
            let row = |role: &RoleDocument| vec![role.id.clone(), role.name.clone(), role.version.to_string(), role.actions.join(" ")];
            output::table(&["id", "name", "version", "actions"], list.items.iter().map(row).collect(), "No roles of the tenant's own.")
        }),
        RoleCommand::Change { role, name, actions } => {
            let found: RoleDocument = desk.own(&format!("/roles/{role}")).await?;
            let (path, body) = (desk.client.own(&format!("/roles/{role}"))?, RoleBody { name: name.unwrap_or(found.name), actions });
            desk.show(&client::during("changing", desk.client.put(&path, found.version, &body)).await?, shown);
        }
        RoleCommand::Remove { role } => {
            let removed: RemovedDocument = desk.act(&format!("/roles/{role}/remove"), &EmptyBody {}).await?;
            desk.show(&removed, |removed| output::fields(&[("removed", &role.to_string()), ("event", &removed.event.id)]));
        }
        RoleCommand::Bind(args) => desk.show(&desk.act("/bindings", &args.body()).await?, bound),
        RoleCommand::Bindings(page) => {
            let page: BindingPage = desk.own(&format!("/bindings{}", query(&page.parameters()))).await?;
            desk.show(&page, |page| {
                let head = ["id", "account", "role", "scope", "expires", "taken back"];
                output::table(&head, page.items.iter().map(row).collect(), "No bindings.")
            });
            desk.more(page.next.as_ref());
        }
        RoleCommand::Unbind { binding } => desk.show(&desk.act(&format!("/bindings/{binding}/end"), &EmptyBody {}).await?, bound),
        RoleCommand::Set { account, roles } => {
            desk.show(&desk.act(&format!("/accounts/{account}/roles"), &RolesBody { roles }).await?, account_shown);
        }
    }
    Ok(())
}

fn row(binding: &BindingDocument) -> Vec<String> {
    let text = |time: &Option<String>| time.clone().unwrap_or_default();
    let (expires, ended) = (text(&binding.expires_at), text(&binding.ended_at));
    vec![binding.id.clone(), binding.account.clone(), named(binding), scope(&binding.scope), expires, ended]
}

fn named(binding: &BindingDocument) -> String {
    binding.role_name.clone().unwrap_or_else(|| binding.role.clone())
}

fn scope(scope: &ScopeDocument) -> String {
    let limits = [
        ("profiles", &scope.profiles),
        ("signers", &scope.signers),
        ("issuers", &scope.issuers),
        ("names", &scope.names),
        ("environments", &scope.environments),
    ];
    let told = |(name, limit): (&str, &Option<Vec<String>>)| limit.as_ref().map(|limit| format!("{name}: {}", limit.join(" ")));
    let told: Vec<_> = limits.into_iter().filter_map(told).collect();
    if told.is_empty() { "everywhere".to_owned() } else { told.join("; ") }
}

fn shown(role: &RoleDocument) -> String {
    output::fields(&[
        ("id", &role.id),
        ("name", &role.name),
        ("version", &role.version.to_string()),
        ("actions", &role.actions.join(" ")),
        ("created", &role.created_at),
        ("event", role.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}

fn bound(binding: &BindingDocument) -> String {
    output::fields(&[
        ("id", &binding.id),
        ("account", &binding.account),
        ("role", &named(binding)),
        ("scope", &scope(&binding.scope)),
        ("granted by", &binding.granted_by),
        ("expires", binding.expires_at.as_deref().unwrap_or("never")),
        ("taken back", binding.ended_at.as_deref().unwrap_or_default()),
        ("event", binding.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}
