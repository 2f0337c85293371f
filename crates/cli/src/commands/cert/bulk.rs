//! `chancery cert bulk`: many certificates at once, each an act of its own.

use crate::commands::Desk;
use crate::ended::Ended;
use crate::output;
use chancery_domain::CertificateId;
use chancery_domain::certificate::RevocationReason;
use chancery_http::api::bulk::{BulkDocument, BulkItem, BulkRenewBody, BulkRevokeBody};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;

#[derive(Subcommand)]
pub(super) enum BulkCommand {
    /// Revoke certificates for good.
    #[command(
        after_help = "Examples:\n  chancery cert bulk revoke 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 01a1fbbf-f20a-7ae1-8a02-e6da40185e28 --reason superseded"
    )]
    Revoke {
        /// Their ids, at most 100.
        #[arg(required = true, num_args = 1..=100)]
        certificates: Vec<CertificateId>,
        /// Why.
        #[arg(long, default_value = "unspecified", value_parser = PossibleValuesParser::new(RevocationReason::ALL.iter().map(|reason| reason.as_str())))]
        reason: String,
    },
    /// Renew certificates: same names, profile, issuer and, where the client holds it, key; under today's policy.
    #[command(
        after_help = "Examples:\n  chancery cert bulk renew 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 01a1fbbf-f20a-7ae1-8a02-e6da40185e28"
    )]
    Renew {
        /// Their ids, at most 100.
        #[arg(required = true, num_args = 1..=100)]
        certificates: Vec<CertificateId>,
    },
}

pub(super) async fn bulk(desk: &Desk, command: BulkCommand) -> Result<(), Ended> {
    let texts = |ids: Vec<CertificateId>| ids.iter().map(ToString::to_string).collect();
    let done: BulkDocument = match command {
        BulkCommand::Revoke { certificates, reason } => {
            desk.act("/certificates/bulk-revoke", &BulkRevokeBody { certificates: texts(certificates), reason }).await?
        }
        BulkCommand::Renew { certificates } => {
            desk.act("/certificates/bulk-renew", &BulkRenewBody { certificates: texts(certificates) }).await?
        }
    };
    desk.show(&done, |done| {
        let row = |item: &BulkItem| {
            let (id, status) = item.result.as_ref().map_or(("", "not done"), |result| (result.id.as_str(), result.status.as_str()));
            let problem = item.problem.as_ref().map_or("", |problem| problem.detail.as_str());
            vec![item.certificate.clone(), status.to_owned(), id.to_owned(), problem.to_owned()]
        };
        output::table(&["certificate", "status", "result", "problem"], done.items.iter().map(row).collect(), "Nothing to do.")
    });
    desk.note(&format!("{} done, {} not.", done.done, done.failed));
    Ok(())
}
