//! The key hierarchy of one tenant: wrapping key → KEK → purpose keys, as stored rows and as unlocked keys (I6).

use crate::aad::Aad;
use crate::gcm;
use crate::provider::{KeyProvider, ProviderError};
use crate::secret::SecretKey;
use chancery_domain::port::Entropy;
use chancery_domain::{Sealed, TenantId};

mod kind;

pub use kind::{KekKind, Purpose};

/// Stored: one version of a KEK, wrapped by the tenant's wrapping key of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKek {
    /// What it guards.
    pub kind: KekKind,
    /// From 1, growing with each rotation.
    pub version: u32,
    /// The wrapped 32 bytes.
    pub wrapped: Sealed,
}

/// Stored: one version of a purpose key, wrapped by the KEK of the purpose's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedPurposeKey {
    /// What it seals.
    pub purpose: Purpose,
    /// From 1, growing with each rotation. The highest seals; all open.
    pub version: u32,
    /// The version of the KEK that wraps it.
    pub kek_version: u32,
    /// The wrapped 32 bytes.
    pub wrapped: Sealed,
}

/// All stored keys of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantKeyRows {
    /// Every version of both KEKs.
    pub keks: Vec<WrappedKek>,
    /// Every version of every purpose key.
    pub keys: Vec<WrappedPurposeKey>,
}

/// The unlocked purpose keys of one tenant; erased when dropped, never printed (I9).
pub struct TenantKeys {
    tenant: TenantId,
    keys: Vec<PurposeKey>,
}

/// One unlocked version of a purpose key.
pub(crate) struct PurposeKey {
    pub(crate) purpose: Purpose,
    pub(crate) version: u32,
    pub(crate) key: SecretKey,
}

/// Why a tenant's keys could not be made or unlocked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The provider refused or failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A purpose key names a KEK that is not among the rows.
    #[error("the {purpose} key version {version} is wrapped by a KEK that is not stored: the tenant's key rows are incomplete", purpose = .purpose.as_str())]
    MissingKek {
        /// The key that cannot be unwrapped.
        purpose: Purpose,
        /// Its version.
        version: u32,
    },
    /// A purpose without any key.
    #[error("the tenant has no {} key: its key rows are incomplete", .0.as_str())]
    MissingPurpose(Purpose),
    /// The stored row was changed or belongs elsewhere.
    #[error("the stored {purpose} key version {version} does not open: the row was changed or moved from elsewhere", purpose = .purpose.as_str())]
    DoesNotOpen {
        /// The key whose row does not open.
        purpose: Purpose,
        /// Its version.
        version: u32,
    },
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed: no keys can be made in this process")]
    Cipher,
}

impl TenantKeys {
    /// New keys for a tenant whose wrapping keys exist: first version of both KEKs and of every purpose key. Nothing is
    /// kept but what is returned, so a crash before the rows are stored loses nothing that was in use.
    pub async fn generate(provider: &dyn KeyProvider, tenant: TenantId, entropy: &dyn Entropy) -> Result<TenantKeyRows, KeyError> {
        const FIRST: u32 = 1;
        let mut rows = TenantKeyRows::default();
        for &kind in KekKind::ALL {
            let kek = SecretKey::random(entropy);
            let wrapped = provider.wrap(tenant, kind, kek_place(tenant, kind, FIRST).as_slice(), kek.expose()).await?;
            rows.keks.push(WrappedKek { kind, version: FIRST, wrapped });
            for &purpose in Purpose::ALL.iter().filter(|purpose| purpose.kind() == kind) {
                let key = PurposeKey { purpose, version: FIRST, key: SecretKey::random(entropy) };
                rows.keys.push(key.wrapped_by(&kek, FIRST, tenant, entropy)?);
            }
        }
        Ok(rows)
    }

    /// Unwraps every key of an active tenant.
    pub async fn unlock(provider: &dyn KeyProvider, tenant: TenantId, rows: &TenantKeyRows) -> Result<Self, KeyError> {
        Self::unlock_kinds(provider, tenant, rows, KekKind::ALL).await
    }

