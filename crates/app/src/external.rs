//! Issuers below a customer's own root: the key is made here, the request goes out, the chain comes in. And roots of others that
//! the tenant trusts.

use crate::authority_key::IssuingKey;
use crate::crl;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::hierarchy::subject;
use crate::issuers::{issuer, read, room_for};
use crate::places;
use crate::realm::{AuthorityBody, Realm, Requested};
use crate::view::{Issuer, Receipt};
use crate::{Caller, Chancery, Failure, Permit};
use chancery_domain::action::IssuerWrite;
use chancery_domain::issuer::IssuerState;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::lineage::LineageKind;
use chancery_domain::{IssuerId, PublicId, Timestamp, enforced};
use chancery_store::AuthorityRow;
use chancery_x509::{AuthorityWish, CertificatePlan, CertificateSummary, pem, supplied_chain, supplied_root};

/// What a pending issuer is completed with.
#[derive(Clone, Debug)]
pub struct Supplied {
    /// PEM: its certificate, those between, the self-signed root last.
    pub chain: String,
    /// Whether it does if its name constraints are missing, or permit more than was asked for.
    pub accept_wider_names: bool,
}

impl Chancery {
    /// Puts an issuer without a certificate into the deed: its key, and the request for whoever is to sign it.
    pub(crate) async fn await_certificate(
        &self,
        deed: &mut Deed,
        realm: &Realm,
        body: AuthorityBody,
        generation: i64,
        key: KeyAlgorithm,
        line: Option<IssuerId>,
    ) -> Result<IssuerId, Failure> {
        let ports = self.ports();
        let pkcs8 = self.key_pair(realm.id, key).await?.pkcs8;
        let key = IssuingKey::open(&pkcs8)?;
        let plan = CertificatePlan::request(&subject(&body, "Issuing CA", generation), key.public_key(), &body.permitted);
        let pem = pem::encode(pem::CERTIFICATE_REQUEST, key.sign_request(plan)?.der());
        let body = AuthorityBody { request: Some(Requested { pem, key_algorithm: key.public_key().algorithm() }), ..body };
        let id = IssuerId::new(&*ports.clock, &*ports.entropy);
        deed.changes.insert_authority(&AuthorityRow {
            id,
            parent: None,
            public: PublicId::random(&*ports.entropy),
            certificate: None,
            body: realm.seal(&places::AUTHORITY, id.as_bytes(), &serde_json::to_vec(&body)?, ports)?,
            key: Some(realm.seal(&places::AUTHORITY_KEY, id.as_bytes(), &pkcs8, ports)?),
            status_key: Some(realm.seal(&places::AUTHORITY_STATUS_KEY, id.as_bytes(), &pkcs8, ports)?),
            not_after: Timestamp::from_millis(0),
            created_at: self.now(),
            state: IssuerState::Pending,
            line: line.unwrap_or(id),
            generation,
            retire_at: None,
        });
        Ok(id)
    }

