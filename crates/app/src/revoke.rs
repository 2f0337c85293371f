//! Revocation: recorded in one durable step; the CRL follows by a job, never inside the request.

use crate::crl;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::key_reuse;
use crate::places;
use crate::realm::{CERTIFICATES, Realm};
use crate::view::{Certificate, Receipt};
use crate::{Caller, Chancery, Failure, Permit};
use chancery_domain::action::CertificateRevoke;
use chancery_domain::certificate::{CertificateStatus, Origin, RevocationReason};
use chancery_domain::lineage::LineageKind;
use chancery_domain::{CertificateId, IssuerId, Timestamp, enforced};
use chancery_store::{CertificateRow, RevocationRow};
use chancery_x509::CertificateSummary;

/// Most certificates of one key that are named at once.
const MOST: usize = 100;

/// Why to revoke, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// For key compromise: the other live certificates with the same key, too.
    pub same_key: bool,
}

/// A revoked certificate.
pub struct Revoked {
    /// The certificate.
    pub certificate: Certificate,
    /// The event; `None` if its key was recorded as compromised before, and this was about the others with the same key.
    pub receipt: Option<Receipt>,
    /// For key compromise, the tenant's other live certificates with the same key, newest first, at most a hundred.
    pub same_key: Vec<SameKey>,
    /// Whether there are more.
    pub more: bool,
}

/// A certificate with a compromised key.
pub struct SameKey {
    /// The certificate, as it stands now.
    pub certificate: Certificate,
    /// What became of it, if it was to be revoked, too.
    pub result: Option<Result<Receipt, Failure>>,
}

/// What a request to revoke comes to.
enum Way {
    /// The certificate is revoked, and gets this status.
    Revoke(IssuerId, CertificateStatus),
    /// It was revoked for another reason, before the compromise was known (RFC 5280 section 5.3.1).
    Correct(IssuerId, RevocationRow),
    /// It is no longer, or never was, ours to revoke, or is revoked for this reason already: its key is compromised all the same.
    KeyAlone,
}

