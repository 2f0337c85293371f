//! Sealing of columns and the blind index: the one type that turns a tenant's plaintext into [`Sealed`] (I6).
//!
//! A sealed item is `format 1 | key version 4, big endian | nonce 12 | ciphertext | tag 16`. Its key is
//! HKDF-Expand(purpose key, usage and place), its associated data the same place, so it opens only where it was put.

use crate::aad::Aad;
use crate::gcm;
use crate::kek::{Purpose, PurposeKey, TenantKeys};
use aws_lc_rs::hmac;
use chancery_domain::port::Entropy;
use chancery_domain::{Sealed, TenantId};
use std::sync::Arc;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// Seals and opens with one tenant's keys. Clones share the keys, which are erased with the last of them.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<TenantKeys>,
}

/// The column and row that a sealed item belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table's name.
    pub table: &'static str,
    /// The column's name.
    pub column: &'static str,
    /// The row's key: an id, a serial; whatever names the row for good.
    pub row: &'a [u8],
}

/// Why something was not sealed or indexed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The key was left locked: the tenant is disabled and only its log is unlocked.
    #[error("the {} key is locked: the tenant is disabled, only its log and revocation go on", .0.as_str())]
    Locked(Purpose),
    /// The index key seals nothing.
    #[error("the index key makes blind indexes and seals nothing: choose another purpose")]
    NotForSealing,
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed: nothing can be sealed in this process")]
    Cipher,
}

/// Why a sealed item did not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// Not what a sealer makes.
    #[error("the sealed bytes have no known format: they are damaged or from a newer version of Chancery")]
    Format,
    /// Sealed under a version of the key that is not unlocked.
    #[error("the {purpose} key version {version} is not unlocked: the tenant is disabled, or its key rows are incomplete", purpose = .purpose.as_str())]
    NoKey {
        /// The purpose asked for.
        purpose: Purpose,
        /// The version that the item names.
        version: u32,
    },
    /// Wrong place, wrong purpose or changed bytes: they cannot be told apart.
    #[error("the sealed bytes do not open here: they were changed or moved from another place")]
    DoesNotOpen,
}

impl Sealer {
    /// A sealer with these keys.
    pub fn new(keys: TenantKeys) -> Self {
        Self { keys: Arc::new(keys) }
    }

    /// Whose keys these are.
    pub fn tenant(&self) -> TenantId {
        self.keys.tenant()
    }

    /// Seals `plaintext` for `place` under the highest version of the purpose's key.
    pub fn seal(&self, purpose: Purpose, place: &Place<'_>, plaintext: &[u8], entropy: &dyn Entropy) -> Result<Sealed, SealError> {
        if purpose == Purpose::Index {
            return Err(SealError::NotForSealing);
        }
        let key = self.keys.versions(purpose).next().ok_or(SealError::Locked(purpose))?;
        let aad = self.bound_to(key, place);
        let [a, b, c, d] = key.version.to_be_bytes();
        gcm::expand(&key.key, &[aad.as_slice()])
            .and_then(|item| gcm::encrypt(&item, aad.as_slice(), &[FORMAT, a, b, c, d], plaintext, entropy))
            .map(Sealed::from_ciphertext)
            .map_err(|_| SealError::Cipher)
    }

    /// Opens what was sealed for this purpose and place, under whichever version of the key it names.
    pub fn open(&self, purpose: Purpose, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let Some(([FORMAT, version @ ..], body)) = sealed.as_bytes().split_first_chunk::<5>() else {
            return Err(OpenError::Format);
        };
        let version = u32::from_be_bytes(*version);
        let key = self.keys.versions(purpose).find(|key| key.version == version);
        let key = key.ok_or(OpenError::NoKey { purpose, version })?;
        let aad = self.bound_to(key, place);
        gcm::expand(&key.key, &[aad.as_slice()])
            .and_then(|item| gcm::decrypt(&item, aad.as_slice(), body))
            .map_err(|_| OpenError::DoesNotOpen)
    }

    /// The blind index of a name under the highest version of the index key: what a new row stores.
    pub fn blind(&self, name: &str) -> Result<[u8; 16], SealError> {
        self.keys.versions(Purpose::Index).next().map(|key| blind(key, name)).ok_or(SealError::Locked(Purpose::Index))
    }

    /// The blind indexes of a name under every version of the index key, highest first: what a look-up or a check for
    /// uniqueness compares with, so that neither breaks while an index is being rotated.
    pub fn blind_versions(&self, name: &str) -> Result<Vec<[u8; 16]>, SealError> {
        let blinds: Vec<_> = self.keys.versions(Purpose::Index).map(|key| blind(key, name)).collect();
        if blinds.is_empty() { Err(SealError::Locked(Purpose::Index)) } else { Ok(blinds) }
    }

    fn bound_to(&self, key: &PurposeKey, place: &Place<'_>) -> Aad {
        Aad::new("chancery seal v1")
            .bytes("tenant", self.keys.tenant().as_bytes())
            .text("table", place.table)
            .text("column", place.column)
            .bytes("row", place.row)
            .text("purpose", key.purpose.as_str())
            .number("version", key.version)
    }
}

fn blind(key: &PurposeKey, name: &str) -> [u8; 16] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.key.expose()), name.as_bytes());
    let mut blind = [0; 16];
    blind.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    blind
}

#[cfg(test)]
mod tests;
