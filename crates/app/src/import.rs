//! Import: existing certificates are taken into the inventory, each an act of its own, decided by the evaluator of imports (I3). One
//! that was taken in has no profile and is never renewed, a successor is a new request.

use crate::crl;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::jobs;
use crate::key_reuse::{self, KeyUse};
use crate::places;
use crate::realm::{Authority, CERTIFICATES, Realm};
use crate::search::blinds;
use crate::view::{Certificate, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{Act, CertificateImport};
use chancery_domain::certificate::{CertificateStatus, Origin, RevocationReason};
use chancery_domain::import::{Found, decide_import};
use chancery_domain::key::Custody;
use chancery_domain::name::SubjectName;
use chancery_domain::{CertificateId, PublicId, Serial, Timestamp, enforced};
use chancery_store::CertificateRow;
use chancery_x509::{CertificateSummary, is_signed_by, pem};
use std::sync::Arc;
use std::time::Duration;

/// So many at once.
const MOST: usize = 100;
/// Longest certificate, in bytes.
const LONGEST: usize = 16 * 1024;

/// What became of one certificate that was to be taken in.
pub struct ImportedItem {
    /// SHA-256 of what was given, lower-case hexadecimal, if it is a certificate.
    pub sha256: Option<String>,
    /// The certificate; with the event, unless it was there already.
    pub result: Result<(Certificate, Option<Receipt>), Failure>,
}

/// A certificate that is to be taken in.
struct Candidate {
    der: Vec<u8>,
    summary: CertificateSummary,
}

impl Chancery {
    /// Takes in the certificates of a PEM bundle, or one in DER, whatever becomes of the others.
    pub async fn import(&self, caller: &Caller, bundle: &[u8]) -> Result<Vec<ImportedItem>, Failure> {
        self.permit::<CertificateImport>(caller).await?;
        let found = blocks(bundle);
        if !(1..=MOST).contains(&found.len()) {
            return Err(bad(format!("1 to {MOST} certificates: PEM, or base64 of one in DER")));
        }
        let mut items = Vec::with_capacity(found.len());
        for der in found {
            items.push(self.import_one(caller, der).await);
        }
        Ok(items)
    }

    async fn import_one(&self, caller: &Caller, der: Result<Vec<u8>, Failure>) -> ImportedItem {
        let read = der.and_then(|der| Ok((summary(&der)?, der)));
        let (summary, der) = match read {
            Ok(read) => read,
            Err(failure) => return ImportedItem { sha256: None, result: Err(failure) },
        };
        let sha256 = summary.sha256.clone();
        let caller = caller.for_item(sha256.as_bytes());
        let result = self.import_candidate(&caller, &Candidate { der, summary }).await;
        ImportedItem { sha256: Some(sha256), result }
    }

    async fn import_candidate(&self, caller: &Caller, candidate: &Candidate) -> Result<(Certificate, Option<Receipt>), Failure> {
        deciding_anew!(self, caller => self.try_import(&caller, candidate))
    }

    async fn try_import(&self, caller: &Caller, candidate: &Candidate) -> Result<(Certificate, Option<Receipt>), Stop> {
        let permit = self.permit::<CertificateImport>(caller).await?;
        if let Some((known, receipt)) = self.issued_before(caller).await? {
            return Ok((known, Some(receipt)));
        }
        let (ports, realm, summary) = (self.ports(), &caller.realm, &candidate.summary);
        let authority = caller.apart(self.signed_by(realm, candidate)).await?;
        let blind = content(realm, summary)?;
        if let Some(known) = present(realm, authority.as_deref(), candidate, &blind).await? {
            return Ok((self.certificate_of(realm, &known).await?, None));
        }
        let decision = decide_import(&found(summary), self.now());
        let importable = match decision.outcome {
            Ok(importable) => importable,
            Err(reasons) => {
                self.refuse(caller, CertificateImport::ACTION, decision.policy_version, &reasons).await?;
                return Err(Failure::Refused(reasons).into());
            }
        };
        let key_use = KeyUse::read_imported(realm, &summary.spki_der).await?;
        let id = CertificateId::new(&*ports.clock, &*ports.entropy);
        let shard = authority.as_ref().map_or(0, |authority| shard_named_in(authority, summary));
        let revoked = revocation(realm, authority.as_deref(), shard, importable.serial()).await?;
        let row = CertificateRow {
            id,
            origin: authority.as_ref().map_or(Origin::External, |authority| Origin::Imported { issuer: authority.id }),
            serial: importable.serial(),
            status: if revoked.is_some() { CertificateStatus::Revoked } else { CertificateStatus::Issued },
            shard,
            not_before: summary.not_before,
            not_after: summary.not_after,
            renew_at: renewal(summary),
            custody: Custody::Client,
            body: realm.seal(&places::CERTIFICATE, id.as_bytes(), &candidate.der, ports)?,
            version: 1,
        };
        let names = indexed_names(summary);
        let mut deed = Deed::by(&permit);
        let changes = &mut deed.changes;
        changes.insert_imported(id, &blind);
        if row.status.is_live() {
            changes.count_in(CERTIFICATES);
        }
        changes.insert_certificate(&row, &blinds(realm, &names)?);
        changes.insert_job(&jobs::expiry(id, row.not_after));
        // What an issuer of ours certified is remembered as if it had been here all along.
        match &authority {
            Some(_) => key_use.keep(changes, realm, &summary.spki_der, id)?,
            None => key_use.keep_of_others(changes, realm, &summary.spki_der, id)?,
        }
        if revoked == Some(RevocationReason::KeyCompromise) {
            changes.compromise_subject_key(&key_reuse::blind(realm, &summary.spki_der)?, id);
        }
        if let Some(authority) = &authority
            && !realm.shard_is_open(authority.id, shard).await?
        {
            crl::open_shard(changes, authority.id, shard, self.now());
        }
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let detail = detail! {
            "certificate" => id.to_string(), "origin" => row.origin.as_str(), "sha256" => summary.sha256.as_str(),
            "issuer" => authority.as_ref().map_or_else(|| summary.issuer.clone(), |authority| authority.id.to_string()),
            "serial" => row.serial.to_string(), "names" => names, "not_after" => row.not_after.to_string(),
            "status" => row.status.as_str(), "policy_version" => decision.policy_version,
        };
        let receipt = deed.commit(ports, "certificate.import", *id.as_bytes(), detail).await?;
        Ok((self.shown(realm, &row, candidate.der.clone()).await?, Some(receipt)))
    }

    /// The tenant's authority that signed it: by its signature, for anybody can write a name. What an anchor signed stays external, for
    /// whose key is somewhere else revokes there. Signatures are verified in the tenant's turn (I11), where name and key identifier fit.
    async fn signed_by(&self, realm: &Realm, candidate: &Candidate) -> Result<Option<Arc<Authority>>, Failure> {
        let named = realm
            .own_authorities()
            .await?
            .iter()
            .filter(|signer| signer.certificate.is_named_in(&candidate.summary) || !enforced!("import.signature"));
        let named: Vec<_> = named.map(|signer| (signer.id, signer.certificate.der().to_vec())).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let der = candidate.der.clone();
        let verify = move || {
            Ok(named.into_iter().find(|(_, authority)| is_signed_by(&der, authority) || !enforced!("import.signature")).map(|(id, _)| id))
        };
        match self.inner.turns.take(realm.id, verify).await? {
            Some(id) => realm.authority(id).await,
            None => Ok(None),
        }
    }
}

/// The blind index value of a certificate's content: of a text that no name has.
pub(crate) fn content(realm: &Realm, summary: &CertificateSummary) -> Result<[u8; 16], Failure> {
    Ok(realm.sealer.blind(&format!("certificate:{}", summary.sha256))?)
}

/// The names by which the index knows it: an old certificate without alternative names by its common name.
pub(crate) fn indexed_names(summary: &CertificateSummary) -> Vec<SubjectName> {
    let named = summary.common_name.as_ref().filter(|_| summary.names.is_empty()).and_then(|name| name.parse().ok());
    summary.names.iter().cloned().chain(named).collect()
}

/// The shard of ours that the certificate itself points to. One that points nowhere of ours is listed in the first.
fn shard_named_in(authority: &Authority, summary: &CertificateSummary) -> u32 {
    let shard = |url: &String| shard_at(authority.public, url);
    // A root's list has no shards.
    summary.crl_urls.iter().filter(|_| authority.parent.is_some()).find_map(shard).unwrap_or(0)
}

/// The shard at an address of this authority's lists, under whatever host they were published then: the signature is ours (THREATS 18).
fn shard_at(public: PublicId, url: &str) -> Option<u32> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    path.strip_prefix(&format!("pki/{public}/"))?.strip_suffix(".crl")?.parse().ok()
}

