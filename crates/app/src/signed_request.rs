//! Requests that are signed by an account's key (RFC 9421): whose they are, whether they are meant for now, and that they come once.

use crate::authenticate::Believed;
use crate::failure::Stop;
use crate::jobs;
use crate::realm::Realm;
use crate::{Caller, Chancery, Failure};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use chancery_domain::account_key::KeyPurpose;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::principal::Shown;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_domain::{AccountKeyId, TenantId, Timestamp, enforced};
use chancery_formats::ecdsa;
use chancery_store::{AccountKeyRow, CommitError, Guard, JobRow, StoreError};
use chancery_x509::PublicKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A signature is good for so long at most.
const LONGEST: i64 = 300;
/// The sender's clock may differ by so much.
const SKEW: i64 = 30;
/// A nonce has so many characters.
const NONCE: std::ops::RangeInclusive<usize> = 16..=128;
/// Nonces are kept for so long after their signatures expired: a clock may go back by as much, and nothing is refused for it.
const KEPT: Duration = Duration::from_secs(3600);
/// Old ones are forgotten so often.
const SWEPT: i64 = 600_000;

/// What a signed request says of itself.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: AccountKeyId,
    /// What the signature is said to be made with.
    pub algorithm: Option<String>,
    /// The signature bases (RFC 9421 section 2.5) that it can have been made over: one for each scheme, for behind a proxy nobody knows
    /// under which the request was sent.
    pub bases: Vec<String>,
    /// The signature; with ECDSA r and s side by side.
    pub signature: Vec<u8>,
    /// When it was made, in seconds since the epoch.
    pub created: Option<i64>,
    /// Until when it is good.
    pub expires: Option<i64>,
    /// What makes it the only one of its kind.
    pub nonce: Option<String>,
    /// What it should cover and does not.
    pub uncovered: Vec<&'static str>,
}

/// A covered `Content-Digest` (RFC 9530): what the body must be.
#[derive(Clone, Debug, Default)]
pub struct ContentDigest {
    /// Its SHA-256 values.
    pub sha_256: Option<Vec<u8>>,
    /// Its SHA-512 value.
    pub sha_512: Option<Vec<u8>>,
}

/// A key of an account, as it is kept while the lease lasts.
pub(crate) struct RequestKey {
    key: PublicKey,
    believed: Believed,
}

impl ContentDigest {
    /// Whether this is the body: every digest that is known here is its digest, and there is one.
    pub fn is_of(&self, body: &[u8]) -> bool {
        let differs =
            |algorithm, said: &Option<Vec<u8>>| said.as_ref().is_some_and(|said| digest(algorithm, body).as_ref() != said.as_slice());
        let any = self.sha_256.is_some() || self.sha_512.is_some();
        any && !differs(&SHA256, &self.sha_256) && !differs(&SHA512, &self.sha_512) || !enforced!("request-signature.body")
    }
}

impl RequestKey {
    pub(crate) const fn believed(&self) -> &Believed {
        &self.believed
    }
}

impl Chancery {
    /// Authenticates a signed request, which then cannot come again. Who does not have the key learns nothing of why.
    pub async fn authenticate_signed(&self, signed: &SignedRequest, request: String) -> Result<Caller, Failure> {
        // A realm is opened, which unwraps its keys and is told in its log, only for a signature that holds.
        if !self.inner.realms.holds(signed.tenant, &*self.inner.ports.clock) {
            let row = self.stored_key(signed).await?;
            let key = row.and_then(|row| PublicKey::from_spki_der(&row.spki).ok());
            if !key.is_some_and(|key| is_signed(&key, signed) || !enforced!("request-signature.stored")) {
                return Err(self.count_anonymous());
            }
        }
        let realm = self.realm(signed.tenant).await?;
        let key = self.request_key(&realm, signed.key).await?.ok_or_else(|| self.count_anonymous())?;
        if !lives(key.believed.expires_at, self.now()) || !is_signed(&key.key, signed) && enforced!("request-signature.cached") {
            return Err(self.count_anonymous());
        }
        if !realm.is_active() && enforced!("suspended.signed") {
            return Err(Failure::Suspended);
        }
        let caller = Caller::new(Arc::clone(&key.believed.principal), Arc::clone(&realm), request);
        let (nonce, expires) = meant_for_now(signed, self.now()).inspect_err(|_| drop(self.count_anonymous()))?;
        self.use_nonce(&caller, signed.key, nonce, expires).await?;
        Ok(caller)
    }

    async fn stored_key(&self, signed: &SignedRequest) -> Result<Option<AccountKeyRow>, Failure> {
        let row = match self.inner.store.tenant(signed.tenant).account_key(signed.key).await {
            Err(StoreError::NoRealm) if !self.has_realm(signed.tenant).await? => None,
            other => other?,
        };
        Ok(row.filter(|row| speaks(row) && lives(row.expires_at, self.now())))
    }

    pub(crate) async fn request_key(&self, realm: &Realm, id: AccountKeyId) -> Result<Option<Arc<RequestKey>>, Failure> {
        if let Some(known) = realm.request_keys.find(&id) {
            return Ok(Some(known));
        }
        let Some(row) = realm.view.account_key(id).await? else { return Ok(None) };
        // A key that was exchanged in the store is another key.
        let itself = AccountKeyId::of_thumbprint(&crate::account_keys::thumbprint(&row.spki)) == id;
        if !speaks(&row) || !itself {
            return Ok(None);
        }
        if realm.is_active() {
            // Does not open if the row was given to another account.
            crate::account_keys::label(realm, &row)?;
        }
        let Ok(key) = PublicKey::from_spki_der(&row.spki) else { return Ok(None) };
        let Some(principal) = self.principal(realm, row.account, Shown::Key(id)).await? else { return Ok(None) };
        let believed = Believed { principal: Arc::new(principal), expires_at: row.expires_at };
        Ok(Some(realm.request_keys.keep(id, RequestKey { key, believed })))
    }

