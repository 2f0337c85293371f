//! What a key provider is: the keeper of a tenant's wrapping keys, outside the database (I6, I13).

use crate::kek::KekKind;
use async_trait::async_trait;
use chancery_domain::{Sealed, TenantId};
use zeroize::Zeroizing;

#[cfg(any(test, feature = "suite"))]
pub mod suite;

/// Keeps two wrapping keys for each tenant, one per [`KekKind`], and never gives them out.
///
/// Without the provider nothing of a tenant can be opened, whatever copy of the database is at hand (I13).
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// Makes the tenant's two wrapping keys, or leaves them as they are. May be repeated, also concurrently: there is
    /// never more than one key per kind. A destroyed tenant is not made again ([`ProviderError::Destroyed`]).
    async fn create(&self, tenant: TenantId) -> Result<(), ProviderError>;

    /// Encrypts `plaintext` under the tenant's wrapping key of this kind, bound to the tenant, the kind and `aad`.
    async fn wrap(&self, tenant: TenantId, kind: KekKind, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, ProviderError>;

    /// Opens what [`KeyProvider::wrap`] made for the same tenant, kind and `aad`.
    async fn unwrap(&self, tenant: TenantId, kind: KekKind, aad: &[u8], wrapped: &Sealed) -> Result<Zeroizing<Vec<u8>>, ProviderError>;
}

/// Why a provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No wrapping key was ever made for the tenant here.
    #[error("the key provider knows no tenant {0}: create its wrapping keys first, or check that this is the right keyring")]
    UnknownTenant(TenantId),
    /// The tenant's wrapping keys were destroyed; a tombstone is all there is (I13).
    #[error("the keys of tenant {0} were destroyed: nothing of it can be opened again, from any backup")]
    Destroyed(TenantId),
    /// The provider, or the storage behind it, did not answer. The same call may succeed later.
    #[error("the key provider is unavailable, try again: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Wrong key, wrong place, or changed bytes: they cannot be told apart.
    #[error("what was to be unwrapped does not open: it was changed, moved from elsewhere, or wrapped under another key")]
    DoesNotOpen,
    /// The operator's root key is not the one under which this keyring was started.
    #[error("the root key is not the one that guards this keyring: give the key that was made with it")]
    WrongRootKey,
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed: this process cannot wrap keys")]
    Cipher,
}
