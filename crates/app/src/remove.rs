//! Removal of what is not ours: certificates of others leave the inventory, authorities of others the list of issuers and the bundle.
//! What was signed here stays, for it is answered for here; and every event stays.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::holds::kept;
use crate::import::{content, indexed_names};
use crate::issuers::issuer;
use crate::key_reuse;
use crate::places;
use crate::realm::CERTIFICATES;
use crate::search::blinds;
use crate::view::Receipt;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{CertificateRemove, IssuerWrite};
use chancery_domain::certificate::Origin;
use chancery_domain::hold::HoldSubject;
use chancery_domain::issuer::AuthorityKind;
use chancery_domain::{CertificateId, IssuerId, enforced};
use chancery_x509::CertificateSummary;

impl Chancery {
    /// Removes an external certificate from the inventory. Its key is forgotten with it, unless another certificate here has the same
    /// or it is compromised.
    pub async fn remove_certificate(&self, caller: &Caller, id: CertificateId) -> Result<Receipt, Failure> {
        deciding_anew!(self, caller => self.try_remove_certificate(&caller, id))
    }

    async fn try_remove_certificate(&self, caller: &Caller, id: CertificateId) -> Result<Receipt, Stop> {
        let realm = &caller.realm;
        let found = realm.view.certificate(id).await?;
        // What this request removed is there no more.
        if let Some(done) = caller.done_before().await? {
            self.permit_within::<CertificateRemove>(caller).await?;
            return Ok(done.receipt);
        }
        let (permit, row) = self.permit_on::<CertificateRemove, _>(caller, found).await?;
        if row.origin != Origin::External && enforced!("remove.certificate-of-ours") {
            let message = "an issuer of the tenant signed it, and answers for it to its end: revoke it instead";
            return Err(Failure::Conflict(message.to_owned()).into());
        }
        if let Some(hold) = realm.hold_on(&[HoldSubject::Certificate(id)]).await?.filter(|_| enforced!("remove.held-certificate")) {
            return Err(Failure::Conflict(kept(hold)).into());
        }
        let der = realm.open(&places::CERTIFICATE, id.as_bytes(), &row.body)?;
        let summary = CertificateSummary::from_der(&der).map_err(Failure::from)?;
        let names = indexed_names(&summary);
        let mut deed = Deed::by(&permit);
        // First, so that no certificate with the same key is issued between the look at the others and the commit.
        deed.changes.next_epoch();
        deed.changes.remove_external(&row, &content(realm, &summary)?, &blinds(realm, &names)?);
        deed.changes.remove_certificate_key(&key_reuse::blind(realm, &summary.spki_der)?, id);
        if row.status.is_live() {
            deed.changes.count_down(CERTIFICATES);
        }
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let detail = detail! {
            "certificate" => id.to_string(), "sha256" => summary.sha256, "issuer" => summary.issuer, "serial" => row.serial.to_string(),
            "names" => names, "status" => row.status.as_str(),
        };
        let receipt = deed.commit(self.ports(), "certificate.remove", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok(receipt)
    }

    /// Removes an authority whose key is somewhere else, if no authority stands below it here.
    pub async fn remove_issuer(&self, caller: &Caller, id: IssuerId) -> Result<Receipt, Failure> {
        deciding_anew!(self, caller => self.try_remove_issuer(&caller, id))
    }

    async fn try_remove_issuer(&self, caller: &Caller, id: IssuerId) -> Result<Receipt, Stop> {
        let realm = &caller.realm;
        let found = realm.view.authority(id).await?;
        if let Some(done) = caller.done_before().await? {
            self.permit_within::<IssuerWrite>(caller).await?;
            return Ok(done.receipt);
        }
        let (permit, row) = self.permit_on::<IssuerWrite, _>(caller, found).await?;
        if !matches!(row.kind(), AuthorityKind::Anchor | AuthorityKind::Intermediate) && enforced!("remove.authority-of-ours") {
            let message = "its key was made here, and it answers for what it issued: retire it instead, or abandon it while it is pending";
            return Err(Failure::Conflict(message.to_owned()).into());
        }
        // An authority that comes below it starts a new epoch, which the deed guards.
        if realm.view.authorities().await?.iter().any(|below| below.parent == Some(id)) && enforced!("remove.above-others") {
            let message = "authorities below it are here, and what they issued is verified through it: retire it instead";
            return Err(Failure::Conflict(message.to_owned()).into());
        }
        if let Some(hold) = realm.hold_on(&[]).await?.filter(|_| enforced!("remove.held-authority")) {
            return Err(Failure::Conflict(kept(hold)).into());
        }
        let shown = issuer(realm, &row)?;
        let sha256 = shown.certificate.map(|(_, summary)| summary.sha256);
        let mut deed = Deed::by(&permit);
        deed.changes.remove_authority(&row);
        let detail = detail! {
            "issuer" => id.to_string(), "kind" => row.kind().as_str(), "name" => shown.name, "sha256" => sha256, "state" => row.state.as_str(),
        };
        let receipt = deed.commit(self.ports(), "issuer.remove", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok(receipt)
    }
}
