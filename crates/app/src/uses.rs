//! When tokens were last used: noted in memory, written by the worker, the hour alone.
//!
//! It is no act but a reading of the clock, so it makes no event, and what a crash loses is at most the last second's.

use crate::authenticate::Credential;
use crate::failure::Stop;
use crate::{Chancery, Failure};
use chancery_domain::{TenantId, Timestamp, TokenId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

const HOUR: i64 = 3_600_000;

/// What is to be written, at most one entry a token and hour.
#[derive(Default)]
pub(crate) struct Uses(Mutex<BTreeMap<TenantId, BTreeMap<TokenId, Timestamp>>>);

/// The beginning of the hour.
pub(crate) fn hour(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis().div_euclid(HOUR) * HOUR)
}

impl Uses {
    /// Notes a use. In the same hour this is one look at a number, without a lock.
    pub(crate) fn note(&self, tenant: TenantId, token: TokenId, credential: &Credential, now: Timestamp) {
        if credential.first_in(hour(now)) {
            self.put(tenant, token, hour(now));
        }
    }

    fn put(&self, tenant: TenantId, token: TokenId, hour: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default().insert(token, hour);
    }

    fn take(&self) -> BTreeMap<TenantId, BTreeMap<TokenId, Timestamp>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Chancery {
    /// Writes what was noted, one write-set a tenant. Where the store does not answer it is noted again.
    pub(crate) async fn record_token_uses(&self) -> Result<(), Failure> {
        let mut failed = None;
        for (tenant, tokens) in self.inner.uses.take() {
            let mut changes = self.inner.store.tenant(tenant).changes();
            for (token, hour) in &tokens {
                changes.note_token_use(*token, *hour);
            }
            if let Err(error) = changes.commit().await {
                tokens.into_iter().for_each(|(token, hour)| self.inner.uses.put(tenant, token, hour));
                failed = Some(Failure::from(Stop::from(error)));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
