//! `chancery cert revoke`.

use super::shown;
use crate::commands::Desk;
use crate::ended::Ended;
use chancery_domain::CertificateId;
use chancery_domain::certificate::RevocationReason;
use chancery_http::api::certificates::RevokeBody;
use clap::builder::PossibleValuesParser;

/// What to revoke, and why.
#[derive(clap::Args)]
pub(super) struct RevokeArgs {
    /// The certificate's id.
    certificate: CertificateId,
    /// Why.
    #[arg(long, default_value = "unspecified", value_parser = PossibleValuesParser::new(RevocationReason::ALL.iter().map(|reason| reason.as_str())))]
    reason: String,
}

pub(super) async fn revoke(desk: &Desk, args: RevokeArgs) -> Result<(), Ended> {
    let revoked = desk.act(&format!("/certificates/{}/revoke", args.certificate), &RevokeBody { reason: args.reason }).await?;
    desk.show(&revoked, shown);
    desk.note("Its CRL lists it within 60 s.");
    Ok(())
}