    /// Takes the chain that a pending issuer was given by its customer's authority, and lets it issue.
    pub async fn complete_issuer(&self, caller: &Caller, id: IssuerId, supplied: &Supplied) -> Result<(Issuer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_complete(&caller, id, supplied))
    }

    async fn try_complete(&self, caller: &Caller, id: IssuerId, given: &Supplied) -> Result<(Issuer, Receipt), Stop> {
        let (permit, row) = match self.pending(caller, id, IssuerState::Active).await? {
            Pending::Done(done) => return Ok(*done),
            Pending::Yet(permit, row) => (permit, row),
        };
        let (realm, now) = (&caller.realm, self.now());
        let body: AuthorityBody =
            serde_json::from_slice(&realm.open(&places::AUTHORITY, id.as_bytes(), &row.body)?).map_err(Failure::from)?;
        let sealed = row.key.as_ref().ok_or_else(|| Failure::internal("a pending issuer has no key"))?;
        let key = IssuingKey::open(&realm.open(&places::AUTHORITY_KEY, id.as_bytes(), sealed)?)?;
        let subject = subject(&body, "Issuing CA", row.generation);
        let wish = AuthorityWish { subject: &subject, key: key.public_key(), names: &body.permitted };
        let supplied = supplied_chain(&given.chain, &wish, now).map_err(|error| Failure::invalid("chain", error))?;
        if !supplied.wider.is_empty() && !given.accept_wider_names && enforced!("supplied.wider-names") {
            return Err(wider(&supplied.wider).into());
        }

        let mut deed = Deed::by(&permit);
        let known = realm.view.authorities().await?;
        let (mut parent, mut added) = (None, Vec::new());
        for der in supplied.above.iter().rev() {
            parent = Some(match standing(&known, der)? {
                Some(row) => row.id,
                None => {
                    let id = self.keep_foreign(&mut deed, realm, der, None, parent)?;
                    let sha256 = CertificateSummary::from_der(der).map_err(Failure::from)?.sha256;
                    added.push(serde_json::json!({ "id": id.to_string(), "sha256": sha256 }));
                    id
                }
            });
        }
        room_for(&known, added.len(), now)?;
        let parent = parent.ok_or_else(|| Failure::internal("a supplied chain has no root"))?;
        deed.makes(LineageKind::Issuer, id.as_bytes(), 1);
        deed.changes.activate_authority(id, parent, supplied.certificate.der(), supplied.certificate.not_after());
        self.publish_address(&mut deed, row.public, id);
        crl::open_shard(&mut deed.changes, id, 0, now);
        let detail = detail! {
            "issuer" => id.to_string(), "parent" => parent.to_string(), "moves" => vec!["pending", "active"],
            "not_after" => supplied.certificate.not_after().to_string(), "added" => added, "wider_names" => supplied.wider
        };
        let receipt = deed.commit(self.ports(), "issuer.activate", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((read(realm, id).await?, receipt))
    }

    /// Gives up an issuer that has no certificate yet, and erases its key.
    pub async fn abandon_issuer(&self, caller: &Caller, id: IssuerId) -> Result<(Issuer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_abandon(&caller, id))
    }

    async fn try_abandon(&self, caller: &Caller, id: IssuerId) -> Result<(Issuer, Receipt), Stop> {
        let permit = match self.pending(caller, id, IssuerState::Abandoned).await? {
            Pending::Done(done) => return Ok(*done),
            Pending::Yet(permit, _) => permit,
        };
        let mut deed = Deed::by(&permit);
        deed.changes.abandon_authority(id);
        let detail = detail! { "issuer" => id.to_string(), "moves" => vec!["pending", "abandoned"] };
        let receipt = deed.commit(self.ports(), "issuer.abandon", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.realm.id);
        Ok((read(&caller.realm, id).await?, receipt))
    }

    /// An issuer that may make this move from waiting, or what was done before.
    async fn pending(&self, caller: &Caller, id: IssuerId, to: IssuerState) -> Result<Pending, Failure> {
        let found = caller.realm.view.authority(id).await?;
        let (permit, row) = self.permit_on::<IssuerWrite, _>(caller, found).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok(Pending::Done(Box::new((issuer(&caller.realm, &row)?, done.receipt))));
        }
        row.state.advance(to).map_err(|error| Failure::Conflict(error.to_string()))?;
        Ok(Pending::Yet(permit, Box::new(row)))
    }

    /// Keeps a root of somebody else's as a trust anchor: it joins the bundle.
    pub async fn add_anchor(&self, caller: &Caller, name: &str, pem: &str) -> Result<(Issuer, Receipt), Failure> {
        crate::accounts::check_name(name)?;
        deciding_anew!(self, caller => self.try_add_anchor(&caller, name, pem))
    }

    async fn try_add_anchor(&self, caller: &Caller, name: &str, pem: &str) -> Result<(Issuer, Receipt), Stop> {
        let permit = self.permit::<IssuerWrite>(caller).await?;
        let realm = &caller.realm;
        if let Some(done) = caller.done_before().await? {
            return Ok((read(realm, IssuerId::from_bytes(done.subject)).await?, done.receipt));
        }
        let der = supplied_root(pem, self.now()).map_err(|error| Failure::invalid("pem", error))?;
        let known = realm.view.authorities().await?;
        // One that was taken out of the bundle may come again; a root of the tenant's own never left it for good.
        let stands = |row: &&AuthorityRow| row.state == IssuerState::Active || row.key.is_some();
        if known.iter().filter(stands).any(|row| row.certificate.as_ref() == Some(&der)) && enforced!("anchor.twice") {
            return Err(Failure::Conflict("the tenant has this root already".to_owned()).into());
        }
        room_for(&known, 1, self.now())?;
        let mut deed = Deed::by(&permit);
        let id = self.keep_foreign(&mut deed, realm, &der, Some(name), None)?;
        let sha256 = CertificateSummary::from_der(&der).map_err(Failure::from)?.sha256;
        let detail = detail! { "anchor" => id.to_string(), "name" => name, "sha256" => sha256 };
        let receipt = deed.commit(self.ports(), "anchor.add", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((read(realm, id).await?, receipt))
    }

    /// Puts an authority whose key is somewhere else into the deed, named by its subject unless otherwise.
    fn keep_foreign(
        &self,
        deed: &mut Deed,
        realm: &Realm,
        der: &[u8],
        name: Option<&str>,
        parent: Option<IssuerId>,
    ) -> Result<IssuerId, Failure> {
        let ports = self.ports();
        let summary = CertificateSummary::from_der(der)?;
        let name = name.map_or_else(|| summary.subject.clone(), str::to_owned);
        let body = AuthorityBody { name, organization: None, permitted: Vec::new(), request: None };
        let (id, public) = (IssuerId::new(&*ports.clock, &*ports.entropy), PublicId::random(&*ports.entropy));
        deed.changes.insert_authority(&AuthorityRow {
            id,
            parent,
            public,
            certificate: Some(der.to_vec()),
            body: realm.seal(&places::AUTHORITY, id.as_bytes(), &serde_json::to_vec(&body)?, ports)?,
            key: None,
            status_key: None,
            not_after: summary.not_after,
            created_at: self.now(),
            state: IssuerState::Active,
            line: id,
            generation: 1,
            retire_at: None,
        });
        self.publish_address(deed, public, id);
        Ok(id)
    }
}

