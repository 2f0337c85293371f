//! The keyring of the software key provider, kept in a database of its own by the store.

use chancery_domain::{Sealed, TenantId};
use chancery_keys::{KekKind, Keyring, KeyringError, KeyringMaterial, KeyringRecord};
use chancery_store::{KeyringDb, KeyringRow};
use std::sync::Arc;

/// A [`Keyring`] over the store's keyring database.
pub struct StoredKeyring(Arc<dyn KeyringDb>);

/// The row that holds the root key's check value stands under the platform, with a kind that no key has.
const ROOT_CHECK: &str = "root-check";

impl StoredKeyring {
    /// Over an opened keyring database.
    pub fn new(database: Arc<dyn KeyringDb>) -> Self {
        Self(database)
    }
}

#[async_trait::async_trait]
impl Keyring for StoredKeyring {
    async fn load(&self, tenant: TenantId, kind: KekKind) -> Result<Option<KeyringRecord>, KeyringError> {
        let row = self.0.load(tenant, kind.as_str()).await.map_err(|error| KeyringError(Box::new(error)))?;
        Ok(row.map(|row| record(row, kind)))
    }

    async fn insert_if_absent(&self, new: KeyringRecord) -> Result<KeyringRecord, KeyringError> {
        let kind = new.kind;
        let row = KeyringRow {
            tenant: new.tenant,
            kind: kind.as_str().to_owned(),
            root_epoch: new.root_epoch,
            sealed: match new.material {
                KeyringMaterial::Live(sealed) => Some(sealed),
                KeyringMaterial::Destroyed => None,
            },
        };
        let stands = self.0.insert_if_absent(row).await.map_err(|error| KeyringError(Box::new(error)))?;
        Ok(record(stands, kind))
    }

    async fn root_check(&self, check_value: [u8; 8]) -> Result<[u8; 8], KeyringError> {
        let sealed = Some(Sealed::from_ciphertext(check_value.to_vec()));
        let row = KeyringRow { tenant: TenantId::PLATFORM, kind: ROOT_CHECK.to_owned(), root_epoch: 0, sealed };
        let stands = self.0.insert_if_absent(row).await.map_err(|error| KeyringError(Box::new(error)))?;
        let bytes = stands.sealed.and_then(|sealed| sealed.as_bytes().try_into().ok());
        bytes.ok_or_else(|| KeyringError("the keyring's check value of the root key is malformed".into()))
    }
}

fn record(row: KeyringRow, kind: KekKind) -> KeyringRecord {
    let material = row.sealed.map_or(KeyringMaterial::Destroyed, KeyringMaterial::Live);
    KeyringRecord { tenant: row.tenant, kind, root_epoch: row.root_epoch, material }
}