impl Chancery {
    /// Revokes a certificate for good. For key compromise, its key is never certified again (BR 4.9.1.1), whenever that was learnt: of
    /// a certificate that is revoked already the reason is corrected, and of one that expired or is external the key alone is recorded.
    pub async fn revoke(&self, caller: &Caller, id: CertificateId, reason: RevocationReason) -> Result<(Certificate, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_revoke(&caller, id, reason))
    }

    /// Revokes a certificate, and for key compromise names the tenant's other live certificates with the same key, or revokes them, too:
    /// each an act of its own. They are looked for after the key was recorded, from when on it is not certified again: none is missed.
    pub async fn revoke_and_look(&self, caller: &Caller, id: CertificateId, revocation: Revocation) -> Result<Revoked, Failure> {
        let Revocation { reason, same_key } = revocation;
        let compromised = reason == RevocationReason::KeyCompromise;
        if same_key && !compromised {
            return Err(Failure::invalid("same_key", "goes with the reason key-compromise alone: others are no matter of the key"));
        }
        let realm = &caller.realm;
        let (certificate, receipt) = match self.revoke(caller, id, reason).await {
            Ok((certificate, receipt)) => (certificate, Some(receipt)),
            // It is recorded already: the others are left.
            Err(Failure::Conflict(_)) if same_key => {
                let row = realm.view.certificate(id).await?.ok_or(Failure::NotFound)?;
                (self.certificate_of(realm, &row).await?, None)
            }
            Err(failure) => return Err(failure),
        };
        let others = if compromised {
            live_with_key(realm, &key_reuse::blind(realm, &certificate.summary.spki_der)?, id).await?
        } else {
            Vec::new()
        };
        let (more, mut found) = (others.len() > MOST, Vec::new());
        for row in others.iter().take(MOST) {
            let item = if same_key { Some(self.revoke(&caller.for_item(row.id.as_bytes()), row.id, reason).await) } else { None };
            found.push(match item {
                Some(Ok((certificate, receipt))) => SameKey { certificate, result: Some(Ok(receipt)) },
                Some(Err(failure)) => SameKey { certificate: self.certificate_of(realm, row).await?, result: Some(Err(failure)) },
                None => SameKey { certificate: self.certificate_of(realm, row).await?, result: None },
            });
        }
        Ok(Revoked { certificate, receipt, same_key: found, more })
    }

    async fn try_revoke(&self, caller: &Caller, id: CertificateId, reason: RevocationReason) -> Result<(Certificate, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<CertificateRevoke, _>(caller, realm.view.certificate(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((self.certificate_of(realm, &row).await?, done.receipt));
        }
        match way(realm, &row, reason, self.now()).await? {
            Way::Revoke(issuer, status) => self.revoke_now(&permit, row, issuer, status, reason).await,
            Way::Correct(issuer, before) => self.compromise(&permit, row, Some((issuer, before))).await,
            Way::KeyAlone => self.compromise(&permit, row, None).await,
        }
    }

    async fn revoke_now(
        &self,
        permit: &Permit<CertificateRevoke>,
        row: CertificateRow,
        issuer: IssuerId,
        status: CertificateStatus,
        reason: RevocationReason,
    ) -> Result<(Certificate, Receipt), Stop> {
        let (realm, now) = (&permit.caller().realm, self.now());
        let revocation = RevocationRow { serial: row.serial, revoked_at: now, reason, not_after: row.not_after };
        let mut deed = Deed::by(permit);
        deed.makes(LineageKind::Revocation, row.id.as_bytes(), 1);
        deed.changes.move_certificate(&row, status);
        if enforced!("revocation.recorded") {
            deed.changes.insert_revocation(issuer, row.shard, &revocation);
        }
        let mut same_key = None;
        if reason == RevocationReason::KeyCompromise && enforced!("revocation.compromised-key") {
            let key = key(realm, &row)?;
            deed.changes.compromise_subject_key(&key, row.id);
            same_key = Some(ids(&live_with_key(realm, &key, row.id).await?));
        }
        if row.status.is_live() {
            deed.changes.count_down(CERTIFICATES);
        }
        if enforced!("revocation.published") {
            deed.changes.insert_job(&crl::publish_job(issuer, row.shard, now));
        }
        let detail = detail! {
            "certificate" => row.id.to_string(), "serial" => row.serial.to_string(), "issuer" => issuer.to_string(),
            "reason" => reason.as_str(), "moves" => vec![row.status.as_str(), status.as_str()], "same_key" => same_key,
        };
        let receipt = deed.commit(self.ports(), "certificate.revoke", *row.id.as_bytes(), detail).await?;
        if reason == RevocationReason::KeyCompromise {
            self.forget_realm(realm.id);
        }
        Ok((self.certificate_of(realm, &CertificateRow { status, ..row }).await?, receipt))
    }

    /// Records that a key is compromised whose certificate keeps its status; its revocation, if there is one, keeps its time.
    async fn compromise(
        &self,
        permit: &Permit<CertificateRevoke>,
        row: CertificateRow,
        revoked: Option<(IssuerId, RevocationRow)>,
    ) -> Result<(Certificate, Receipt), Stop> {
        let realm = &permit.caller().realm;
        let key = key(realm, &row)?;
        let known = realm.view.subject_key(&key).await?.is_some_and(|known| known.compromised);
        if known && revoked.is_none() && enforced!("revocation.known-compromise") {
            let besides = if row.origin == Origin::External { ": ask its issuer to revoke the certificate" } else { "" };
            return Err(Failure::Conflict(format!("its key is recorded as compromised already{besides}")).into());
        }
        let mut deed = Deed::by(permit);
        if enforced!("revocation.compromised-key") {
            deed.changes.compromise_subject_key(&key, row.id);
        }
        let mut detail = detail! {
            "certificate" => row.id.to_string(), "serial" => row.serial.to_string(),
            "reason" => RevocationReason::KeyCompromise.as_str(), "status" => row.status.as_str(),
            "same_key" => ids(&live_with_key(realm, &key, row.id).await?),
        };
        if let Some((issuer, before)) = &revoked {
            deed.changes.correct_revocation(*issuer, row.shard, before, RevocationReason::KeyCompromise);
            if enforced!("revocation.published") {
                deed.changes.insert_job(&crl::publish_job(*issuer, row.shard, self.now()));
            }
            detail.insert("issuer".to_owned(), issuer.to_string().into());
            detail.insert("reason_before".to_owned(), before.reason.as_str().into());
        }
        let receipt = deed.commit(self.ports(), "certificate.compromise", *row.id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((self.certificate_of(realm, &row).await?, receipt))
    }
}

async fn way(realm: &Realm, row: &CertificateRow, reason: RevocationReason, now: Timestamp) -> Result<Way, Failure> {
    let compromised = reason == RevocationReason::KeyCompromise;
    let Some(issuer) = row.origin.issuer() else {
        let signed_elsewhere = || Failure::Conflict("the certificate was signed elsewhere: ask its issuer to revoke it".to_owned());
        return if compromised || !enforced!("revocation.elsewhere") { Ok(Way::KeyAlone) } else { Err(signed_elsewhere()) };
    };
    // A clock that ran ahead may have called it expired: what counts is whether anybody would still accept it.
    let early = row.status == CertificateStatus::Expired && row.not_after > now;
    let standing = if early { CertificateStatus::Issued } else { row.status };
    if compromised && standing == CertificateStatus::Expired {
        return Ok(Way::KeyAlone);
    }
    if compromised && standing == CertificateStatus::Revoked {
        let before = realm.view.revocation(issuer, row.shard, &row.serial).await?;
        let before = before.ok_or_else(|| Failure::internal("the record of a revocation is missing"))?;
        // A reconciliation may have known the reason, and not the key.
        return Ok(if before.reason == reason { Way::KeyAlone } else { Way::Correct(issuer, before) });
    }
    let status = standing.advance(CertificateStatus::Revoked).map_err(|error| Failure::Conflict(error.to_string()))?;
    Ok(Way::Revoke(issuer, status))
}

/// The blind index value of a certificate's key.
pub(crate) fn key(realm: &Realm, row: &CertificateRow) -> Result<[u8; 16], Failure> {
    let der = realm.open(&places::CERTIFICATE, row.id.as_bytes(), &row.body)?;
    key_reuse::blind(realm, &CertificateSummary::from_der(&der)?.spki_der)
}

/// The other live certificates with this key, newest first; of too many one more than is shown.
async fn live_with_key(realm: &Realm, key: &[u8; 16], besides: CertificateId) -> Result<Vec<CertificateRow>, Failure> {
    let limit = u32::try_from(MOST).unwrap_or(u32::MAX).saturating_add(1);
    Ok(realm.view.live_with_key(key, besides, limit).await?)
}

fn ids(rows: &[CertificateRow]) -> Vec<String> {
    rows.iter().take(MOST).map(|row| row.id.to_string()).collect()
}
