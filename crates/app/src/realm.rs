//! A realm: one tenant opened under a lease: its status, its unlocked keys, and what was loaded of its policies and issuers.

use crate::Failure;
use crate::authority_key::{IssuingKey, StatusKey};
use crate::open_signer::OpenSigner;
use crate::places::{self, profile_row};
use chancery_domain::decision::IssuerLimits;
use chancery_domain::issuer::{AuthorityKind, IssuerState};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::pattern::NamePattern;
use chancery_domain::profile::{Profile, ProfileName};
use chancery_domain::signing::SignerName;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{AccountKeyId, IssuerId, PublicId, TenantId, Timestamp, TokenId, enforced};
use chancery_keys::{KekKind, KeyProvider, Purpose, Sealer, TenantKeyRows, TenantKeys, WrappedKek, WrappedPurposeKey};
use chancery_store::{AuthorityRow, SubjectKeyRow, TenantRow, TenantView};
use chancery_x509::IssuerCertificate;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::OnceCell;

/// The quota of live certificates.
pub(crate) const CERTIFICATES: &str = "certificates";

/// How many certificates share a CRL: bounds its length, whatever is revoked (THREATS 21).
const SHARD: i64 = 16_384;

pub(crate) struct Realm {
    pub(crate) id: TenantId,
    pub(crate) record: TenantRow,
    pub(crate) view: TenantView,
    pub(crate) sealer: Sealer,
    pub(crate) credentials: Shelf<TokenId, crate::authenticate::Credential>,
    pub(crate) request_keys: Shelf<AccountKeyId, crate::signed_request::RequestKey>,
    /// When this process last asked for old nonces to be forgotten.
    pub(crate) nonces_swept: AtomicI64,
    /// Subject keys that were read because they were certified before: a commit guards what is remembered.
    pub(crate) subject_keys: Shelf<[u8; 16], SubjectKeyRow>,
    /// How many of the keys read last were new.
    pub(crate) new_keys: AtomicU32,
    pub(crate) signers: Shelf<SignerName, OpenSigner>,
    profiles: Shelf<ProfileName, InForce>,
    authorities: Shelf<IssuerId, Authority>,
    issuing: RwLock<Option<Arc<[Issuing]>>>,
    own_authorities: OnceCell<Vec<OwnAuthority>>,
    issued: AtomicI64,
    open_shards: Mutex<HashSet<(IssuerId, u32)>>,
}

/// A profile's version in force.
pub(crate) struct InForce {
    pub(crate) version: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) profile: Profile,
}

/// An authority that issues now: it and its line.
#[derive(Clone, Copy)]
struct Issuing {
    line: IssuerId,
    generation: i64,
    id: IssuerId,
}

/// An authority whose key is here, whatever its state: what it signed is the tenant's own.
pub(crate) struct OwnAuthority {
    pub(crate) id: IssuerId,
    pub(crate) certificate: IssuerCertificate,
}

/// A certificate authority, opened.
pub(crate) struct Authority {
    pub(crate) id: IssuerId,
    pub(crate) parent: Option<IssuerId>,
    pub(crate) public: PublicId,
    pub(crate) line: IssuerId,
    pub(crate) certificate: IssuerCertificate,
    /// Its certificate and those above it but for the root, DER.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Absent while the tenant's data is locked.
    pub(crate) open: Option<OpenAuthority>,
    pub(crate) status_key: StatusKey,
}

/// What of an authority the tenant's data keys guard.
pub(crate) struct OpenAuthority {
    pub(crate) limits: IssuerLimits,
    pub(crate) key: IssuingKey,
}

/// The sealed part of an authority.
#[derive(Serialize, Deserialize)]
pub(crate) struct AuthorityBody {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<String>,
    pub(crate) permitted: Vec<NamePattern>,
    /// What was asked for, where somebody else signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Requested>,
}

/// A certification request of ours.
#[derive(Serialize, Deserialize)]
pub(crate) struct Requested {
    pub(crate) pem: String,
    pub(crate) key_algorithm: KeyAlgorithm,
}

impl Realm {
    pub(crate) async fn epoch(view: &TenantView) -> Result<i64, Failure> {
        view.epoch().await?.ok_or(Failure::NotFound)
    }

