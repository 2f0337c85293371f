//! `chancery account`: who may act in the tenant.

mod key;

use self::key::KeyCommand;
use super::{Desk, PageArgs, ServerArgs, query};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::AccountId;
use chancery_http::api::access::{AccessDocument, AccessPage};
use chancery_http::api::accounts::{
    AccountDocument, AccountKindName, AccountPage, CreateAccountBody, OwnerBody, SamePersonBody, TokenDocument,
};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;

/// Accounts.
#[derive(clap::Args)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Make an account. Nobody gives roles that include what they lack.
    #[command(
        after_help = "Examples:\n  chancery account create ci-pipeline --role issuer --service\n  chancery account create audit --role auditor"
    )]
    Create {
        /// Its name, for people.
        name: String,
        /// A role: tenant-admin, security-lead, issuer, signer, auditor, viewer; on the platform operator, support. May be repeated; none
        /// is right for an account that `chancery role bind` gives what it needs.
        #[arg(long = "role")]
        roles: Vec<String>,
        /// It is a program's: a service account, for which its owner answers, by default you.
        #[arg(long)]
        service: bool,
        /// The user account that owns the service account.
        #[arg(long, requires = "service")]
        owner: Option<AccountId>,
        /// Another account of the person who is to hold it.
        #[arg(long, conflicts_with = "service")]
        same_person_as: Option<AccountId>,
    },
    /// List the accounts.
    #[command(after_help = "Examples:\n  chancery account list")]
    List(PageArgs),
    /// List who can do what: the enabled accounts with roles, actions and live tokens.
    #[command(after_help = "Examples:\n  chancery account access\n  chancery account access --json")]
    Access(PageArgs),
    /// Show an account with its tokens.
    #[command(after_help = "Examples:\n  chancery account show 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Show {
        /// The account's id.
        account: AccountId,
    },
    /// Disable an account for good: its tokens are worth nothing from now on.
    #[command(after_help = "Examples:\n  chancery account disable 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    Disable {
        /// The account's id.
        account: AccountId,
    },
    /// Make an account a service account of this user, who answers for it from now on.
    #[command(after_help = "Examples:\n  chancery account own 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 01a1fbc0-9a4c-7cc3-a5b6-1f0f2d8a4c11")]
    Own {
        /// The account's id.
        account: AccountId,
        /// Its owner: a user account.
        owner: AccountId,
    },
    /// Declare for good that one person holds two user accounts.
    #[command(after_help = "Examples:\n  chancery account join 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 01a1fbc0-9a4c-7cc3-a5b6-1f0f2d8a4c11")]
    Join {
        /// The account's id.
        account: AccountId,
        /// Another account of the same person.
        same_person_as: AccountId,
    },
    /// Public keys of accounts, which sign their requests or their approvals.
    #[command(subcommand)]
    Key(KeyCommand),
}

pub(crate) async fn account(args: AccountArgs, form: Form) -> Result<(), Ended> {
    // Who makes a key need not be anybody yet.
    let desk = || args.server.desk(form);
    match args.command {
        AccountCommand::Create { name, roles, service, owner, same_person_as } => {
            let kind = if service { AccountKindName::Service } else { AccountKindName::User };
            let [owner, same_person_as] = [owner, same_person_as].map(|id| id.map(|id| id.to_string()));
            let body = CreateAccountBody { name, roles, kind: Some(kind), owner, same_person_as };
            let desk = desk()?;
            desk.show(&desk.act("/accounts", &body).await?, account_shown);
        }
        AccountCommand::List(page) => list(&desk()?, &page).await?,
        AccountCommand::Access(page) => {
            let desk = desk()?;
            let page: AccessPage = desk.own(&format!("/access{}", query(&page.parameters()))).await?;
            desk.show(&page, |page| {
                output::table(&["account", "name", "roles", "actions", "bindings", "tokens"], rows(page), "No accounts.")
            });
            desk.more(page.next.as_ref());
        }
        AccountCommand::Show { account } => {
            let desk = desk()?;
            desk.show(&desk.own(&format!("/accounts/{account}")).await?, account_shown);
        }
        AccountCommand::Disable { account } => {
            let desk = desk()?;
            desk.show(&desk.act(&format!("/accounts/{account}/disable"), &EmptyBody {}).await?, account_shown);
        }
        AccountCommand::Own { account, owner } => {
            let body = OwnerBody { owner: owner.to_string() };
            let desk = desk()?;
            desk.show(&desk.act(&format!("/accounts/{account}/owner"), &body).await?, account_shown);
        }
        AccountCommand::Join { account, same_person_as } => {
            let body = SamePersonBody { same_person_as: same_person_as.to_string() };
            let desk = desk()?;
            desk.show(&desk.act(&format!("/accounts/{account}/person"), &body).await?, account_shown);
        }
        AccountCommand::Key(command) => key::key(&args.server, command, form).await?,
    }
    Ok(())
}

async fn list(desk: &Desk, page: &PageArgs) -> Result<(), Ended> {
    let page: AccountPage = desk.own(&format!("/accounts{}", query(&page.parameters()))).await?;
    desk.show(&page, |page| {
        let row = |row: &AccountDocument| {
            let expiring = row.tokens.iter().flatten().map(|token| token.id.clone()).collect::<Vec<_>>().join(" ");
            vec![row.id.clone(), row.name.clone(), row.roles.join(", "), state(row), row.created_at.clone(), expiring]
        };
        output::table(
            &["id", "name", "roles", "state", "created", "tokens that expire soon"],
            page.items.iter().map(row).collect(),
            "No accounts.",
        )
    });
    desk.more(page.next.as_ref());
    Ok(())
}

fn rows(page: &AccessPage) -> Vec<Vec<String>> {
    let token = |token: &TokenDocument| {
        format!("{} until {}, used {}", token.id, token.expires_at, token.last_used_at.as_deref().unwrap_or("never"))
    };
    let row = |row: &AccessDocument| {
        let tokens = row.tokens.iter().map(token).collect::<Vec<_>>().join("; ");
        vec![row.account.clone(), row.name.clone(), row.roles.join(" "), row.actions.join(" "), row.bindings.to_string(), tokens]
    };
    page.items.iter().map(row).collect()
}

fn state(account: &AccountDocument) -> String {
    match account {
        AccountDocument { enabled: false, .. } => "disabled",
        AccountDocument { orphaned: true, .. } => "enabled, its owner is disabled",
        _ => "enabled",
    }
    .to_owned()
}

pub(crate) fn account_shown(account: &AccountDocument) -> String {
    let mut text = output::fields(&[
        ("id", &account.id),
        ("name", &account.name),
        ("roles", &account.roles.join(", ")),
        ("kind", if account.owner.is_some() { "service" } else { "user" }),
        ("owner", account.owner.as_deref().unwrap_or_default()),
        ("person", &account.person),
        ("state", &state(account)),
        ("created", &account.created_at),
        ("event", account.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ]);
    if let Some(tokens) = &account.tokens {
        let ended = |token: &TokenDocument| token.ended_at.clone().unwrap_or_default();
        let used = |token: &TokenDocument| token.last_used_at.clone().unwrap_or_default();
        let row =
            |token: &TokenDocument| vec![token.id.clone(), token.created_at.clone(), token.expires_at.clone(), used(token), ended(token)];
        text += &format!(
            "\n{}",
            output::table(&["token", "created", "expires", "last used", "revoked"], tokens.iter().map(row).collect(), "No tokens.")
        );
    }
    text
}
