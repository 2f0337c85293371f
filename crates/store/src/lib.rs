//! Storage: tenant views and write-sets on SQLite and PostgreSQL. All SQL lives in this crate and nowhere else.
//!
//! There is one door to tenant data (I1): [`Store::tenant`] opens a [`TenantView`] for one tenant, and what it reads is
//! changed only by the [`Changes`] opened from it. No function takes a bare object id.
//!
//! Adding a table: a migration in `migrations/` for both engines (tenant_id leads the key; on PostgreSQL the table is
//! listed for forced row level security by the migration itself), then one file here with its row, its readers on the
//! view and its writers on the write-set, then the conformance suite.

// The testkit's cluster is one of the sources of the tests here, and names this crate from outside.
#[cfg(test)]
extern crate self as chancery_store;

mod account;
mod account_key;
mod archive;
mod authority;
mod backup;
mod certificate;
mod changes;
mod cosigned;
mod counter;
pub mod disk;
mod document;
mod engine;
mod error;
mod event;
mod hold;
mod idempotency;
mod job;
mod keyring;
mod keys;
mod lineage;
mod log;
mod migration;
mod order;
mod platform;
pub mod postgres;
mod profile;
mod publication;
mod request_nonce;
mod restored;
mod revocation;
mod role;
mod share;
mod signature;
mod signer;
pub mod sqlite;
mod statement;
mod subject_key;
mod tenant;
mod token;
mod value;
mod view;

pub use account::AccountRow;
pub use account_key::AccountKeyRow;
pub use archive::ArchiveRow;
pub use authority::AuthorityRow;
pub use backup::{BackupEngine, BackupError, Content, FileSum, Manifest};
pub use certificate::{CertificateFilter, CertificateRow, PrivateKeyRow};
pub use changes::Changes;
pub use cosigned::CosignedRow;
pub use counter::CounterRow;
pub use document::{DocumentRow, DocumentSignatureRow};
pub use error::{CommitError, Guard, StoreError};
pub use event::EventRow;
pub use hold::HoldRow;
pub use idempotency::IdempotencyRow;
pub use job::{JobRow, OutboxRow};
pub use keyring::{KeyringDb, KeyringRow};
pub use keys::{KekRow, PurposeKeyRow};
pub use lineage::LineageRow;
pub use log::{LogHead, LogPlace, LogRow, LogStrays, LogTileRow};
pub use order::OrderRow;
pub use platform::{LaneRow, PublicAddressRow, RegisteredTenantRow};
pub use profile::ProfileRow;
pub use publication::PublicationRow;
pub use restored::RestoreMark;
pub use revocation::{CrlHead, CrlRow, RevocationRow};
pub use role::{BindingRow, BoundRole, ConflictRow, RoleRow};
pub use share::{Place, Shares};
pub use signature::SignatureRow;
pub use signer::{SignerRow, SignerVersionRow, SigningProfileRow};
pub use subject_key::SubjectKeyRow;
pub use tenant::TenantRow;
pub use token::TokenRow;
pub use view::{Page, PlatformView, Store, TenantView};
