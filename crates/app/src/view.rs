//! What the use cases answer with: plain values that `http` renders.

use chancery_domain::account_key::KeyPurpose;
use chancery_domain::action::Action;
use chancery_domain::binding::Conflict;
use chancery_domain::certificate::{CertificateStatus, Origin};
use chancery_domain::identity::Holder;
use chancery_domain::issuer::{AuthorityKind, IssuerState};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::order::OrderState;
use chancery_domain::pattern::NamePattern;
use chancery_domain::profile::Profile;
use chancery_domain::role::{Role, RoleName};
use chancery_domain::scope::Scope;
use chancery_domain::signature::{Format, SignatureAlgorithm};
use chancery_domain::signing::{SignerName, SignerState, SigningProfile};
use chancery_domain::{
    AccountId, AccountKeyId, BindingId, CertificateId, ConflictId, DocumentId, EventId, IssuerId, OrderId, PublicId, RoleId, Serial,
    SignatureId, SignerId, Timestamp, TokenId,
};
use chancery_keys::Token;
use chancery_x509::CertificateSummary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use chancery_domain::event::Receipt;

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Whether it may act.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who stands behind it.
    pub holder: Holder,
}

/// A role of the tenant's own.
#[derive(Clone, Debug)]
pub struct CustomRole {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: RoleName,
    /// What it includes.
    pub actions: BTreeSet<Action>,
    /// Counts its changes, from 1.
    pub version: u32,
    /// Who made it.
    pub made_by: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The role of a binding.
#[derive(Clone, Debug)]
pub enum Bound {
    /// A built-in one.
    BuiltIn(Role),
    /// One of the tenant's own, with its name as long as it is there.
    Own(RoleId, Option<RoleName>),
}

/// What an account holds of a role.
#[derive(Clone, Debug)]
pub struct RoleBinding {
    /// Its id.
    pub id: BindingId,
    /// Whose it is.
    pub account: AccountId,
    /// The role.
    pub role: Bound,
    /// Where it holds.
    pub scope: Scope,
    /// Who gave it.
    pub granted_by: AccountId,
    /// When it was given.
    pub created_at: Timestamp,
    /// From when on it counts no longer.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub ended_at: Option<Timestamp>,
}

/// Duties that nobody may hold together.
#[derive(Clone, Debug)]
pub struct DutyConflict {
    /// Its id.
    pub id: ConflictId,
    /// Its name and both sides.
    pub conflict: Conflict,
    /// Who declared it.
    pub made_by: AccountId,
    /// When it was declared.
    pub created_at: Timestamp,
    /// Until when it counted.
    pub ended_at: Option<Timestamp>,
}

/// A token without its secret.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// Its id.
    pub id: TokenId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// When it was revoked or used up.
    pub ended_at: Option<Timestamp>,
    /// The hour in which it was last used.
    pub used_at: Option<Timestamp>,
    /// The token that took its place.
    pub successor: Option<TokenId>,
}

/// A public key of an account.
#[derive(Clone, Debug)]
pub struct AccountKey {
    /// Its id, which follows from the key.
    pub id: AccountKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub thumbprint: [u8; 32],
    /// The DER SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// What people call it; may be empty.
    pub label: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

/// What an account may do, and the tokens that speak for it.
#[derive(Clone, Debug)]
pub struct Access {
    /// The account.
    pub account: Account,
    /// What its roles and bindings come to, within the scopes of the bindings.
    pub actions: Vec<Action>,
    /// How many bindings it has that count.
    pub bindings: usize,
    /// Its tokens that live.
    pub tokens: Vec<TokenInfo>,
}

/// A token just made.
pub struct MintedToken {
    /// What it is.
    pub info: TokenInfo,
    /// The token itself, to be shown once; absent when a request is repeated, for secrets are not kept.
    pub token: Option<Token>,
    /// The event of its making.
    pub receipt: Receipt,
}

/// A token and the one that took its place.
pub struct RotatedToken {
    /// The new one.
    pub successor: MintedToken,
    /// The old one, with its new end.
    pub replaced: TokenInfo,
}

/// A profile's version in force.
#[derive(Clone, Debug)]
pub struct ProfileVersion {
    /// Its version, from 1.
    pub version: u32,
    /// When this version was made.
    pub created_at: Timestamp,
    /// The profile.
    pub profile: Profile,
}

/// A certificate authority of the tenant.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its id.
    pub id: IssuerId,
    /// What it is.
    pub kind: AuthorityKind,
    /// The authority above it; `None` for a root, and for one that nobody has signed yet.
    pub parent: Option<IssuerId>,
    /// Its name.
    pub name: String,
    /// The names that it may issue for.
    pub permitted: Vec<NamePattern>,
    /// The kind of its key.
    pub key_algorithm: KeyAlgorithm,
    /// The random part of its public addresses.
    pub public: PublicId,
    /// Its certificate, DER, and what it says; `None` until somebody has signed it.
    pub certificate: Option<(Vec<u8>, CertificateSummary)>,
    /// The certification request, PEM, where somebody else signs.
    pub request: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: IssuerState,
    /// The first of the line of successors that it belongs to.
    pub line: IssuerId,
    /// When it retires by itself.
    pub retire_at: Option<Timestamp>,
}

