//! One entry of a published list: a revocation, or its corrected reason, that the backup does not have.

use crate::deed::{Deed, detail};
use crate::failure::Stop;
use crate::realm::{CERTIFICATES, Realm};
use crate::revoke;
use crate::{Chancery, Failure};
use chancery_domain::certificate::{CertificateStatus, RevocationReason};
use chancery_domain::lineage::LineageKind;
use chancery_domain::{CertificateId, IssuerId, enforced, kill_point};
use chancery_store::{CertificateRow, RevocationRow};
use chancery_x509::CrlEntry;
use std::sync::Arc;

impl Chancery {
    /// Records what an entry tells of; false where it is known. Of a certificate that was issued after the backup nothing is known but
    /// that: its entry stays for as long as its issuer's certificate.
    pub(super) async fn replay(
        &self,
        realm: &Arc<Realm>,
        issuer: IssuerId,
        shard: u32,
        entry: &CrlEntry,
        number: u64,
        keys_left: &mut Vec<CertificateId>,
    ) -> Result<bool, Stop> {
        let row = realm.view.certificate_of(issuer, &entry.serial).await?;
        let shard = row.as_ref().map_or(shard, |row| row.shard);
        let before = realm.view.revocation(issuer, shard, &entry.serial).await?;
        let compromised = entry.reason == RevocationReason::KeyCompromise;
        // No other correction is made (RFC 5280 section 5.3.1), and an older list than the newest tells of the reason before.
        let corrects = compromised && enforced!("reconcile.correction");
        if before.as_ref().is_some_and(|before| before.reason == entry.reason || !corrects) {
            // Whoever did this before may have ended before it told.
            self.note_key_left(realm, issuer, entry, keys_left).await?;
            return Ok(false);
        }
        let authority = realm.authority(issuer).await?.ok_or_else(|| Failure::internal("the issuer of a list is missing"))?;
        let not_after = row.as_ref().map_or(authority.certificate.not_after(), |row| row.not_after);
        let mut deed = Deed::system(realm);
        let mut detail = detail! {
            "serial" => entry.serial.to_string(), "issuer" => issuer.to_string(), "reason" => entry.reason.as_str(),
            "revoked_at" => entry.revoked_at.to_string(), "published_in" => number,
        };
        let act = match &before {
            Some(before) => {
                deed.changes.correct_revocation(issuer, shard, before, entry.reason);
                detail.insert("reason_before".to_owned(), before.reason.as_str().into());
                "certificate.compromise"
            }
            None => {
                let revocation = RevocationRow { serial: entry.serial, revoked_at: entry.revoked_at, reason: entry.reason, not_after };
                if enforced!("reconcile.revocation") {
                    deed.changes.insert_revocation(issuer, shard, &revocation);
                }
                "certificate.revoke"
            }
        };
        let mut subject = *issuer.as_bytes();
        if let Some(row) = &row {
            subject = *row.id.as_bytes();
            detail.insert("certificate".to_owned(), row.id.to_string().into());
            if before.is_none() {
                deed.makes(LineageKind::Revocation, row.id.as_bytes(), 1);
            }
            if let Ok(status) = row.status.advance(CertificateStatus::Revoked) {
                deed.changes.move_certificate(row, status);
                deed.changes.count_down(CERTIFICATES);
                detail.insert("moves".to_owned(), vec![row.status.as_str(), status.as_str()].into());
            }
            if compromised {
                detail.insert("key_blocked".to_owned(), block_key(realm, &mut deed, row, keys_left)?.into());
            }
        }
        kill_point!("reconcile.revocation.before");
        deed.commit(self.ports(), act, subject, detail).await?;
        kill_point!("reconcile.revocation.after");
        Ok(true)
    }

    /// Notes the certificate of a compromised key that nobody may have blocked: the tenant is suspended, and what names the key is locked.
    pub(super) async fn note_key_left(
        &self,
        realm: &Realm,
        issuer: IssuerId,
        entry: &CrlEntry,
        keys_left: &mut Vec<CertificateId>,
    ) -> Result<(), Failure> {
        if entry.reason != RevocationReason::KeyCompromise || realm.is_active() {
            return Ok(());
        }
        let row = realm.view.certificate_of(issuer, &entry.serial).await?;
        keys_left.extend(row.map(|row| row.id).filter(|id| !keys_left.contains(id)));
        Ok(())
    }
}

/// Has the certificate's key never certified again; not while the tenant is suspended, for what names the key is locked.
fn block_key(realm: &Realm, deed: &mut Deed, row: &CertificateRow, keys_left: &mut Vec<CertificateId>) -> Result<bool, Failure> {
    if realm.is_active() {
        deed.changes.compromise_subject_key(&revoke::key(realm, row)?, row.id);
    } else {
        keys_left.push(row.id);
    }
    Ok(realm.is_active())
}
