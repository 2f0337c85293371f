//! Doing a request once only: the key of its sender, bound to what it asks.

use crate::view::Receipt;
use crate::{Caller, Failure};
use aws_lc_rs::digest::{Context, SHA256};
use chancery_domain::{AccountId, enforced};

/// An idempotency key and what it stands for, as hashes; neither key nor body is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    pub(crate) key: [u8; 32],
    pub(crate) body: [u8; 32],
}

impl Once {
    /// The key as its sender gave it, the operation (method and path), and the request's body.
    pub fn new(key: &str, operation: &str, body: &[u8]) -> Self {
        Self {
            key: hash(&[key.as_bytes()]),
            body: hash(&[if enforced!("idempotency.operation") { operation.as_bytes() } else { b"" }, body]),
        }
    }
}

impl Caller {
    /// The same caller doing one item of a request that names many: its record is the item's own.
    pub(crate) fn for_item(&self, item: &[u8]) -> Self {
        let once = self.once.map(|once| Once { key: hash(&[&once.key, item]), body: once.body });
        self.clone().once(once)
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// A request that was done before.
pub(crate) struct Done {
    pub(crate) subject: [u8; 16],
    pub(crate) receipt: Receipt,
}

impl Caller {
    /// Whose the key is: those of different principals never meet (THREATS 8).
    pub(crate) fn once_of(&self) -> AccountId {
        if enforced!("idempotency.principal") { self.principal.account } else { AccountId::from_bytes([0; 16]) }
    }

    /// What this request's key stands for already, if anything.
    pub(crate) async fn done_before(&self) -> Result<Option<Done>, Failure> {
        let Some(once) = self.once else { return Ok(None) };
        let Some(row) = self.realm.view.idempotency(self.once_of(), &once.key).await? else { return Ok(None) };
        if row.body != once.body && enforced!("idempotency.body") {
            return Err(Failure::KeyReused);
        }
        let event = self.realm.view.event(row.event).await?.ok_or_else(|| Failure::internal("the event of a done request is missing"))?;
        Ok(Some(Done { subject: row.subject, receipt: Receipt { event: row.event, leaf: event.leaf } }))
    }
}