    /// Uses the nonce up: one durable step, and every node's. Of two requests with one nonce the second is refused, and told in the log.
    async fn use_nonce(&self, caller: &Caller, key: AccountKeyId, nonce: &str, expires: Timestamp) -> Result<(), Failure> {
        let mut short = [0; 16];
        short.iter_mut().zip(digest(&SHA256, nonce.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        let (realm, now) = (&caller.realm, self.now());
        let mut changes = realm.view.changes();
        changes.insert_request_nonce(key, &short, expires);
        let turn = now.millis().div_euclid(SWEPT);
        if realm.nonces_swept.swap(turn, Ordering::Relaxed) != turn {
            changes.insert_job(&jobs::forget_nonces(next_sweep(now)));
        }
        match changes.commit().await {
            Ok(()) => Ok(()),
            Err(CommitError::Guard(Guard::Unique("request_nonce") | Guard::Version("authentication"))) => {
                if !enforced!("request-signature.once") {
                    return Ok(());
                }
                self.record_replay(caller).await?;
                Err(Failure::Signature("this request came before: sign each one anew, with a nonce of its own".to_owned()))
            }
            Err(CommitError::Guard(guard)) => Err(Failure::internal(format!("a nonce could not be kept: {guard:?}"))),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

impl Chancery {
    /// Forgets nonces that are old, and comes again while there are any.
    pub(crate) async fn forget_old_nonces(&self, realm: &Realm, job: &JobRow) -> Result<(), Stop> {
        let now = self.now();
        let mut changes = realm.view.changes();
        changes.forget_request_nonces(now.before(KEPT));
        changes.finish_job(job);
        if realm.view.has_request_nonces().await? {
            changes.insert_job(&jobs::forget_nonces(next_sweep(now)));
        }
        Ok(changes.commit().await?)
    }
}

/// The turn in which this process last asked for old nonces to be forgotten.
pub(crate) const fn never_swept() -> AtomicI64 {
    AtomicI64::new(i64::MIN)
}

const fn next_sweep(now: Timestamp) -> Timestamp {
    Timestamp::from_millis((now.millis().div_euclid(SWEPT) + 1).saturating_mul(SWEPT))
}

/// Whether requests may be signed with the key at all.
fn speaks(row: &AccountKeyRow) -> bool {
    let for_requests = row.purpose == KeyPurpose::Request || !enforced!("account-key.purpose");
    let ended = row.ended_at.is_some() && enforced!("account-key.ended");
    for_requests && !ended
}

fn lives(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at > now || !enforced!("account-key.expiry")
}

fn is_signed(key: &PublicKey, signed: &SignedRequest) -> bool {
    let (algorithm, name, octets) = match key.algorithm() {
        KeyAlgorithm::Ed25519 => (SignatureAlgorithm::Ed25519, "ed25519", None),
        KeyAlgorithm::EcP256 => (SignatureAlgorithm::EcdsaP256Sha256, "ecdsa-p256-sha256", Some(32)),
        KeyAlgorithm::EcP384 => (SignatureAlgorithm::EcdsaP384Sha384, "ecdsa-p384-sha384", Some(48)),
        _ => return false,
    };
    if signed.algorithm.as_ref().is_some_and(|said| said != name) && enforced!("request-signature.alg") {
        return false;
    }
    let signature = match octets {
        Some(octets) => ecdsa::from_fixed(&signed.signature, octets),
        None => Some(signed.signature.clone()),
    };
    signature.is_some_and(|signature| signed.bases.iter().any(|base| key.verify_as(algorithm, base.as_bytes(), &signature).is_ok()))
}

/// The nonce, and until when the signature is good, if it covers what it must and is meant for now.
fn meant_for_now(signed: &SignedRequest, now: Timestamp) -> Result<(&str, Timestamp), Failure> {
    let refused = |why: &str| Err(Failure::Signature(why.to_owned()));
    if !signed.uncovered.is_empty() && enforced!("request-signature.covers") {
        return refused(&format!("the signature holds, but does not cover {}", signed.uncovered.join(", ")));
    }
    let (Some(created), Some(expires)) = (signed.created, signed.expires) else {
        return refused("the signature holds, but lacks the parameter created or expires");
    };
    if created > now.seconds().saturating_add(SKEW) && enforced!("request-signature.created") {
        return refused("the signature was created in the future: set your clock");
    }
    if expires.saturating_add(SKEW) <= now.seconds() && enforced!("request-signature.expires") {
        return refused("the signature has expired: sign the request anew, and set your clock");
    }
    if !(1..=LONGEST).contains(&expires.saturating_sub(created)) && enforced!("request-signature.window") {
        return refused("expires must come after created, and not more than 300 seconds after it");
    }
    match &signed.nonce {
        Some(nonce) if NONCE.contains(&nonce.len()) || !enforced!("request-signature.nonce") => {
            Ok((nonce, Timestamp::from_seconds(expires)))
        }
        _ => refused("the signature needs the parameter nonce, of 16 to 128 characters"),
    }
}
