//! Issuers: a tenant's own root and the issuing intermediate under it.

use crate::crl;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::jobs::{self, Kind};
use crate::places;
use crate::realm::{Authority, AuthorityBody, Realm};
use crate::signer::IssuingKey;
use crate::view::{Issuer, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{IssuerRead, IssuerWrite};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::pattern::NamePattern;
use chancery_domain::{IssuerId, JobId, PublicId, Serial, Timestamp};
use chancery_store::{AuthorityRow, OutboxRow};
use chancery_x509::{Addresses, CaPlan, CertificatePlan, CertificateSummary, DistinguishedName, IssuerCertificate, verify_chain};
use std::sync::Arc;
use std::time::Duration;

/// What a new issuer is to be.
#[derive(Clone, Debug)]
pub struct NewIssuer {
    /// The organisation in its name.
    pub organization: Option<String>,
    /// Its common name; root and intermediate add what they are.
    pub name: String,
    /// The kind of its keys, root and intermediate alike.
    pub key_algorithm: KeyAlgorithm,
    /// The names that it may issue for; its name constraints.
    pub permitted: Vec<NamePattern>,
    /// The root's validity in days.
    pub root_days: u32,
    /// The intermediate's validity in days.
    pub issuing_days: u32,
}

const DAY: Duration = Duration::from_secs(86_400);

/// An authority made in memory, before it is stored.
struct Made {
    id: IssuerId,
    public: PublicId,
    key: IssuingKey,
    pkcs8: zeroize::Zeroizing<Vec<u8>>,
    certificate: IssuerCertificate,
}

impl Chancery {
    /// The tenant's authorities, newest first.
    pub async fn issuers(&self, caller: &Caller) -> Result<Vec<Issuer>, Failure> {
        self.permit::<IssuerRead>(caller).await?;
        let mut issuers = Vec::new();
        for row in caller.realm.view.authorities().await? {
            let authority = caller.realm.authority(row.id).await?.ok_or(Failure::NotFound)?;
            issuers.push(issuer(&authority)?);
        }
        Ok(issuers)
    }

    /// An authority.
    pub async fn issuer(&self, caller: &Caller, id: IssuerId) -> Result<Issuer, Failure> {
        let (_permit, authority) = self.permit_on::<IssuerRead, _>(caller, caller.realm.authority(id).await?).await?;
        issuer(&authority)
    }

    /// The CRL of the authority's shard as last published, DER.
    pub async fn issuer_crl(&self, caller: &Caller, id: IssuerId, shard: u32) -> Result<Vec<u8>, Failure> {
        let (_permit, row) = self.permit_on::<IssuerRead, _>(caller, caller.realm.view.crl(id, shard).await?).await?;
        Ok(row.der)
    }

    /// Makes a root and its issuing intermediate; the intermediate is what certificates are issued by.
    pub async fn create_issuer(&self, caller: &Caller, new: &NewIssuer) -> Result<(Issuer, Receipt), Failure> {
        check(new)?;
        deciding_anew!(self, caller => self.try_create_issuer(&caller, new))
    }

    async fn try_create_issuer(&self, caller: &Caller, new: &NewIssuer) -> Result<(Issuer, Receipt), Stop> {
        let permit = self.permit::<IssuerWrite>(caller).await?;
        let realm = &caller.realm;
        if let Some(done) = caller.done_before().await? {
            let authority = realm.authority(IssuerId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((issuer(&authority)?, done.receipt));
        }
        let now = self.now();
        let root = self.make_root(new, now).await?;
        let issuing = self.make_issuing(new, now, &root).await?;
        verify_chain(issuing.certificate.der(), &[], root.certificate.der(), now).map_err(Failure::from)?;

        let mut deed = Deed::by(&permit);
        for (made, parent) in [(&root, None), (&issuing, Some(root.id))] {
            deed.changes.insert_authority(&self.authority_row(realm, new, made, parent, now)?);
            // The address resolves once the platform's register has it: an outbox message, committed with the act.
            let payload = [made.public.as_bytes().as_slice(), made.id.as_bytes()].concat();
            let id = JobId::new(&*self.ports().clock, &*self.ports().entropy);
            deed.changes.insert_outbox(&OutboxRow { id, kind: "public-address".to_owned(), payload });
            crl::open_shard(&mut deed.changes, made.id, 0, now);
        }
        deed.changes.insert_job(&jobs::due_now(Kind::DeliverOutbox, &[], now));
        let permitted: Vec<_> = new.permitted.iter().map(ToString::to_string).collect();
        let detail = detail! {
            "issuer" => issuing.id.to_string(), "root" => root.id.to_string(), "name" => new.name.as_str(), "permitted" => permitted,
            "key_algorithm" => new.key_algorithm.as_str()
        };
        let receipt = deed.commit(self.ports(), "issuer.create", *issuing.id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        let fresh = self.realm(realm.id).await?;
        let authority = fresh.authority(issuing.id).await?.ok_or(Failure::NotFound)?;
        Ok((issuer(&authority)?, receipt))
    }

    async fn make_root(&self, new: &NewIssuer, now: Timestamp) -> Result<Made, Failure> {
        let subject = name(new, "Root CA");
        let pkcs8 = self.key_pair(new.key_algorithm).await?.pkcs8;
        let key = IssuingKey::open(&pkcs8)?;
        let plan = self.ca_plan(&subject, &key, now, new.root_days, 1);
        let signed = key.sign_authority(CertificatePlan::root(&plan)?)?;
        self.made(key, pkcs8, signed.der())
    }

    async fn make_issuing(&self, new: &NewIssuer, now: Timestamp, root: &Made) -> Result<Made, Failure> {
        let subject = name(new, "Issuing CA");
        let pkcs8 = self.key_pair(new.key_algorithm).await?.pkcs8;
        let key = IssuingKey::open(&pkcs8)?;
        let plan = self.ca_plan(&subject, &key, now, new.issuing_days, 0);
        let addresses = self.addresses(root.public, 0);
        let prepared = CertificatePlan::intermediate(&plan, &new.permitted, &root.certificate, &addresses)
            .map_err(|error| Failure::invalid("permitted_names", error))?;
        let signed = root.key.sign_authority(prepared)?;
        self.made(key, pkcs8, signed.der())
    }

    fn ca_plan<'a>(&self, subject: &'a DistinguishedName, key: &'a IssuingKey, now: Timestamp, days: u32, below: u8) -> CaPlan<'a> {
        let not_before = now.before(chancery_domain::decision::BACKDATE).whole_second();
        CaPlan {
            subject,
            key: key.public_key(),
            serial: Serial::random(&*self.ports().entropy),
            not_before,
            not_after: Timestamp::from_seconds(not_before.after(DAY * days).seconds() - 1),
            path_length: Some(below),
        }
    }

    fn made(&self, key: IssuingKey, pkcs8: zeroize::Zeroizing<Vec<u8>>, der: &[u8]) -> Result<Made, Failure> {
        let ports = self.ports();
        let (id, public) = (IssuerId::new(&*ports.clock, &*ports.entropy), PublicId::random(&*ports.entropy));
        Ok(Made { id, public, key, pkcs8, certificate: IssuerCertificate::from_der(der)? })
    }

    fn authority_row(
        &self,
        realm: &Realm,
        new: &NewIssuer,
        made: &Made,
        parent: Option<IssuerId>,
        now: Timestamp,
    ) -> Result<AuthorityRow, Failure> {
        let (at, ports) = (made.id.as_bytes(), self.ports());
        let body = AuthorityBody { name: new.name.clone(), permitted: new.permitted.clone() };
        Ok(AuthorityRow {
            id: made.id,
            parent,
            public: made.public,
            certificate: made.certificate.der().to_vec(),
            body: realm.seal(&places::AUTHORITY, at, &serde_json::to_vec(&body)?, ports)?,
            key: realm.seal(&places::AUTHORITY_KEY, at, &made.pkcs8, ports)?,
            status_key: realm.seal(&places::AUTHORITY_STATUS_KEY, at, &made.pkcs8, ports)?,
            not_after: made.certificate.not_after(),
            created_at: now,
        })
    }

    /// The public addresses of an authority: random ids, which publish nobody's name.
    pub(crate) fn addresses(&self, public: PublicId, shard: u32) -> Addresses {
        let base = &self.inner.settings.public_url;
        Addresses { crl_url: format!("{base}/pki/{public}/{shard}.crl"), aia_url: format!("{base}/pki/{public}/ca.cer") }
    }

    /// The chain above a certificate of this authority, without the root.
    pub(crate) async fn chain(&self, realm: &Realm, authority: &Arc<Authority>) -> Result<Vec<Vec<u8>>, Failure> {
        let mut chain = Vec::new();
        let mut next = Some(Arc::clone(authority));
        while let Some(authority) = next {
            let Some(parent) = authority.parent else { break };
            chain.push(authority.certificate.der().to_vec());
            next = realm.authority(parent).await?;
        }
        Ok(chain)
    }
}

fn check(new: &NewIssuer) -> Result<(), Failure> {
    crate::accounts::check_name(&new.name)?;
    if new.name.chars().count() > 48 {
        return Err(Failure::invalid("name", "at most 48 characters: what kind of authority it is follows in the certificate"));
    }
    if new.organization.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 64) {
        return Err(Failure::invalid("organization", "1 to 64 characters (RFC 5280, ub-organization-name)"));
    }
    if new.permitted.is_empty() || new.permitted.len() > 200 {
        return Err(Failure::invalid("permitted_names", "1 to 200 name patterns: an issuer without permitted names could issue nothing"));
    }
    if !new.key_algorithm.may_issue() {
        return Err(Failure::invalid(
            "key_algorithm",
            "too weak for an authority's life: choose ec-p256, ec-p384, ed25519, rsa-3072, rsa-4096 or ml-dsa-65",
        ));
    }
    if !(30..=9125).contains(&new.root_days) || !(1..=new.root_days).contains(&new.issuing_days) {
        return Err(Failure::invalid("root_days", "root 30 to 9125 days, the issuing authority at most as long as its root"));
    }
    Ok(())
}

fn name(new: &NewIssuer, kind: &str) -> DistinguishedName {
    DistinguishedName { organization: new.organization.clone(), common_name: format!("{} {kind}", new.name) }
}

fn issuer(authority: &Authority) -> Result<Issuer, Failure> {
    let open = authority.open.as_ref().ok_or(Failure::Suspended)?;
    Ok(Issuer {
        id: authority.id,
        parent: authority.parent,
        name: open.body.name.clone(),
        permitted: open.body.permitted.clone(),
        key_algorithm: authority.certificate.public_key().algorithm(),
        public: authority.public,
        certificate: authority.certificate.der().to_vec(),
        summary: CertificateSummary::from_der(authority.certificate.der())?,
        created_at: authority.created_at,
    })
}
