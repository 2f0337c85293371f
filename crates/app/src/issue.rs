//! Issuance: from a request to a certificate, decided, prepared, signed and recorded in one durable step (I3, I4, I5).
//!
//! With keys in this process nothing leaves it before the commit, so intent and result commit together.

use crate::admission::Cost;
use crate::certificates::certificate_of_summary;
use crate::crl;
use crate::deed::{Deed, Detail, detail};
use crate::failure::{Stop, deciding_anew};
use crate::jobs;
use crate::key_reuse::KeyUse;
use crate::places;
use crate::realm::{Authority, CERTIFICATES, Realm};
use crate::search::blinds;
use crate::view::{Certificate, Receipt};
use crate::{Caller, Chancery, Failure, Given, Permit, Within};
use chancery_domain::action::{Act, CertificateIssue};
use chancery_domain::certificate::{CertificateStatus, Origin};
use chancery_domain::decision::{Approved, Operation, Request, decide};
use chancery_domain::issuer::{AuthorityKind, IssuerState};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::name::SubjectName;
use chancery_domain::order::OrderState;
use chancery_domain::profile::ProfileName;
use chancery_domain::scope::Facts;
use chancery_domain::{CertificateId, IssuerId, OrderId, Serial, Timestamp, enforced};
use chancery_store::{AuthorityRow, CertificateRow, OrderRow};
use chancery_x509::{CertificatePlan, CertificateSummary, CertificationRequest, PublicKey};
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the subject's key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A certification request, PEM or DER: the requester holds the key.
    Request(Vec<u8>),
    /// A key pair of this kind, to be made and kept here under this custody.
    Generate(Custody, KeyAlgorithm),
}

/// A request for a certificate. Only these fields and the profile reach the certificate (THREATS 15).
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// The profile.
    pub profile: Given<ProfileName>,
    /// Which of the tenant's issuers; by default the newest that is active.
    pub issuer: Option<Given<IssuerId>>,
    /// Where the key comes from.
    pub key: KeySource,
    /// The names; by default those of the certification request.
    pub names: Option<Vec<SubjectName>>,
    /// The common name; by default that of the certification request.
    pub common_name: Option<String>,
    /// The validity; by default the profile's.
    pub validity_seconds: Option<u32>,
}

/// What is to be decided, with the key that is to be certified.
pub(crate) struct Wish {
    pub(crate) profile: ProfileName,
    pub(crate) issuer: Asked,
    pub(crate) request: Request,
    pub(crate) subject: SubjectKey,
    /// The certification request, kept as the evidence of what was asked.
    pub(crate) csr: Option<Vec<u8>>,
    /// The certificate that is being renewed.
    pub(crate) renews: Option<CertificateRow>,
}

/// Which issuer a wish is for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// Whichever serves the tenant now.
    Any,
    /// This one.
    Named(Given<IssuerId>),
    /// Whoever stands in this one's place now.
    InPlaceOf(IssuerId),
}

impl Asked {
    pub(crate) fn of(given: Option<Given<IssuerId>>) -> Self {
        given.map_or(Self::Any, Self::Named)
    }
}

/// A subject's key. One to be made is made when the wish is approved: what is refused costs no search for primes.
pub(crate) enum SubjectKey {
    Given(PublicKey),
    ToMake(KeyAlgorithm),
}

impl SubjectKey {
    pub(crate) const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Given(public) => public.algorithm(),
            Self::ToMake(algorithm) => *algorithm,
        }
    }
}

/// A certificate that was made and is not committed yet.
pub(crate) struct Issuance {
    pub(crate) deed: Deed,
    pub(crate) row: CertificateRow,
    pub(crate) der: Vec<u8>,
    /// It, read back: its fingerprint stands in the event, the rest in the answer.
    pub(crate) summary: CertificateSummary,
    /// Who signed it.
    pub(crate) authority: Arc<Authority>,
    /// The private key made for it, PKCS#8 DER, to be sealed and nothing else.
    pub(crate) private: Option<Zeroizing<Vec<u8>>>,
    pub(crate) crl_url: String,
    /// What the event is to say of it.
    pub(crate) detail: Detail,
}