/// What of a chain permits more than was asked for is accepted by name alone: verifiers elsewhere know nothing of what is permitted here.
fn wider(kinds: &[&str]) -> Failure {
    let message = format!(
        "its nameConstraints, as far as they are critical and stand below the root, permit more than the request asks for, in names of \
         these kinds: {}. Have the request's nameConstraints copied; or accept_wider_names, if whoever trusts the root may also trust \
         this authority for names that it never issues for",
        kinds.join(", ")
    );
    Failure::invalid("chain", message)
}

/// The active authority with this certificate. Through one that was retired nothing is trusted again unseen.
fn standing<'a>(known: &'a [AuthorityRow], der: &Vec<u8>) -> Result<Option<&'a AuthorityRow>, Failure> {
    let same = || known.iter().filter(|row| row.certificate.as_ref() == Some(der));
    let active = same().find(|row| row.state == IssuerState::Active);
    match same().next().filter(|_| active.is_none() && enforced!("external.retired-above")) {
        None => Ok(active),
        Some(retired) => {
            let id = retired.id;
            let message = format!(
                "it leads through the authority {id}, which is retired here: have another authority sign the request, or, \
                 if it is a root that was retired by mistake, add it as a trust anchor again first"
            );
            Err(Failure::invalid("chain", message))
        }
    }
}

enum Pending {
    Done(Box<(Issuer, Receipt)>),
    Yet(Permit<IssuerWrite>, Box<AuthorityRow>),
}