    /// Opens the realm; whoever does so records that its keys were unwrapped.
    pub(crate) async fn load(view: &TenantView, provider: &dyn KeyProvider) -> Result<Self, Failure> {
        let id = view.tenant_id();
        let record = view.tenant().await?.ok_or(Failure::NotFound)?;
        let rows = key_rows(view).await?;
        let keys = match record.status {
            TenantStatus::Active => TenantKeys::unlock(provider, id, &rows).await?,
            _ if !enforced!("suspended.keys") => TenantKeys::unlock(provider, id, &rows).await?,
            _ => TenantKeys::unlock_log(provider, id, &rows).await?,
        };
        let realm = Self::fresh(view.clone(), record, Sealer::new(keys));
        let issued = view.counter(CERTIFICATES).await?.map_or(0, |counter| counter.total);
        realm.issued.store(issued, Ordering::Relaxed);
        Ok(realm)
    }

    /// A realm of which nothing was loaded yet.
    pub(crate) fn fresh(view: TenantView, record: TenantRow, sealer: Sealer) -> Self {
        Self {
            id: view.tenant_id(),
            record,
            view,
            sealer,
            credentials: Shelf::default(),
            request_keys: Shelf::default(),
            nonces_swept: crate::signed_request::never_swept(),
            subject_keys: Shelf::default(),
            new_keys: AtomicU32::new(0),
            signers: Shelf::default(),
            profiles: Shelf::default(),
            authorities: Shelf::default(),
            issuing: RwLock::default(),
            own_authorities: OnceCell::new(),
            issued: AtomicI64::new(0),
            open_shards: Mutex::default(),
        }
    }

    /// Whether anybody may act in it.
    pub(crate) fn is_active(&self) -> bool {
        self.record.status == TenantStatus::Active
    }

    /// The profile in force.
    pub(crate) async fn profile(&self, name: &ProfileName) -> Result<Option<Arc<InForce>>, Failure> {
        if let Some(known) = self.profiles.find(name) {
            return Ok(Some(known));
        }
        let Some(row) = self.view.profile(name).await? else { return Ok(None) };
        let bytes = self.open(&places::PROFILE, &profile_row(row.name.as_str(), row.version), &row.body)?;
        let in_force = InForce { version: row.version, created_at: row.created_at, profile: serde_json::from_slice(&bytes)? };
        Ok(Some(self.profiles.keep(row.name, in_force)))
    }

    /// The authority, if its key is here and it has a certificate.
    pub(crate) async fn authority(&self, id: IssuerId) -> Result<Option<Arc<Authority>>, Failure> {
        if let Some(known) = self.authorities.find(&id) {
            return Ok(Some(known));
        }
        let Some(row) = self.view.authority(id).await? else { return Ok(None) };
        let chain = self.chain(&row).await?;
        Ok(self.open_authority(&row, chain)?.map(|authority| self.authorities.keep(id, authority)))
    }

    async fn chain(&self, row: &AuthorityRow) -> Result<Vec<Vec<u8>>, Failure> {
        let (mut chain, mut next) = (Vec::new(), Some(row.clone()));
        while let Some(AuthorityRow { parent: Some(parent), certificate, .. }) = next {
            chain.extend(certificate);
            next = self.view.authority(parent).await?;
        }
        Ok(chain)
    }

    /// The newest issuing authority of this line that is active and in its time; of the newest line that has one, if none is named.
    pub(crate) async fn issuing(&self, line: Option<IssuerId>, now: Timestamp) -> Result<Option<Arc<Authority>>, Failure> {
        let known = self.issuing.read().unwrap_or_else(PoisonError::into_inner).clone();
        let issuing = match known {
            Some(issuing) => issuing,
            None => self.read_issuing().await?,
        };
        for Issuing { id, .. } in issuing.iter().filter(|issuing| line.is_none_or(|line| issuing.line == line)) {
            let authority = self.authority(*id).await?;
            if let Some(authority) = authority.filter(|found| found.certificate.is_in_time(now) || !enforced!("issuer.in-time")) {
                return Ok(Some(authority));
            }
        }
        Ok(None)
    }

