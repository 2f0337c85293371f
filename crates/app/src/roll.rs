//! Rollover: a successor takes an issuer's place, and for a while both are trusted.
//!
//! Old and new share a *line*: the newest active authority of a line is what issuance by default and renewal use. Certificates of the
//! old one go on to verify, for nothing of theirs changes; a new root joins the old one in the bundle at its old addresses.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::hierarchy::{Above, DAY, Made, Term};
use crate::issuers::{check_days, check_key, read, room_for};
use crate::places;
use crate::realm::AuthorityBody;
use crate::retire::retirement;
use crate::view::{Issuer, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::IssuerWrite;
use chancery_domain::issuer::{AuthorityKind, IssuerState};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::{IssuerId, TenantId, Timestamp, enforced};
use chancery_store::AuthorityRow;
use chancery_x509::{IssuerCertificate, verify_chain};

/// What a successor is to be. What is not said is as its predecessor has it.
#[derive(Clone, Debug, Default)]
pub struct Succession {
    /// The kind of its key.
    pub key_algorithm: Option<KeyAlgorithm>,
    /// Its validity in days.
    pub issuing_days: Option<u32>,
    /// A new root above it.
    pub root: Option<NewRoot>,
    /// When it begins to issue; at once if that is not said. Its certificate begins then, so no clock of a node's lets it issue before.
    pub issue_from: Option<Timestamp>,
    /// When the predecessor retires by itself.
    pub retire_at: Option<Timestamp>,
}

/// What a new root is to be. What is not said is as the old one has it.
#[derive(Clone, Debug, Default)]
pub struct NewRoot {
    /// The kind of its key.
    pub key_algorithm: Option<KeyAlgorithm>,
    /// Its validity in days.
    pub days: Option<u32>,
}

impl Chancery {
    /// Makes the successor of an issuing authority: a new key under the same names, below the same root or a new one.
    pub async fn roll_issuer(&self, caller: &Caller, id: IssuerId, succession: &Succession) -> Result<(Issuer, Receipt), Failure> {
        check_key("key_algorithm", succession.key_algorithm)?;
        check_key("root_key_algorithm", succession.root.as_ref().and_then(|root| root.key_algorithm))?;
        deciding_anew!(self, caller => self.try_roll(&caller, id, succession))
    }

    async fn try_roll(&self, caller: &Caller, id: IssuerId, succession: &Succession) -> Result<(Issuer, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, old) = self.permit_on::<IssuerWrite, _>(caller, realm.view.authority(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((read(realm, IssuerId::from_bytes(done.subject)).await?, done.receipt));
        }
        check_dates(succession, self.now())?;
        let all = realm.view.authorities().await?;
        let old_root = may_be_succeeded(&old, &all)?;
        room_for(&all, if succession.root.is_some() { 2 } else { 1 }, self.now())?;
        let before = all.iter().filter(|row| row.line == old.line).count();
        let generation = i64::try_from(before).map_err(|_| Failure::internal("too many generations"))? + 1;
        let body: AuthorityBody =
            serde_json::from_slice(&realm.open(&places::AUTHORITY, id.as_bytes(), &old.body)?).map_err(Failure::from)?;
        let old_certificate = certificate_of(&old)?;
        let key = succession.key_algorithm.unwrap_or(old_certificate.public_key().algorithm());
        let mut deed = Deed::by(&permit);
        let new = if old_root.key.is_none() {
            by_their_owner(succession)?;
            caller.apart(self.await_certificate(&mut deed, realm, body, generation, key, Some(old.line))).await?
        } else {
            let days = succession.issuing_days.unwrap_or_else(|| days_of(&old_certificate));
            let term = Term { from: succession.issue_from, days };
            let (made, root) = match &succession.root {
                Some(new) => {
                    let root = caller.apart(self.make_new_root(realm.id, old_root, new, &body, generation, days)).await?;
                    if term.from.is_some() {
                        self.check_term(term, root.certificate.not_after())?;
                    }
                    let term = Term { from: term.from.or(Some(root.certificate.not_before())), ..term };
                    let made = caller.apart(self.make_issuing(realm.id, &body, generation, key, term, &root.above())).await?;
                    self.verify(&made, &root.certificate)?;
                    self.establish(&mut deed, realm, &root, &body, None, (Some(old_root.line), generation))?;
                    (made, root.id)
                }
                None => (self.make_below(caller, old_root, &body, generation, key, term).await?, old_root.id),
            };
            if succession.retire_at.is_some_and(|at| at >= made.certificate.not_after()) && enforced!("roll.successor-ends") {
                let message = format!("the successor ends at {}: name a time before that", made.certificate.not_after());
                return Err(Failure::invalid("retire_at", message).into());
            }
            self.establish(&mut deed, realm, &made, &body, Some(root), (Some(old.line), generation))?;
            made.id
        };
        // Also when there is none: a date that came with a successor of before is not this succession's.
        deed.changes.plan_retirement(id, succession.retire_at);
        if let Some(at) = succession.retire_at {
            deed.changes.insert_job(&retirement(id, at));
        }
        let detail = detail! {
            "issuer" => new.to_string(), "predecessor" => id.to_string(), "new_root" => succession.root.is_some(),
            "key_algorithm" => key.as_str(), "issue_from" => succession.issue_from.map(|at| at.to_string()), "retire_at" => succession.retire_at.map(|at| at.to_string())
        };
        let receipt = deed.commit(self.ports(), "issuer.roll", *new.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((read(realm, new).await?, receipt))
    }

    async fn make_new_root(
        &self,
        tenant: TenantId,
        old: &AuthorityRow,
        new: &NewRoot,
        body: &AuthorityBody,
        generation: i64,
        issuing_days: u32,
    ) -> Result<Made, Failure> {
        let was = certificate_of(old)?;
        let days = new.days.unwrap_or_else(|| days_of(&was));
        check_days(days, issuing_days)?;
        self.make_root(tenant, body, generation, new.key_algorithm.unwrap_or(was.public_key().algorithm()), days).await
    }

    /// An issuing authority below a root that stands.
    async fn make_below(
        &self,
        caller: &Caller,
        root: &AuthorityRow,
        body: &AuthorityBody,
        generation: i64,
        key: KeyAlgorithm,
        term: Term,
    ) -> Result<Made, Failure> {
        if root.state != IssuerState::Active && enforced!("roll.root-retired") {
            return Err(Failure::Conflict("its root is retired and signs nothing more: ask for a new root".to_owned()));
        }
        self.check_term(term, root.not_after)?;
        let root = caller.realm.authority(root.id).await?.ok_or_else(|| Failure::internal("the root of an issuer is missing"))?;
        let open = root.open.as_ref().ok_or(Failure::Suspended)?;
        let above = Above { key: &open.key, certificate: &root.certificate, public: root.public };
        let made = caller.apart(self.make_issuing(caller.realm.id, body, generation, key, term, &above)).await?;
        self.verify(&made, &root.certificate)?;
        Ok(made)
    }

    /// Whether an issuing authority may be valid for so long under a root that ends then.
    fn check_term(&self, term: Term, root_end: Timestamp) -> Result<(), Failure> {
        if term.days == 0 && enforced!("roll.no-days") {
            return Err(Failure::invalid("issuing_days", "at least one day"));
        }
        if term.from.unwrap_or_else(|| self.now()).after(DAY * term.days) > root_end && enforced!("roll.outlives-root") {
            let message = format!("outlives its root, which ends at {root_end}: ask for fewer days, or for a new root");
            return Err(Failure::invalid("issuing_days", message));
        }
        Ok(())
    }

    fn verify(&self, made: &Made, root: &IssuerCertificate) -> Result<(), Failure> {
        let first = made.certificate.not_before().max(self.now());
        Ok(verify_chain(made.certificate.der(), &[], root.der(), first)?)
    }
}

/// Whether the dates are to come, in their order.
fn check_dates(succession: &Succession, now: Timestamp) -> Result<(), Failure> {
    if succession.issue_from.is_some_and(|at| at <= now) && enforced!("roll.issue-from") {
        return Err(Failure::invalid("issue_from", "lies in the past: name a time to come, or leave it out"));
    }
    if succession.retire_at.is_some_and(|at| at <= now) && enforced!("roll.retire-at") {
        return Err(Failure::invalid("retire_at", "lies in the past: name a time to come, or retire the issuer by itself"));
    }
    if succession.issue_from.zip(succession.retire_at).is_some_and(|(from, at)| at <= from) && enforced!("roll.order-of-dates") {
        return Err(Failure::invalid("retire_at", "the successor would not issue yet: name a time after issue_from"));
    }
    Ok(())
}

/// The root of an active issuing authority that nobody has succeeded yet.
fn may_be_succeeded<'a>(old: &AuthorityRow, all: &'a [AuthorityRow]) -> Result<&'a AuthorityRow, Failure> {
    if old.state != IssuerState::Active && enforced!("roll.state") {
        return Err(Failure::Conflict("only an active issuer has a successor: roll the newest of its line".to_owned()));
    }
    let Some(root) = old.parent.filter(|_| old.kind() == AuthorityKind::Issuing) else {
        return Err(Failure::Conflict(
            "a root is succeeded together with what it signed: roll its issuing authority, and ask for a new root".to_owned(),
        ));
    };
    let alive = |row: &AuthorityRow| matches!(row.state, IssuerState::Active | IssuerState::Pending);
    if all.iter().any(|row| row.succeeds(old) && alive(row)) && enforced!("roll.twice") {
        return Err(Failure::Conflict("the issuer has a successor already: roll that one".to_owned()));
    }
    all.iter().find(|row| row.id == root).ok_or_else(|| Failure::internal("the root of an issuer is missing"))
}

/// Below a customer's root a successor is asked for, as its predecessor was: what the owner decides cannot be said here.
fn by_their_owner(succession: &Succession) -> Result<(), Failure> {
    let message = "the owner of the root above decides this, when the request is signed: leave it out";
    let said = [
        ("new_root", succession.root.is_some()),
        ("issuing_days", succession.issuing_days.is_some()),
        ("issue_from", succession.issue_from.is_some()),
    ];
    said.iter().find(|(_, said)| *said && enforced!("roll.owner")).map_or(Ok(()), |(field, _)| Err(Failure::invalid(field, message)))
}

/// The certificate of an authority that is known to have one.
pub(crate) fn certificate_of(row: &AuthorityRow) -> Result<IssuerCertificate, Failure> {
    let der = row.certificate.as_ref().ok_or_else(|| Failure::internal("an active authority has no certificate"))?;
    Ok(IssuerCertificate::from_der(der)?)
}

/// How long it was made for.
fn days_of(certificate: &IssuerCertificate) -> u32 {
    let seconds = certificate.not_after().seconds() - certificate.not_before().seconds() + 1;
    u32::try_from(seconds / i64::try_from(DAY.as_secs()).unwrap_or(1)).unwrap_or(1)
}