impl Chancery {
    /// Issues a certificate.
    pub async fn issue(&self, caller: &Caller, request: &IssueRequest) -> Result<(Certificate, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_issue(&caller, request))
    }

    async fn try_issue(&self, caller: &Caller, request: &IssueRequest) -> Result<(Certificate, Receipt), Stop> {
        let within = self.permit_within::<CertificateIssue>(caller).await?;
        if let Some(answer) = self.issued_before(caller).await? {
            return Ok(answer);
        }
        let wish = self.in_turn(caller.tenant(), Cost::VERIFICATION, || wish(request)).await??;
        self.certify(within, wish).await
    }

    /// The answer to a request that was done before.
    pub(crate) async fn issued_before(&self, caller: &Caller) -> Result<Option<(Certificate, Receipt)>, Failure> {
        let Some(done) = caller.done_before().await? else { return Ok(None) };
        let row = caller.realm.view.certificate(CertificateId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
        Ok(Some((self.certificate_of(&caller.realm, &row).await?, done.receipt)))
    }

    /// Decides a wish under the policy in force now and, approved, makes it so.
    pub(crate) async fn certify<A: Act>(&self, within: Within<A>, wish: Wish) -> Result<(Certificate, Receipt), Stop> {
        let (realm, ports) = (Arc::clone(&within.caller().realm), self.ports());
        let renews = wish.renews.is_some();
        let about = Facts::default();
        let Issuance { mut deed, row, der, summary, authority, private, crl_url, detail } = self.issuance(within, wish, about).await?;
        let id = row.id;
        if let Some(pkcs8) = &private {
            deed.changes.insert_private_key(id, &realm.seal(&places::PRIVATE_KEY, id.as_bytes(), pkcs8, ports)?);
        }
        let act = if renews { "certificate.renew" } else { "certificate.issue" };
        let receipt = deed.commit(ports, act, *id.as_bytes(), detail).await?;
        Ok((certificate_of_summary(&row, summary, der, authority.chain.clone(), Some(crl_url)), receipt))
    }

    /// Decides a wish under the policy in force now and, approved, makes the certificate, which whoever asked commits. The one way to a
    /// certificate (I3), for those who may in the place that it is for; `about` are facts of what it is made for.
    pub(crate) async fn issuance<A: Act>(&self, within: Within<A>, wish: Wish, about: Facts) -> Result<Issuance, Stop> {
        let realm = &Arc::clone(&within.caller().realm);
        let in_force = realm.profile(&wish.profile).await?;
        let in_force = in_force.ok_or_else(no_such_profile)?;
        let authority = find_issuer(realm, wish.issuer, self.now()).await?;
        let facts = Facts {
            profile: Some(wish.profile.clone()),
            issuer: Some(authority.id),
            names: Some(wish.request.names.clone()),
            environment: about.environment.or_else(|| in_force.profile.environment.clone()),
            ..about
        };
        let permit = &self.covering(within, &facts).await?;
        let caller = permit.caller();
        let limits = &authority.open.as_ref().ok_or(Failure::Suspended)?.limits;
        let asked = asked(&wish);
        let decide =
            |key_use: &KeyUse| decide(wish.request.clone(), key_use.history(), &in_force.profile, in_force.version, limits, self.now());
        let mut key_use = KeyUse::expect(caller, &wish).await?;
        let mut decision = decide(&key_use);
        if decision.outcome.is_err() && key_use.is_expected() {
            // The reasons are to be told in full.
            key_use = KeyUse::read(realm, &wish).await?;
            decision = decide(&key_use);
        }
        let approved = match decision.outcome {
            Ok(approved) => approved,
            Err(reasons) => {
                self.refuse(caller, A::ACTION, decision.policy_version, &reasons).await?;
                return Err(Failure::Refused(reasons).into());
            }
        };
        self.make(permit, wish, &key_use, asked, approved, decision.policy_version, authority).await
    }

    /// The key to be certified, and its private part where it is made here.
    async fn subject(&self, caller: &Caller, key: SubjectKey) -> Result<(PublicKey, Option<Zeroizing<Vec<u8>>>), Failure> {
        match key {
            SubjectKey::Given(public) => Ok((public, None)),
            SubjectKey::ToMake(algorithm) => {
                caller.apart(self.key_pair(caller.tenant(), algorithm)).await.map(|made| (made.public, Some(made.pkcs8)))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a fact of the decision; a struct for one call would say no more")]
    async fn make<A: Act>(
        &self,
        permit: &Permit<A>,
        wish: Wish,
        key_use: &KeyUse,
        asked: serde_json::Value,
        approved: Approved,
        policy_version: u32,
        authority: Arc<Authority>,
    ) -> Result<Issuance, Stop> {
        let (caller, ports) = (permit.caller(), self.ports());
        let open = authority.open.as_ref().ok_or(Failure::Suspended)?;
        let (realm, now) = (&caller.realm, self.now());
        let order_id = OrderId::new(&*ports.clock, &*ports.entropy);
        let id = CertificateId::new(&*ports.clock, &*ports.entropy);
        let serial = Serial::random(&*ports.entropy);
        let shard = realm.next_shard();
        let addresses = self.addresses(authority.public, shard);
        let (names, custody) = (approved.names().to_vec(), approved.custody());
        let (not_before, not_after, renew_at) = (approved.not_before(), approved.not_after(), approved.renew_at());

        let state = OrderState::Requested.advance(OrderState::Approved).map_err(Failure::internal)?;
        let (public, private) = self.subject(caller, wish.subject).await?;
        let prepared = CertificatePlan::leaf(approved, &public, serial, &authority.certificate, &addresses).map_err(Failure::from)?;
        let state = state.advance(OrderState::Issuing).map_err(Failure::internal)?;
        let cost = Cost::signature(open.key.public_key().algorithm());
        let der = self.in_turn(realm.id, cost, || open.key.sign_leaf(prepared)).await?.map_err(Failure::from)?.into_der();
        let state = state.advance(OrderState::Issued).map_err(Failure::internal)?;

        let asked_bytes = serde_json::to_vec(&asked).map_err(Failure::from)?;
        let order = OrderRow {
            id: order_id,
            state,
            profile: wish.profile.to_string(),
            policy_version,
            requester: caller.account(),
            certificate: Some(id),
            body: realm.seal(&places::ORDER, order_id.as_bytes(), &asked_bytes, ports)?,
            created_at: now,
        };
        let row = CertificateRow {
            id,
            origin: Origin::Issued { order: order_id, issuer: authority.id, profile: wish.profile.to_string() },
            serial,
            status: CertificateStatus::Issued,
            shard,
            not_before,
            not_after,
            renew_at,
            custody,
            body: realm.seal(&places::CERTIFICATE, id.as_bytes(), &der, ports)?,
            version: 1,
        };
        let mut deed = Deed::by(permit);
        let changes = &mut deed.changes;
        changes.count_up(CERTIFICATES);
        changes.insert_order(&order);
        changes.insert_certificate(&row, &blinds(realm, &names)?);
        key_use.keep(changes, realm, public.spki_der(), id)?;
        changes.insert_job(&jobs::expiry(id, not_after));
        if !realm.shard_is_open(authority.id, shard).await? {
            crl::open_shard(changes, authority.id, shard, now);
        }
        if let Some(old) = &wish.renews {
            changes.move_certificate(old, CertificateStatus::Renewed);
        }
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let summary = CertificateSummary::from_der(&der).map_err(Failure::from)?;
        let mut detail = detail! {
            "certificate" => id.to_string(), "order" => order_id.to_string(), "issuer" => authority.id.to_string(),
            "serial" => serial.to_string(), "names" => names, "custody" => custody.as_str(), "key_algorithm" => public.algorithm().as_str(),
            "not_after" => not_after.to_string(), "profile" => wish.profile.as_str(), "policy_version" => policy_version,
            "sha256" => summary.sha256.as_str(), "moves" => vec!["requested", "approved", "issuing", "issued"],
        };
        if let Some(old) = &wish.renews {
            detail.insert("renews".to_owned(), old.id.to_string().into());
        }
        Ok(Issuance { deed, row, der, summary, authority, private, crl_url: addresses.crl_url, detail })
    }
}

/// What a request comes to, with its key and its wishes read.
pub(crate) fn wish(request: &IssueRequest) -> Result<Wish, Failure> {
    let (subject, csr, custody, names, common_name) = match &request.key {
        KeySource::Request(bytes) => {
            let csr = CertificationRequest::from_pem_or_der(bytes).map_err(|error| Failure::invalid("csr", error))?;
            (SubjectKey::Given(csr.public_key), Some(bytes.clone()), Custody::Client, csr.names, csr.common_name)
        }
        KeySource::Generate(Custody::Client, _) => {
            return Err(Failure::invalid("custody", "with custody client send a certification request in csr"));
        }
        KeySource::Generate(custody, algorithm) => (SubjectKey::ToMake(*algorithm), None, *custody, Vec::new(), None),
    };
    let request_facts = Request {
        operation: Operation::Issue,
        names: request.names.clone().unwrap_or(names),
        common_name: request.common_name.clone().or(common_name),
        key_algorithm: subject.algorithm(),
        custody,
        validity_seconds: request.validity_seconds,
    };
    let (profile, issuer) = (request.profile.clone().ok_or_else(no_such_profile)?, Asked::of(request.issuer));
    Ok(Wish { profile, issuer, request: request_facts, subject, csr, renews: None })
}

/// What is said of a profile that the tenant does not have, whatever the text was (I7).
pub(crate) fn no_such_profile() -> Failure {
    Failure::invalid("profile", "this tenant has no such profile")
}

/// The issuing authority that is meant.
pub(crate) async fn find_issuer(realm: &Realm, asked: Asked, now: Timestamp) -> Result<Arc<Authority>, Failure> {
    if let Asked::Named(given) = asked {
        let no_such_issuer = || Failure::invalid("issuer", "this tenant has no such issuing authority");
        let row = realm.view.authority(given.ok_or_else(no_such_issuer)?).await?;
        let may_issue = |row: &AuthorityRow| row.kind() == AuthorityKind::Issuing || !enforced!("issuer.kind");
        let row = row.filter(may_issue).ok_or_else(no_such_issuer)?;
        let message = "issues nothing more: leave the field issuer out, or name an active one";
        return match row.state {
            IssuerState::Pending if enforced!("issuer.pending") => {
                Err(Failure::Conflict("the issuer waits for its certificate: supply its chain first".to_owned()))
            }
            IssuerState::Retired if enforced!("issuer.retired") => Err(Failure::Conflict(format!("the issuer is retired and {message}"))),
            IssuerState::Abandoned if enforced!("issuer.abandoned") => {
                Err(Failure::Conflict(format!("the issuer is abandoned and {message}")))
            }
            // None but the first, unless it is switched off; the compiler asks here about a state that is new.
            IssuerState::Active | IssuerState::Pending | IssuerState::Retired | IssuerState::Abandoned => {
                realm.authority(row.id).await?.ok_or_else(no_such_issuer)
            }
        };
    }
    let line = match asked {
        Asked::InPlaceOf(id) => realm.authority(id).await?.map(|authority| authority.line),
        Asked::Any | Asked::Named(_) => None,
    };
    // Of the old one's own line, so that who trusts the old certificate trusts the new one; if all of that line retired, of another.
    for line in [line, None] {
        if let Some(authority) = realm.issuing(line, now).await? {
            return Ok(authority);
        }
    }
    let message = "this tenant has no issuer that is active and in its time: create one first (chancery issuer create)";
    Err(Failure::Conflict(message.to_owned()))
}

/// What was asked, as it is kept with the order.
fn asked(wish: &Wish) -> serde_json::Value {
    use base64::Engine;
    let csr = wish.csr.as_ref().map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes));
    json!({
        "operation": wish.request.operation,
        "names": wish.request.names,
        "common_name": wish.request.common_name,
        "validity_seconds": wish.request.validity_seconds,
        "custody": wish.request.custody,
        "key_algorithm": wish.request.key_algorithm,
        "csr": csr,
        "renews": wish.renews.as_ref().map(|row| row.id),
    })
}
