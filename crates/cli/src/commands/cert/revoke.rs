//! `chancery cert revoke`.

use super::shown;
use crate::commands::Desk;
use crate::ended::Ended;
use crate::output;
use chancery_domain::CertificateId;
use chancery_domain::certificate::RevocationReason;
use chancery_http::api::certificates::{RevokeBody, RevokedDocument, SameKeyItem};
use clap::builder::PossibleValuesParser;

/// What to revoke, and why.
#[derive(clap::Args)]
pub(super) struct RevokeArgs {
    /// The certificate's id.
    certificate: CertificateId,
    /// Why.
    #[arg(long, default_value = "unspecified", value_parser = PossibleValuesParser::new(RevocationReason::ALL.iter().map(|reason| reason.as_str())))]
    reason: String,
    /// With --reason key-compromise: the other live certificates with the same key, too.
    #[arg(long)]
    same_key: bool,
}

pub(super) async fn revoke(desk: &Desk, args: RevokeArgs) -> Result<(), Ended> {
    let path = format!("/certificates/{}/revoke", args.certificate);
    let revoked: RevokedDocument = desk.act(&path, &RevokeBody { reason: args.reason, same_key: args.same_key }).await?;
    desk.show(&revoked, |revoked| {
        let others = &revoked.same_key;
        shown(&revoked.certificate) + &if others.is_empty() { String::new() } else { format!("\n{}", same_key(others)) }
    });
    let left = revoked.same_key.iter().filter(|item| item.result.event.is_none()).count();
    if left > 0 && !args.same_key {
        desk.note(&format!("{left} other live certificates have the same key: revoke them, too, by the same command with --same-key."));
    } else if left > 0 {
        desk.note(&format!("{left} other certificates with the same key are still live."));
    }
    if revoked.more {
        desk.note("There are more than these: repeat the command with --same-key.");
    }
    desk.note("Its CRL lists it within 60 s.");
    Ok(())
}

fn same_key(items: &[SameKeyItem]) -> String {
    let row = |item: &SameKeyItem| {
        let problem = item.problem.as_ref().map_or("", |problem| problem.detail.as_str());
        vec![
            item.result.id.clone(),
            item.result.origin.clone(),
            item.result.status.clone(),
            item.result.names.join(" "),
            problem.to_owned(),
        ]
    };
    output::table(&["same key", "origin", "status", "names", "problem"], items.iter().map(row).collect(), "")
}
