//! `chancery account key`: public keys of accounts, for signed requests and for approvals.

use super::super::{Desk, ServerArgs, read_text};
use crate::ended::Ended;
use crate::files;
use crate::key_file::{self, Registration};
use crate::output::{self, Form};
use chancery_domain::account_key::KeyPurpose;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::{AccountId, AccountKeyId, TenantId};
use chancery_http::api::account_keys::{AccountKeyDocument, AccountKeyList, RegisterKeyBody};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;
use std::io;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key on this machine: the private key goes into a new file (mode 0600) and nowhere else; what registers it goes into
    /// FILE.json, and may be given to whoever adds it. It can be added within a day.
    #[command(after_help = "Examples:\n  chancery account key generate 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 ci.key\n  \
        chancery account key generate 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 approver.key --purpose approve")]
    Generate {
        /// The account whose key it is to be.
        account: AccountId,
        /// The new file for the private key.
        file: PathBuf,
        /// What it is for: request or approve.
        #[arg(long, default_value = "request", value_parser = purpose)]
        purpose: KeyPurpose,
        /// Its kind: ed25519, ec-p256 or ec-p384.
        #[arg(long, default_value = "ed25519", value_parser = algorithm)]
        algorithm: KeyAlgorithm,
        /// The tenant; the one of the token, if none is given.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Register a key with what its holder made. A key for approvals is added by the account itself.
    #[command(after_help = "Examples:\n  chancery account key add ci.key.json --label 'build machine' --days 90")]
    Add {
        /// What `generate` wrote beside the key; `-` is standard input.
        registration: PathBuf,
        /// What to call it.
        #[arg(long, default_value = "")]
        label: String,
        /// Days until it expires.
        #[arg(long, default_value_t = 366, value_parser = clap::value_parser!(u64).range(1..=732))]
        days: u64,
    },
    /// List an account's keys.
    #[command(after_help = "Examples:\n  chancery account key list 01a1fbbf-f20a-7ae1-8a02-e6da40185e28")]
    List {
        /// The account's id.
        account: AccountId,
    },
    /// End a key; every node obeys within 5 s.
    #[command(
        after_help = "Examples:\n  chancery account key end 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 5d9a9f2e-8f7c-8e43-9b1c-0a5a3c2e6d11"
    )]
    End {
        /// The account's id.
        account: AccountId,
        /// The key's id.
        key: AccountKeyId,
    },
}

pub(super) async fn key(server: &ServerArgs, command: KeyCommand, form: Form) -> Result<(), Ended> {
    match command {
        KeyCommand::Generate { account, file, purpose, algorithm, tenant } => {
            let tenant = tenant.map_or_else(|| server.desk(form)?.client.tenant().map_err(Ended::from), Ok)?;
            let beside = file.with_added_extension("json");
            super::super::expect_free(Some(&beside))?;
            let made = key_file::generate(&file, tenant, account, purpose, algorithm)?;
            let text = serde_json::to_vec_pretty(&made).map_err(io::Error::other)?;
            files::write_secret(&beside, &text).map_err(|source| Ended::File { path: beside.clone(), source })?;
            output::result(form, &made, |made| {
                let (key, file, beside) = (made.key.to_string(), file.display().to_string(), beside.display().to_string());
                output::fields(&[("key", &key), ("private key", &file), ("to be added", &beside)])
            });
        }
        KeyCommand::Add { registration, label, days } => {
            let desk = server.desk(form)?;
            let text = read_text(&registration)?;
            let made: Registration = serde_json::from_str(&text)
                .map_err(|error| Ended::Usage(format!("{}: not what `account key generate` writes: {error}", registration.display())))?;
            let Registration { tenant, account, purpose, public_key, stated_at, proof, .. } = made;
            if tenant != desk.client.tenant()? {
                return Err(Ended::Usage(format!("{}: it is for tenant {tenant}, and you are of another", registration.display())));
            }
            let body = RegisterKeyBody { purpose, public_key, stated_at, proof, label, expires_in_seconds: Some(days * 86_400) };
            desk.show(&desk.act(&format!("/accounts/{account}/keys"), &body).await?, shown);
        }
        KeyCommand::List { account } => list(&server.desk(form)?, account).await?,
        KeyCommand::End { account, key } => {
            let desk = server.desk(form)?;
            desk.show(&desk.act(&format!("/accounts/{account}/keys/{key}/end"), &EmptyBody {}).await?, shown);
        }
    }
    Ok(())
}

async fn list(desk: &Desk, account: AccountId) -> Result<(), Ended> {
    let list: AccountKeyList = desk.own(&format!("/accounts/{account}/keys")).await?;
    desk.show(&list, |list| {
        let row = |key: &AccountKeyDocument| {
            let ended = key.ended_at.clone().unwrap_or_default();
            vec![key.id.clone(), key.purpose.to_string(), key.algorithm.clone(), key.label.clone(), key.expires_at.clone(), ended]
        };
        output::table(&["key", "purpose", "kind", "label", "expires", "ended"], list.items.iter().map(row).collect(), "No keys.")
    });
    Ok(())
}

fn shown(key: &AccountKeyDocument) -> String {
    output::fields(&[
        ("id", &key.id),
        ("account", &key.account),
        ("purpose", key.purpose.as_str()),
        ("kind", &key.algorithm),
        ("thumbprint", &key.thumbprint),
        ("label", &key.label),
        ("created", &key.created_at),
        ("expires", &key.expires_at),
        ("ended", key.ended_at.as_deref().unwrap_or_default()),
        ("event", key.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}

fn purpose(name: &str) -> Result<KeyPurpose, String> {
    KeyPurpose::from_name(name).ok_or_else(|| "request or approve".to_owned())
}

fn algorithm(name: &str) -> Result<KeyAlgorithm, String> {
    let found = KeyAlgorithm::from_name(name).filter(|kind| KeyAlgorithm::OF_ACCOUNTS.contains(kind));
    found.ok_or_else(|| "ed25519, ec-p256 or ec-p384".to_owned())
}
