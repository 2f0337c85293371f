//! The keyring in memory: it outlives the nodes, and fails when the seed says so.

use crate::sim::Sim;
use chancery_domain::TenantId;
use chancery_keys::{KekKind, Keyring, KeyringError, KeyringRecord};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) struct MemoryKeyring {
    sim: Arc<Sim>,
    records: Mutex<BTreeMap<(TenantId, &'static str), KeyringRecord>>,
}

impl MemoryKeyring {
    pub(crate) fn new(sim: Arc<Sim>) -> Self {
        Self { sim, records: Mutex::default() }
    }

    fn answer(&self) -> Result<(), KeyringError> {
        if self.sim.faulty() && self.sim.comes(10) {
            self.sim.note(|| "the keyring does not answer".to_owned());
            return Err(KeyringError("the simulated keyring does not answer".into()));
        }
        Ok(())
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<(TenantId, &'static str), KeyringRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Keyring for MemoryKeyring {
    async fn load(&self, tenant: TenantId, kind: KekKind) -> Result<Option<KeyringRecord>, KeyringError> {
        self.answer()?;
        Ok(self.records().get(&(tenant, kind.as_str())).cloned())
    }

    async fn insert_if_absent(&self, record: KeyringRecord) -> Result<KeyringRecord, KeyringError> {
        self.answer()?;
        let stands = self.records().entry((record.tenant, record.kind.as_str())).or_insert(record).clone();
        // Done, and the answer may be lost.
        self.answer()?;
        Ok(stands)
    }

    async fn root_check(&self, check_value: [u8; 8]) -> Result<[u8; 8], KeyringError> {
        Ok(check_value)
    }
}
