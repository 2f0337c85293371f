//! The nouns of Chancery and the rules between them: pure values, no I/O, no clock, no randomness (I10).

pub mod account_key;
pub mod action;
pub mod binding;
pub mod certificate;
pub mod decision;
pub mod disk;
pub mod document;
pub mod enforced;
pub mod event;
pub mod hold;
pub mod id;
pub mod identity;
pub mod import;
pub mod issuer;
pub mod key;
pub mod kill;
pub mod lineage;
pub mod name;
pub mod obligation;
pub mod order;
pub mod pattern;
pub mod port;
pub mod principal;
pub mod profile;
pub mod role;
pub mod scope;
pub mod sealed;
pub mod serial;
mod short_name;
pub mod signature;
pub mod signing;
pub mod slug;
pub mod tenant;
pub mod time;

pub use id::{
    AccountId, AccountKeyId, BindingId, CertificateId, ConflictId, DocumentId, EventId, HoldId, IssuerId, JobId, OrderId, PersonId,
    PublicId, RoleId, SignatureId, SignerId, TenantId, TokenId,
};
pub use sealed::Sealed;
pub use serial::Serial;
pub use time::Timestamp;