/// The DER of each certificate that was given; a text without a block of PEM is DER.
fn blocks(bundle: &[u8]) -> Vec<Result<Vec<u8>, Failure>> {
    if bundle.is_empty() {
        return Vec::new();
    }
    let text = match std::str::from_utf8(bundle) {
        Ok(text) if pem::is_pem(bundle) => text,
        _ => return vec![Ok(bundle.to_vec())],
    };
    let block = |block: Result<pem::Block, pem::PemError>| match block {
        Ok(block) if block.label == pem::CERTIFICATE => Ok(block.der.to_vec()),
        // What it is may be a secret, and is not kept (I9).
        Ok(_) => Err(bad("a PEM block that is no certificate: nothing of it was kept")),
        Err(error) => Err(bad(error)),
    };
    // One more than allowed is enough to refuse them all.
    pem::each(text).take(MOST + 1).map(block).collect()
}

fn bad(why: impl ToString) -> Failure {
    Failure::invalid("bundle", why)
}

fn summary(der: &[u8]) -> Result<CertificateSummary, Failure> {
    if der.len() > LONGEST && enforced!("import.length") {
        return Err(bad(format!("longer than {LONGEST} bytes")));
    }
    CertificateSummary::from_der(der).map_err(bad)
}

fn found(summary: &CertificateSummary) -> Found {
    Found {
        serial: summary.serial,
        is_authority: summary.is_authority,
        not_before: summary.not_before,
        not_after: summary.not_after,
        names: summary.names.len(),
    }
}

