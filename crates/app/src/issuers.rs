//! Issuers: a tenant's own roots and the issuing intermediates under them.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::hierarchy::Term;
use crate::places;
use crate::realm::{AuthorityBody, Realm};
use crate::view::{Issuer, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{IssuerRead, IssuerWrite};
use chancery_domain::issuer::IssuerState;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::pattern::NamePattern;
use chancery_domain::{IssuerId, Timestamp, enforced};
use chancery_store::AuthorityRow;
use chancery_x509::{CertificateSummary, PublicKey, verify_chain};

/// How many authorities a tenant may have at once, of every kind: a retired one still publishes its lists, until it has expired.
const AUTHORITIES: usize = 200;
/// How many a tenant may ever have: those that ended stay, for their certificates are in the inventory.
const EVER: usize = 1000;

/// What a new issuer is to be.
#[derive(Clone, Debug)]
pub struct NewIssuer {
    /// The organisation in its name.
    pub organization: Option<String>,
    /// Its common name; root and intermediate add what they are.
    pub name: String,
    /// The kind of the issuing authority's key.
    pub key_algorithm: KeyAlgorithm,
    /// The kind of the root's key; by default the same.
    pub root_key_algorithm: Option<KeyAlgorithm>,
    /// The names that it may issue for; its name constraints.
    pub permitted: Vec<NamePattern>,
    /// The root's validity in days.
    pub root_days: u32,
    /// The intermediate's validity in days.
    pub issuing_days: u32,
}

impl Chancery {
    /// The tenant's authorities, newest first.
    pub async fn issuers(&self, caller: &Caller) -> Result<Vec<Issuer>, Failure> {
        let within = self.permit_within::<IssuerRead>(caller).await?;
        let mut issuers = Vec::new();
        for row in caller.realm.view.authorities().await? {
            if within.shows(&row).await? {
                issuers.push(issuer(&caller.realm, &row)?);
            }
        }
        Ok(issuers)
    }

    /// An authority.
    pub async fn issuer(&self, caller: &Caller, id: IssuerId) -> Result<Issuer, Failure> {
        let (_permit, row) = self.permit_on::<IssuerRead, _>(caller, caller.realm.view.authority(id).await?).await?;
        issuer(&caller.realm, &row)
    }

    /// The CRL of the authority's shard as last published, DER.
    pub async fn issuer_crl(&self, caller: &Caller, id: IssuerId, shard: u32) -> Result<Vec<u8>, Failure> {
        let (_permit, row) = self.permit_on::<IssuerRead, _>(caller, caller.realm.view.crl(id, shard).await?).await?;
        self.lists_are_current().await?;
        Ok(row.der)
    }

    /// Makes an issuer whose certificate somebody else signs: its key, and the certification request to be signed.
    pub async fn request_issuer(&self, caller: &Caller, new: &NewIssuer) -> Result<(Issuer, Receipt), Failure> {
        check(new)?;
        deciding_anew!(self, caller => self.try_request_issuer(&caller, new))
    }

    async fn try_request_issuer(&self, caller: &Caller, new: &NewIssuer) -> Result<(Issuer, Receipt), Stop> {
        let permit = self.permit::<IssuerWrite>(caller).await?;
        let realm = &caller.realm;
        if let Some(done) = caller.done_before().await? {
            return Ok((read(realm, IssuerId::from_bytes(done.subject)).await?, done.receipt));
        }
        room_for(&realm.view.authorities().await?, 1, self.now())?;
        let body = body(new);
        let mut deed = Deed::by(&permit);
        let id = caller.apart(self.await_certificate(&mut deed, realm, body, 1, new.key_algorithm, None)).await?;
        let permitted: Vec<_> = new.permitted.iter().map(ToString::to_string).collect();
        let detail = detail! {
            "issuer" => id.to_string(), "name" => new.name.as_str(), "permitted" => permitted, "key_algorithm" => new.key_algorithm.as_str()
        };
        let receipt = deed.commit(self.ports(), "issuer.request", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((read(realm, id).await?, receipt))
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
            return Ok((read(realm, IssuerId::from_bytes(done.subject)).await?, done.receipt));
        }
        room_for(&realm.view.authorities().await?, 2, self.now())?;
        let body = body(new);
        let root_key = new.root_key_algorithm.unwrap_or(new.key_algorithm);
        let root = caller.apart(self.make_root(realm.id, &body, 1, root_key, new.root_days)).await?;
        // With its root, however long the keys took to make: of as many days, it ends with it.
        let term = Term { from: Some(root.certificate.not_before()), days: new.issuing_days };
        let issuing = caller.apart(self.make_issuing(realm.id, &body, 1, new.key_algorithm, term, &root.above())).await?;
        verify_chain(issuing.certificate.der(), &[], root.certificate.der(), self.now()).map_err(Failure::from)?;

        let mut deed = Deed::by(&permit);
        self.establish(&mut deed, realm, &root, &body, None, (None, 1))?;
        self.establish(&mut deed, realm, &issuing, &body, Some(root.id), (None, 1))?;
        let permitted: Vec<_> = new.permitted.iter().map(ToString::to_string).collect();
        let detail = detail! {
            "issuer" => issuing.id.to_string(), "root" => root.id.to_string(), "name" => new.name.as_str(), "permitted" => permitted,
            "key_algorithm" => new.key_algorithm.as_str(), "root_key_algorithm" => root_key.as_str()
        };
        let receipt = deed.commit(self.ports(), "issuer.create", *issuing.id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((read(realm, issuing.id).await?, receipt))
    }
}

fn body(new: &NewIssuer) -> AuthorityBody {
    let (name, organization, permitted) = (new.name.clone(), new.organization.clone(), new.permitted.clone());
    AuthorityBody { name, organization, permitted, request: None }
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
    check_key("key_algorithm", Some(new.key_algorithm))?;
    check_key("root_key_algorithm", new.root_key_algorithm)?;
    check_days(new.root_days, new.issuing_days)
}

/// Whether so many more authorities have room. Adding one starts a new epoch, which every deed guards: the count holds at the commit.
pub(crate) fn room_for(known: &[AuthorityRow], more: usize, now: Timestamp) -> Result<(), Failure> {
    let counted = known.iter().filter(|row| !has_ended(row, now)).count();
    let full = counted + more > AUTHORITIES || known.len() + more > EVER;
    if full && enforced!("quota.authorities") { Err(Failure::LimitReached("authorities")) } else { Ok(()) }
}

/// Whether nothing of it is in force any more: it was given up, or retired and has expired, and with it all that it issued.
fn has_ended(row: &AuthorityRow, now: Timestamp) -> bool {
    match row.state {
        IssuerState::Abandoned => true,
        IssuerState::Retired => row.not_after < now,
        IssuerState::Pending | IssuerState::Active => false,
    }
}

/// Whether an authority may have such a key.
pub(crate) fn check_key(field: &'static str, algorithm: Option<KeyAlgorithm>) -> Result<(), Failure> {
    if algorithm.is_none_or(KeyAlgorithm::may_issue) {
        return Ok(());
    }
    let message = "too weak for an authority's life: choose ec-p256, ec-p384, ed25519, rsa-3072, rsa-4096 or ml-dsa-65";
    Err(Failure::invalid(field, message))
}

/// Whether a root of so many days may have an issuing authority of so many.
pub(crate) fn check_days(root: u32, issuing: u32) -> Result<(), Failure> {
    if (30..=9125).contains(&root) && (1..=root).contains(&issuing) {
        return Ok(());
    }
    Err(Failure::invalid("root_days", "root 30 to 9125 days, the issuing authority at most as long as its root"))
}

/// An authority that is known to be there.
pub(crate) async fn read(realm: &Realm, id: IssuerId) -> Result<Issuer, Failure> {
    issuer(realm, &realm.view.authority(id).await?.ok_or(Failure::NotFound)?)
}

/// An authority as it is shown.
pub(crate) fn issuer(realm: &Realm, row: &AuthorityRow) -> Result<Issuer, Failure> {
    let body: AuthorityBody = serde_json::from_slice(&realm.open(&places::AUTHORITY, row.id.as_bytes(), &row.body)?)?;
    let certificate = match &row.certificate {
        Some(der) => Some((der.clone(), CertificateSummary::from_der(der)?)),
        None => None,
    };
    let key_algorithm = match (&certificate, &body.request) {
        (Some((_, summary)), _) => Some(PublicKey::from_spki_der(&summary.spki_der)?.algorithm()),
        (None, Some(request)) => Some(request.key_algorithm),
        (None, None) => None,
    };
    Ok(Issuer {
        id: row.id,
        kind: row.kind(),
        parent: row.parent,
        name: body.name,
        permitted: body.permitted,
        key_algorithm: key_algorithm.ok_or_else(|| Failure::internal("an authority has neither certificate nor request"))?,
        public: row.public,
        certificate,
        request: body.request.map(|request| request.pem),
        created_at: row.created_at,
        state: row.state,
        line: row.line,
        retire_at: row.retire_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_domain::{PublicId, Sealed};

    fn rows(count: usize, state: IssuerState, end: i64) -> Vec<AuthorityRow> {
        let id = IssuerId::from_bytes([1; 16]);
        let row = AuthorityRow {
            id,
            parent: None,
            public: PublicId::from_bytes([1; 16]),
            certificate: None,
            body: Sealed::from_ciphertext(Vec::new()),
            key: None,
            status_key: None,
            not_after: Timestamp::from_seconds(end),
            created_at: Timestamp::from_seconds(0),
            state,
            line: id,
            generation: 1,
            retire_at: None,
        };
        vec![row; count]
    }

    #[test]
    fn what_retired_frees_its_place_once_it_has_expired() {
        let fits = |known: &[AuthorityRow], more| room_for(known, more, Timestamp::from_seconds(100)).is_ok();
        for (state, end, counts) in [
            (IssuerState::Active, 200, true),
            (IssuerState::Active, 99, true),
            (IssuerState::Pending, 0, true),
            (IssuerState::Retired, 100, true),
            (IssuerState::Retired, 99, false),
            (IssuerState::Abandoned, 0, false),
        ] {
            let known = [rows(AUTHORITIES - 1, IssuerState::Active, 200), rows(1, state, end)].concat();
            assert_eq!(fits(&known, 1), !counts, "{state:?} until {end}");
        }
        // Never more than are read at most.
        assert!(fits(&rows(EVER - 1, IssuerState::Abandoned, 0), 1));
        assert!(!fits(&rows(EVER - 1, IssuerState::Abandoned, 0), 2));
    }
}