/// A certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// Where it came from.
    pub origin: Origin,
    /// Its serial number.
    pub serial: Serial,
    /// Where it stands.
    pub status: CertificateStatus,
    /// When renewal becomes due.
    pub renew_at: Timestamp,
    /// Who holds the private key.
    pub custody: Custody,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its issuers from its own to below the root, DER.
    pub chain: Vec<Vec<u8>>,
    /// What it says.
    pub summary: CertificateSummary,
    /// The address of the CRL that would list it; an external one may name none.
    pub crl_url: Option<String>,
}

/// An order.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Where it stands.
    pub state: OrderState,
    /// The profile.
    pub profile: String,
    /// The profile's version that decided.
    pub policy_version: u32,
    /// Who asked.
    pub requester: AccountId,
    /// The certificate that came of it.
    pub certificate: Option<CertificateId>,
    /// What was asked.
    pub request: serde_json::Value,
    /// When it was asked.
    pub created_at: Timestamp,
}

/// A signer.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Its id.
    pub id: SignerId,
    /// Its name.
    pub name: SignerName,
    /// Where it stands.
    pub state: SignerState,
    /// The version of its profile that is in force.
    pub profile_version: u32,
    /// Its profile.
    pub profile: SigningProfile,
    /// How many signatures it made.
    pub signatures: i64,
    /// Its keys and chains, the one that signs first.
    pub versions: Vec<SignerVersion>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A version of a signer's key and chain.
#[derive(Clone, Debug)]
pub struct SignerVersion {
    /// Its number, from 1.
    pub version: u32,
    /// The certificate in the inventory, if it is there.
    pub certificate: Option<CertificateId>,
    /// The kind of its key.
    pub key_algorithm: KeyAlgorithm,
    /// Its certificate, and those that signed it, DER.
    pub chain: Vec<Vec<u8>>,
    /// What its certificate says.
    pub summary: CertificateSummary,
    /// When it was made.
    pub created_at: Timestamp,
    /// When another took its place; its key is erased since.
    pub retired_at: Option<Timestamp>,
}

/// The signatures of one request.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Its id.
    pub id: SignatureId,
    /// Who signed.
    pub signer: SignerName,
    /// Which version of its key and chain.
    pub signer_version: u32,
    /// The signing profile's version that decided.
    pub policy_version: u32,
    /// The form.
    pub format: Format,
    /// The kind of signature.
    pub algorithm: SignatureAlgorithm,
    /// Who asked.
    pub account: AccountId,
    /// SHA-256 of the signer's certificate.
    pub certificate: String,
    /// The event that recorded it.
    pub event: EventId,
    /// When.
    pub created_at: Timestamp,
    /// Until then nobody removes them; for ever, if nothing is said.
    pub kept_until: Option<Timestamp>,
    /// When they were removed, past their retention; their digests are left.
    pub disposed_at: Option<Timestamp>,
    /// What was signed, in the order of the request.
    pub documents: Vec<SignedDocument>,
    /// The document of which it is a version, if it is one.
    pub version_of: Option<VersionOf>,
    /// The event that took it back, if one did.
    pub withdrawn_by: Option<EventId>,
}

/// A document and its signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedDocument {
    /// What the requester called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its length in bytes, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its digest, `sha-256:9f86…`.
    pub digest: String,
    /// The signature, base64; empty when it was removed past its retention.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

/// Which version of which document something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionOf {
    /// The document.
    pub document: DocumentId,
    /// Its name.
    pub name: String,
    /// The version's number, from 1.
    pub version: u32,
    /// The version before it; `None` of the first, and of a version that is signed once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Superseded>,
}

/// A version that another one took the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Its number.
    pub version: u32,
    /// Its digest, `sha-256:9f86…`.
    pub digest: String,
}

/// An event of the audit log.
#[derive(Clone, Debug)]
pub struct EventEntry {
    /// Its id.
    pub id: EventId,
    /// Its leaf hash.
    pub leaf: [u8; 32],
    /// Its canonical JSON, which with its salt makes the leaf.
    pub canonical: String,
    /// Where it stands in the log, epoch and index; `None` in its first second.
    pub place: Option<(u32, u64)>,
}
