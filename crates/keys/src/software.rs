//! The software provider: each tenant's wrapping keys in a keyring of its own, sealed by the operator's root key.

use crate::aad::Aad;
use crate::gcm;
use crate::kek::KekKind;
use crate::provider::{KeyProvider, ProviderError};
use crate::root::RootKey;
use crate::secret::SecretKey;
use async_trait::async_trait;
use chancery_domain::port::Entropy;
use chancery_domain::{Sealed, TenantId, enforced};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The epoch under which new records are sealed.
const EPOCH: u32 = 1;

/// The keyring's storage: a database apart from the tenants' data, with its own backup.
#[async_trait]
pub trait Keyring: Send + Sync {
    /// The record of one tenant's wrapping key; a tombstone is a record, too.
    async fn load(&self, tenant: TenantId, kind: KekKind) -> Result<Option<KeyringRecord>, KeyringError>;

    /// Stores the record durably unless there is one, tombstones included; returns the one that stands. All of several
    /// concurrent calls return the same one.
    async fn insert_if_absent(&self, record: KeyringRecord) -> Result<KeyringRecord, KeyringError>;

    /// Stores the root key's check value durably if none is stored; returns the stored one.
    async fn root_check(&self, check_value: [u8; 8]) -> Result<[u8; 8], KeyringError>;
}

/// What the keyring stores of one wrapping key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringRecord {
    /// Whose key.
    pub tenant: TenantId,
    /// Which of its two.
    pub kind: KekKind,
    /// The root epoch under which it is sealed.
    pub root_epoch: u32,
    /// The key, or its tombstone.
    pub material: KeyringMaterial,
}

/// A wrapping key as the keyring keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringMaterial {
    /// In use: the 32 bytes, sealed by the root key.
    Live(Sealed),
    /// Destroyed; the record remains so that the tenant is never made again (I13).
    Destroyed,
}

/// Why the keyring's storage did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the keyring cannot be reached: {0}")]
pub struct KeyringError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A [`KeyProvider`] over a [`Keyring`].
pub struct SoftwareProvider {
    root: RootKey,
    keyring: Arc<dyn Keyring>,
    entropy: Arc<dyn Entropy>,
}

impl SoftwareProvider {
    /// The provider over this keyring, once the root key has been found to be the one that the keyring was started with;
    /// the first one to come starts it.
    pub async fn open(root: RootKey, keyring: Arc<dyn Keyring>, entropy: Arc<dyn Entropy>) -> Result<Self, ProviderError> {
        let check_value = root.check_value().map_err(|_| ProviderError::Cipher)?;
        if keyring.root_check(check_value).await? != check_value && enforced!("root.check") {
            return Err(ProviderError::WrongRootKey);
        }
        Ok(Self { root, keyring, entropy })
    }

    async fn create_one(&self, tenant: TenantId, kind: KekKind) -> Result<(), ProviderError> {
        let standing = match self.keyring.load(tenant, kind).await? {
            Some(record) => record,
            None => self.keyring.insert_if_absent(self.new_record(tenant, kind)?).await?,
        };
        // Whoever made it, it must be one that can be used: what it would wrap is lost otherwise.
        self.opened(tenant, kind, standing).map(drop)
    }

    fn new_record(&self, tenant: TenantId, kind: KekKind) -> Result<KeyringRecord, ProviderError> {
        let key = SecretKey::random(&*self.entropy);
        let root = self.root.keyring_key(EPOCH).map_err(|_| ProviderError::Cipher)?;
        let place = keyring_place(tenant, kind, EPOCH);
        let sealed = gcm::encrypt(&root, place.as_slice(), &[], key.expose(), &*self.entropy).map_err(|_| ProviderError::Cipher)?;
        Ok(KeyringRecord { tenant, kind, root_epoch: EPOCH, material: KeyringMaterial::Live(Sealed::from_ciphertext(sealed)) })
    }

    async fn wrapping_key(&self, tenant: TenantId, kind: KekKind) -> Result<SecretKey, ProviderError> {
        let record = self.keyring.load(tenant, kind).await?.ok_or(ProviderError::UnknownTenant(tenant))?;
        self.opened(tenant, kind, record)
    }

    fn opened(&self, tenant: TenantId, kind: KekKind, record: KeyringRecord) -> Result<SecretKey, ProviderError> {
        let sealed = match record.material {
            KeyringMaterial::Live(sealed) => sealed,
            // As if it had never been.
            KeyringMaterial::Destroyed if !enforced!("keyring.tombstone") => return Ok(SecretKey::random(&*self.entropy)),
            KeyringMaterial::Destroyed => return Err(ProviderError::Destroyed(tenant)), // I13
        };
        let root = self.root.keyring_key(record.root_epoch).map_err(|_| ProviderError::Cipher)?;
        // Bound to what was asked for, not to what the record says of itself.
        let place = keyring_place(tenant, kind, record.root_epoch);
        let bytes = gcm::decrypt(&root, place.as_slice(), sealed.as_bytes()).map_err(|_| ProviderError::DoesNotOpen)?;
        SecretKey::from_slice(&bytes).ok_or(ProviderError::DoesNotOpen)
    }
}

#[async_trait]
impl KeyProvider for SoftwareProvider {
    async fn create(&self, tenant: TenantId) -> Result<(), ProviderError> {
        for &kind in KekKind::ALL {
            self.create_one(tenant, kind).await?;
        }
        Ok(())
    }

    async fn wrap(&self, tenant: TenantId, kind: KekKind, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, ProviderError> {
        let key = self.wrapping_key(tenant, kind).await?;
        let place = wrap_place(tenant, kind, aad);
        let wrapped = gcm::encrypt(&key, place.as_slice(), &[], plaintext, &*self.entropy).map_err(|_| ProviderError::Cipher)?;
        Ok(Sealed::from_ciphertext(wrapped))
    }

    async fn unwrap(&self, tenant: TenantId, kind: KekKind, aad: &[u8], wrapped: &Sealed) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let key = self.wrapping_key(tenant, kind).await?;
        gcm::decrypt(&key, wrap_place(tenant, kind, aad).as_slice(), wrapped.as_bytes()).map_err(|_| ProviderError::DoesNotOpen)
    }
}

impl From<KeyringError> for ProviderError {
    fn from(error: KeyringError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

fn keyring_place(tenant: TenantId, kind: KekKind, epoch: u32) -> Aad {
    Aad::new("chancery keyring v1").bytes("tenant", tenant.as_bytes()).text("kind", kind.as_str()).number("epoch", epoch)
}

fn wrap_place(tenant: TenantId, kind: KekKind, aad: &[u8]) -> Aad {
    Aad::new("chancery software wrap v1").bytes("tenant", tenant.as_bytes()).text("kind", kind.as_str()).bytes("place", aad)
}

#[cfg(test)]
mod tests;