    /// Unwraps only what the second KEK guards, `log` and `status`: for a suspended tenant, whose record and revocation
    /// go on while its data stays locked.
    pub async fn unlock_log(provider: &dyn KeyProvider, tenant: TenantId, rows: &TenantKeyRows) -> Result<Self, KeyError> {
        Self::unlock_kinds(provider, tenant, rows, &[KekKind::Log]).await
    }

    async fn unlock_kinds(provider: &dyn KeyProvider, tenant: TenantId, rows: &TenantKeyRows, kinds: &[KekKind]) -> Result<Self, KeyError> {
        let mut keks = Vec::with_capacity(rows.keks.len());
        for row in rows.keks.iter().filter(|row| kinds.contains(&row.kind)) {
            let place = kek_place(tenant, row.kind, row.version);
            let bytes = provider.unwrap(tenant, row.kind, place.as_slice(), &row.wrapped).await?;
            keks.push((row.kind, row.version, SecretKey::from_slice(&bytes).ok_or(ProviderError::DoesNotOpen)?));
        }
        let mut keys = Vec::with_capacity(rows.keys.len());
        for row in rows.keys.iter().filter(|row| kinds.contains(&row.purpose.kind())) {
            let (_, _, kek) = keks
                .iter()
                .find(|(kind, version, _)| (*kind, *version) == (row.purpose.kind(), row.kek_version))
                .ok_or(KeyError::MissingKek { purpose: row.purpose, version: row.version })?;
            keys.push(PurposeKey::unwrapped(row, kek, tenant)?);
        }
        for &purpose in Purpose::ALL.iter().filter(|purpose| kinds.contains(&purpose.kind())) {
            if !keys.iter().any(|key| key.purpose == purpose) {
                return Err(KeyError::MissingPurpose(purpose));
            }
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.version));
        Ok(Self { tenant, keys })
    }

    /// Whose keys these are.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
    /// The unlocked versions of a purpose key, highest first; none if its kind was left locked.
    pub(crate) fn versions(&self, purpose: Purpose) -> impl Iterator<Item = &PurposeKey> {
        self.keys.iter().filter(move |key| key.purpose == purpose)
    }
}

impl PurposeKey {
    fn wrapped_by(
        &self,
        kek: &SecretKey,
        kek_version: u32,
        tenant: TenantId,
        entropy: &dyn Entropy,
    ) -> Result<WrappedPurposeKey, KeyError> {
        let place = key_place(tenant, self.purpose, self.version);
        let wrapped = gcm::encrypt(kek, place.as_slice(), &[], self.key.expose(), entropy).map_err(|_| KeyError::Cipher)?;
        Ok(WrappedPurposeKey { purpose: self.purpose, version: self.version, kek_version, wrapped: Sealed::from_ciphertext(wrapped) })
    }

    fn unwrapped(row: &WrappedPurposeKey, kek: &SecretKey, tenant: TenantId) -> Result<Self, KeyError> {
        let place = key_place(tenant, row.purpose, row.version);
        let key = gcm::decrypt(kek, place.as_slice(), row.wrapped.as_bytes()).ok().and_then(|bytes| SecretKey::from_slice(&bytes));
        let key = key.ok_or(KeyError::DoesNotOpen { purpose: row.purpose, version: row.version })?;
        Ok(Self { purpose: row.purpose, version: row.version, key })
    }
}

fn kek_place(tenant: TenantId, kind: KekKind, version: u32) -> Aad {
    Aad::new("chancery kek v1").bytes("tenant", tenant.as_bytes()).text("kind", kind.as_str()).number("version", version)
}

fn key_place(tenant: TenantId, purpose: Purpose, version: u32) -> Aad {
    let kind = purpose.kind();
    let place = Aad::new("chancery purpose key v1").bytes("tenant", tenant.as_bytes()).text("kind", kind.as_str());
    place.text("purpose", purpose.as_str()).number("version", version)
}

#[cfg(test)]
mod tests;