/// The same certificate, if it is there already.
async fn present(
    realm: &Realm,
    authority: Option<&Authority>,
    candidate: &Candidate,
    blind: &[u8; 16],
) -> Result<Option<CertificateRow>, Failure> {
    if let Some(known) = realm.view.imported(blind).await? {
        return Ok(Some(known));
    }
    let (Some(authority), Some(serial)) = (authority, &candidate.summary.serial) else { return Ok(None) };
    let Some(known) = realm.view.certificate_of(authority.id, serial).await? else { return Ok(None) };
    if *realm.open(&places::CERTIFICATE, known.id.as_bytes(), &known.body)? == candidate.der || !enforced!("import.serial-twice") {
        return Ok(Some(known));
    }
    // I5: a serial is used once. That this one was used twice is not for us to hide.
    Err(Failure::Conflict(
        "its issuer signed another certificate with this serial number, which is here: find out which one is real".to_owned(),
    ))
}

/// Why it was revoked before it was taken in: of a certificate issued after a backup only its revocation comes back with it.
async fn revocation(realm: &Realm, authority: Option<&Authority>, shard: u32, serial: Serial) -> Result<Option<RevocationReason>, Failure> {
    let Some(authority) = authority.filter(|_| enforced!("import.revoked")) else { return Ok(None) };
    Ok(realm.view.revocation(authority.id, shard, &serial).await?.map(|row| row.reason))
}

/// Two thirds of the validity: there is no profile to say when.
fn renewal(summary: &CertificateSummary) -> Timestamp {
    let third = summary.not_after.millis().saturating_sub(summary.not_before.millis()) / 3;
    summary.not_after.before(Duration::from_millis(third.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_known_by_its_path_whatever_the_host_was() {
        let (ours, other) = (PublicId::from_bytes([1; 16]), PublicId::from_bytes([2; 16]));
        for base in ["http://pki.chancery.example", "http://old.example:8080"] {
            assert_eq!(shard_at(ours, &format!("{base}/pki/{ours}/7.crl")), Some(7), "{base}");
            assert_eq!(shard_at(ours, &format!("{base}/pki/{other}/7.crl")), None);
            assert_eq!(shard_at(ours, &format!("{base}/more/pki/{ours}/7.crl")), None);
            assert_eq!(shard_at(ours, &format!("{base}/pki/{ours}/7.cer")), None);
        }
        assert_eq!(shard_at(ours, "ldap:7.crl"), None);
    }
}