    async fn read_issuing(&self) -> Result<Arc<[Issuing]>, Failure> {
        let rows = self.view.authorities().await?;
        let is_active = |row: &AuthorityRow| row.state == IssuerState::Active || !enforced!("issuer.active");
        let active = rows.iter().filter(|row| row.kind() == AuthorityKind::Issuing && is_active(row));
        let mut issuing: Vec<_> = active.map(|row| Issuing { line: row.line, generation: row.generation, id: row.id }).collect();
        // A successor serves its own line: it does not overtake a line that began later. Within the line no clock decides.
        issuing.sort_unstable_by_key(|issuing| std::cmp::Reverse((issuing.line, issuing.generation, issuing.id)));
        let issuing: Arc<[Issuing]> = issuing.into();
        *self.issuing.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&issuing));
        Ok(issuing)
    }

    /// Every authority of the tenant's own that has a certificate, newest first; read once an epoch.
    pub(crate) async fn own_authorities(&self) -> Result<&[OwnAuthority], Failure> {
        let read = async || {
            let mut found = Vec::new();
            for row in self.view.authorities().await?.iter().filter(|row| row.key.is_some()) {
                if let Some(der) = &row.certificate {
                    found.push(OwnAuthority { id: row.id, certificate: IssuerCertificate::from_der(der)? });
                }
            }
            Ok::<_, Failure>(found)
        };
        Ok(self.own_authorities.get_or_try_init(read).await?)
    }

    fn open_authority(&self, row: &AuthorityRow, chain: Vec<Vec<u8>>) -> Result<Option<Authority>, Failure> {
        let (Some(certificate), Some(key), Some(status_key)) = (&row.certificate, &row.key, &row.status_key) else { return Ok(None) };
        let certificate = IssuerCertificate::from_der(certificate)?;
        let at = row.id.as_bytes();
        let status_key = StatusKey::open(&self.open(&places::AUTHORITY_STATUS_KEY, at, status_key)?)?;
        let open = if self.is_active() {
            let body: AuthorityBody = serde_json::from_slice(&self.open(&places::AUTHORITY, at, &row.body)?)?;
            let key = IssuingKey::open(&self.open(&places::AUTHORITY_KEY, at, key)?)?;
            let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
            Some(OpenAuthority { limits: IssuerLimits { permitted: body.permitted, not_before, not_after }, key })
        } else {
            None
        };
        let (parent, public, line) = (row.parent, row.public, row.line);
        Ok(Some(Authority { id: row.id, parent, public, line, certificate, chain, open, status_key }))
    }

    /// The shard for the next certificate: filled in order of issuance, roughly, as concurrent issues may overlap.
    pub(crate) fn next_shard(&self) -> u32 {
        u32::try_from(self.issued.fetch_add(1, Ordering::Relaxed) / SHARD).unwrap_or(u32::MAX)
    }

    /// Whether the shard has a CRL, as far as is known without asking the store.
    pub(crate) async fn shard_is_open(&self, issuer: IssuerId, shard: u32) -> Result<bool, Failure> {
        let known = |shards: &Mutex<HashSet<_>>| shards.lock().unwrap_or_else(PoisonError::into_inner).contains(&(issuer, shard));
        if known(&self.open_shards) {
            return Ok(true);
        }
        let open = self.view.crl(issuer, shard).await?.is_some();
        if open {
            self.open_shards.lock().unwrap_or_else(PoisonError::into_inner).insert((issuer, shard));
        }
        Ok(open)
    }
}

async fn key_rows(view: &TenantView) -> Result<TenantKeyRows, Failure> {
    let malformed = || Failure::Internal("an unknown kind of key is stored".to_owned());
    let mut rows = TenantKeyRows::default();
    for row in view.keks().await? {
        let kind = KekKind::from_name(&row.kind).ok_or_else(malformed)?;
        rows.keks.push(WrappedKek { kind, version: row.version, wrapped: row.wrapped });
    }
    for row in view.purpose_keys().await? {
        let purpose = Purpose::from_name(&row.purpose).ok_or_else(malformed)?;
        rows.keys.push(WrappedPurposeKey { purpose, version: row.version, kek_version: row.kek_version, wrapped: row.wrapped });
    }
    Ok(rows)
}

/// What was loaded of one kind; thrown away with its realm when the epoch changes.
pub(crate) struct Shelf<K, V>(RwLock<HashMap<K, Arc<V>>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    /// More than anyone needs at once; past it the shelf starts over rather than grow without bound.
    const ROOM: usize = 1000;

    pub(crate) fn find(&self, key: &K) -> Option<Arc<V>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn keep(&self, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= Self::ROOM {
            shelf.clear();
        }
        shelf.insert(key, Arc::clone(&value));
        value
    }
}
