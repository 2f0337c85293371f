//! The use cases: each reads as its story: load, permit, decide, change, record, commit.
//!
//! Everything starts from a [`Caller`], an authenticated principal in its one realm. Nothing is changed without a
//! `Permit` for that action (I2), and nothing is committed without its event (I4): a `Deed` is both.

mod access;
mod account_keys;
mod accounts;
mod admission;
mod archive;
mod authenticate;
mod authorise;
mod authority_key;
mod bindings;
mod bulk;
mod certificates;
mod clock_watch;
mod crl;
mod deed;
mod denial;
mod documents;
mod dry_run;
mod duties;
mod enrol;
mod epoch;
mod events;
mod evidence;
mod export;
mod external;
mod failure;
mod fsck;
mod hierarchy;
mod holders;
mod holds;
mod idempotency;
mod import;
mod issue;
mod issuers;
mod jobs;
mod key_pair;
mod key_reuse;
mod keyring;
mod log;
mod make_signer;
mod open_signer;
mod outbox;
mod places;
mod platform_log;
mod private_key;
mod profiles;
mod public;
mod publish;
mod realm;
mod reconcile;
mod remove;
mod renew;
mod retention;
mod retire;
mod revoke;
mod roles;
mod roll;
mod rotate;
mod scoped;
mod search;
mod sequence;
mod service;
mod sign;
mod signatures;
mod signed_request;
mod signers;
mod signing_key;
mod tally;
mod tenants;
mod timestamp;
mod turns;
mod uses;
mod view;
mod withdraw;
mod witness;
mod worker;

pub use account_keys::NewAccountKey;
pub use archive::{Archive, ArchiveError, Archives, Destination, Object};
pub use authenticate::Caller;
pub use authorise::{Permit, Within};
pub use bindings::{AskedRole, AskedScope, NewBinding};
pub use bulk::Each;
pub use chancery_evidence::{Bundle, TrustFile, View, WitnessPolicy};
pub use chancery_store::{CounterRow, Page, RegisteredTenantRow, TenantRow};
pub use chancery_x509::pkcs12::{FriendlyName, Password as FilePassword};
pub use documents::{DocumentEntry, VersionSignature, VersionWish};
pub use dry_run::{DryRun, Foreseen};
pub use enrol::Enrolled;
pub use external::Supplied;
pub use failure::Failure;
pub use fsck::CheckedLog;
pub use holders::AskedHolder;
pub use holds::Hold;
pub use idempotency::Once;
pub use import::ImportedItem;
pub use issue::{IssueRequest, KeySource};
pub use issuers::NewIssuer;
pub use keyring::StoredKeyring;
pub use log::{EventProof, LogEntry, LogEpoch};
pub use make_signer::{NewSigner, RollSigner, SignerSource};
pub use reconcile::{MissingList, PublishedList, Reconciled, ReconciledTenant};
pub use renew::RenewRequest;
pub use revoke::{Revocation, Revoked, SameKey};
pub use roll::{NewRoot, Succession};
pub use search::CertificateSearch;
pub use service::{Chancery, Ports, Settings};
pub use sign::{Content, Document, SignRequest};
pub use signed_request::{ContentDigest, SignedRequest};
pub use signers::AskedProfile;
pub use tenants::{CreatedTenant, TenantUse};
pub use view::{
    Access, Account, AccountKey, Bound, Certificate, CustomRole, DutyConflict, EventEntry, Issuer, MintedToken, Order, ProfileVersion,
    Receipt, RoleBinding, RotatedToken, Signature, SignedDocument, Signer, SignerVersion, Superseded, TokenInfo, VersionOf,
};
pub use witness::{WitnessAnswer, WitnessClient, Witnesses};

/// An id as somebody gave it: `None` is a text that names nothing, which is answered as an id that nothing has (I7).
pub type Given<T> = Option<T>;

/// A certificate in PEM.
pub fn certificate_pem(der: &[u8]) -> String {
    chancery_x509::pem::encode(chancery_x509::pem::CERTIFICATE, der)
}

/// A public key in PEM.
pub fn public_key_pem(spki_der: &[u8]) -> String {
    chancery_x509::pem::encode(chancery_x509::pem::PUBLIC_KEY, spki_der)
}

/// A private key in PEM; erased when dropped.
pub fn private_key_pem(pkcs8: &[u8]) -> zeroize::Zeroizing<String> {
    chancery_x509::pem::encode_private_key(pkcs8)
}
