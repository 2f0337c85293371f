//! Making authorities: roots, and the issuing authorities below them, each with a key of its own.

use crate::authority_key::IssuingKey;
use crate::crl;
use crate::deed::Deed;
use crate::outbox;
use crate::places;
use crate::realm::{AuthorityBody, Realm};
use crate::{Chancery, Failure};
use chancery_domain::issuer::IssuerState;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::lineage::LineageKind;
use chancery_domain::{IssuerId, PublicId, Serial, TenantId, Timestamp};
use chancery_store::AuthorityRow;
use chancery_x509::{Addresses, CaPlan, CertificatePlan, DistinguishedName, IssuerCertificate};
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// An authority made in memory, before it is stored.
pub(crate) struct Made {
    pub(crate) id: IssuerId,
    pub(crate) public: PublicId,
    pub(crate) key: IssuingKey,
    pub(crate) pkcs8: Zeroizing<Vec<u8>>,
    pub(crate) certificate: IssuerCertificate,
}

/// When an authority is valid.
#[derive(Clone, Copy)]
pub(crate) struct Term {
    /// Its first second; just now if `None`.
    pub(crate) from: Option<Timestamp>,
    pub(crate) days: u32,
}

/// Whose key signs a new issuing authority, and where its certificate points.
pub(crate) struct Above<'a> {
    pub(crate) key: &'a IssuingKey,
    pub(crate) certificate: &'a IssuerCertificate,
    pub(crate) public: PublicId,
}

impl Made {
    pub(crate) const fn above(&self) -> Above<'_> {
        Above { key: &self.key, certificate: &self.certificate, public: self.public }
    }
}

/// The subject of an authority of this kind; from the second generation of its line on, it says which.
pub(crate) fn subject(body: &AuthorityBody, kind: &str, generation: i64) -> DistinguishedName {
    // Another key under the same name would leave verifiers to guess whose list a CRL is.
    let generation = if generation > 1 { format!(" G{generation}") } else { String::new() };
    DistinguishedName { organization: body.organization.clone(), common_name: format!("{} {kind}{generation}", body.name) }
}

impl Chancery {
    pub(crate) async fn make_root(
        &self,
        tenant: TenantId,
        body: &AuthorityBody,
        generation: i64,
        key: KeyAlgorithm,
        days: u32,
    ) -> Result<Made, Failure> {
        let subject = subject(body, "Root CA", generation);
        let pkcs8 = self.key_pair(tenant, key).await?.pkcs8;
        let key = IssuingKey::open(&pkcs8)?;
        let signed = key.sign_authority(CertificatePlan::root(&self.ca_plan(&subject, &key, Term { from: None, days }, 1))?)?;
        self.made(key, pkcs8, signed.der())
    }

    pub(crate) async fn make_issuing(
        &self,
        tenant: TenantId,
        body: &AuthorityBody,
        generation: i64,
        key: KeyAlgorithm,
        term: Term,
        above: &Above<'_>,
    ) -> Result<Made, Failure> {
        let subject = subject(body, "Issuing CA", generation);
        let pkcs8 = self.key_pair(tenant, key).await?.pkcs8;
        let key = IssuingKey::open(&pkcs8)?;
        // Not before who signs it, whose maker's clock may have been ahead of this one.
        let from = term.from.unwrap_or_else(|| self.just_now().max(above.certificate.not_before()));
        let plan = self.ca_plan(&subject, &key, Term { from: Some(from), ..term }, 0);
        let addresses = self.addresses(above.public, 0);
        let prepared = CertificatePlan::intermediate(&plan, &body.permitted, above.certificate, &addresses)
            .map_err(|error| Failure::invalid("permitted_names", error))?;
        let signed = above.key.sign_authority(prepared)?;
        self.made(key, pkcs8, signed.der())
    }

    fn ca_plan<'a>(&self, subject: &'a DistinguishedName, key: &'a IssuingKey, term: Term, below: u8) -> CaPlan<'a> {
        let not_before = term.from.unwrap_or_else(|| self.just_now()).whole_second();
        CaPlan {
            subject,
            key: key.public_key(),
            serial: Serial::random(&*self.ports().entropy),
            not_before,
            not_after: Timestamp::from_seconds(not_before.after(DAY * term.days).seconds() - 1),
            path_length: Some(below),
        }
    }

    fn just_now(&self) -> Timestamp {
        self.now().before(chancery_domain::decision::BACKDATE).whole_second()
    }

    fn made(&self, key: IssuingKey, pkcs8: Zeroizing<Vec<u8>>, der: &[u8]) -> Result<Made, Failure> {
        let ports = self.ports();
        let (id, public) = (IssuerId::new(&*ports.clock, &*ports.entropy), PublicId::random(&*ports.entropy));
        Ok(Made { id, public, key, pkcs8, certificate: IssuerCertificate::from_der(der)? })
    }

    /// Puts a new authority into the deed, with its public addresses and the jobs that publish its first CRL.
    pub(crate) fn establish(
        &self,
        deed: &mut Deed,
        realm: &Realm,
        made: &Made,
        body: &AuthorityBody,
        parent: Option<IssuerId>,
        (line, generation): (Option<IssuerId>, i64),
    ) -> Result<(), Failure> {
        let (at, ports, now) = (made.id.as_bytes(), self.ports(), self.now());
        deed.changes.insert_authority(&AuthorityRow {
            id: made.id,
            parent,
            public: made.public,
            certificate: Some(made.certificate.der().to_vec()),
            body: realm.seal(&places::AUTHORITY, at, &serde_json::to_vec(body)?, ports)?,
            key: Some(realm.seal(&places::AUTHORITY_KEY, at, &made.pkcs8, ports)?),
            status_key: Some(realm.seal(&places::AUTHORITY_STATUS_KEY, at, &made.pkcs8, ports)?),
            not_after: made.certificate.not_after(),
            created_at: now,
            state: IssuerState::Active,
            line: line.unwrap_or(made.id),
            generation,
            retire_at: None,
        });
        deed.makes(LineageKind::Issuer, at, 1);
        self.publish_address(deed, made.public, made.id);
        crl::open_shard(&mut deed.changes, made.id, 0, now);
        Ok(())
    }

    /// The address resolves once the platform's register has it: an outbox message, committed with the act.
    pub(crate) fn publish_address(&self, deed: &mut Deed, public: PublicId, issuer: IssuerId) {
        let payload = [public.as_bytes().as_slice(), issuer.as_bytes()].concat();
        outbox::leave(&mut deed.changes, outbox::PUBLIC_ADDRESS, payload, self.ports());
    }

    /// The public addresses of an authority: random ids, which publish nobody's name.
    pub(crate) fn addresses(&self, public: PublicId, shard: u32) -> Addresses {
        let base = &self.inner.settings.public_url;
        Addresses { crl_url: format!("{base}/pki/{public}/{shard}.crl"), aia_url: format!("{base}/pki/{public}/ca.cer") }
    }
}
