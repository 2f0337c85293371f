//! `chancery token`: bearer tokens of accounts.

use super::{ServerArgs, keep, reserve};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::{AccountId, TokenId};
use chancery_http::api::accounts::{MintTokenBody, RotateTokenBody, RotatedDocument, TokenDocument};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;
use std::path::PathBuf;

/// Tokens.
#[derive(clap::Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Mint a token for an account.
    #[command(after_help = "Examples:\n  chancery token mint 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 --days 30 --save ci.token")]
    Mint {
        /// The account's id.
        account: AccountId,
        /// Days until it expires.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=366))]
        days: u64,
        /// Write it to this new file (mode 0600) instead of printing it.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Rotate a token: a successor with the same lifetime, and an end for the old one after an overlap.
    #[command(
        after_help = "Examples:\n  chancery token rotate 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --save ci.token\n  \
        chancery token rotate 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --overlap-hours 0"
    )]
    Rotate {
        /// The account's id.
        account: AccountId,
        /// The token's id.
        token: TokenId,
        /// Hours until the old token ends.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=720))]
        overlap_hours: u64,
        /// Write the new token to this new file (mode 0600) instead of printing it.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Revoke a token; every node obeys within 5 s.
    #[command(after_help = "Examples:\n  chancery token revoke 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93")]
    Revoke {
        /// The account's id.
        account: AccountId,
        /// The token's id.
        token: TokenId,
    },
}

pub(crate) async fn token(args: TokenArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        TokenCommand::Mint { account, days, save } => {
            let file = reserve(save.as_ref())?;
            let body = MintTokenBody { expires_in_seconds: Some(days * 86_400) };
            let mut minted: TokenDocument = desk.act(&format!("/accounts/{account}/tokens"), &body).await?;
            keep(file, &mut minted.token);
            desk.show(&minted, shown);
        }
        TokenCommand::Rotate { account, token, overlap_hours, save } => {
            let file = reserve(save.as_ref())?;
            let body = RotateTokenBody { overlap_seconds: Some(overlap_hours * 3600) };
            let mut rotated: RotatedDocument = desk.act(&format!("/accounts/{account}/tokens/{token}/rotate"), &body).await?;
            keep(file, &mut rotated.successor.token);
            desk.show(&rotated, |rotated| {
                let old = [("replaces", rotated.replaced.id.as_str()), ("which ends", rotated.replaced.expires_at.as_str())];
                format!("{}{}", shown(&rotated.successor), output::fields(&[old[0], old[1], ("event", &rotated.event.id)]))
            });
        }
        TokenCommand::Revoke { account, token } => {
            desk.show(&desk.act(&format!("/accounts/{account}/tokens/{token}/revoke"), &EmptyBody {}).await?, shown);
        }
    }
    Ok(())
}

fn shown(token: &TokenDocument) -> String {
    output::fields(&[
        ("id", &token.id),
        ("token", token.token.as_deref().unwrap_or_default()),
        ("created", &token.created_at),
        ("expires", &token.expires_at),
        ("last used", token.last_used_at.as_deref().unwrap_or_default()),
        ("successor", token.successor.as_deref().unwrap_or_default()),
        ("revoked", token.ended_at.as_deref().unwrap_or_default()),
        ("event", token.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}
