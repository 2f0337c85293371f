//! Revocation: recorded in one durable step; the CRL follows by a job, never inside the request.

use crate::crl;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::key_reuse;
use crate::places;
use crate::realm::CERTIFICATES;
use crate::view::{Certificate, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::CertificateRevoke;
use chancery_domain::certificate::{CertificateStatus, RevocationReason};
use chancery_domain::{CertificateId, enforced};
use chancery_store::{CertificateRow, RevocationRow};
use chancery_x509::CertificateSummary;

impl Chancery {
    /// Revokes a certificate for good.
    pub async fn revoke(&self, caller: &Caller, id: CertificateId, reason: RevocationReason) -> Result<(Certificate, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_revoke(&caller, id, reason))
    }

    async fn try_revoke(&self, caller: &Caller, id: CertificateId, reason: RevocationReason) -> Result<(Certificate, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<CertificateRevoke, _>(caller, realm.view.certificate(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((self.certificate_of(realm, &row).await?, done.receipt));
        }
        let signed_elsewhere = || Failure::Conflict("the certificate was signed elsewhere: ask its issuer to revoke it".to_owned());
        let issuer = row.origin.issuer().ok_or_else(signed_elsewhere)?;
        let now = self.now();
        // A clock that ran ahead may have called it expired: what counts is whether anybody would still accept it.
        let early = row.status == CertificateStatus::Expired && row.not_after > now;
        let standing = if early { CertificateStatus::Issued } else { row.status };
        let status = standing.advance(CertificateStatus::Revoked).map_err(|error| Failure::Conflict(error.to_string()))?;
        let revocation = RevocationRow { serial: row.serial, revoked_at: now, reason, not_after: row.not_after };
        let mut deed = Deed::by(&permit);
        deed.changes.move_certificate(&row, status);
        if enforced!("revocation.recorded") {
            deed.changes.insert_revocation(issuer, row.shard, &revocation);
        }
        if reason == RevocationReason::KeyCompromise && enforced!("revocation.compromised-key") {
            let der = realm.open(&places::CERTIFICATE, id.as_bytes(), &row.body)?;
            let key = key_reuse::blind(realm, &CertificateSummary::from_der(&der).map_err(Failure::from)?.spki_der)?;
            deed.changes.compromise_subject_key(&key, id);
        }
        if row.status.is_live() {
            deed.changes.count_down(CERTIFICATES);
        }
        if enforced!("revocation.published") {
            deed.changes.insert_job(&crl::publish_job(issuer, row.shard, now));
        }
        let detail = detail! {
            "certificate" => id.to_string(), "serial" => row.serial.to_string(), "issuer" => issuer.to_string(),
            "reason" => reason.as_str(), "moves" => vec![row.status.as_str(), status.as_str()],
        };
        let receipt = deed.commit(self.ports(), "certificate.revoke", *id.as_bytes(), detail).await?;
        Ok((self.certificate_of(realm, &CertificateRow { status, ..row }).await?, receipt))
    }
}
