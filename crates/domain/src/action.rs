//! What a principal may be allowed to do. Each action is also a type, so that a permit names it (I2).

use crate::TenantId;
use crate::role::Role;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An action as a type: what a `Permit<A>` is for.
pub trait Act: Send + Sync + 'static {
    /// The same action as a value.
    const ACTION: Action;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal)*) => {
        /// Every action there is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $name),* }

        impl Action {
            /// All actions, for matrices and documents.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The name used in roles, events and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        $($(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Act for $name { const ACTION: Action = Action::$name; })*
    };
}

impl Action {
    /// The action of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == name)
    }

    /// Whether it can be held in this realm: as one of its built-in roles has it.
    pub fn exists_in(self, tenant: TenantId) -> bool {
        Role::ALL.iter().any(|role| role.exists_in(tenant) && role.permits(self))
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom(format!("no action is called {name:?}")))
    }
}

actions! {
    /// See the tenant's own record: status, plan, use of quota.
    TenantRead = "tenant:read"
    /// See accounts and their tokens' dates.
    AccountRead = "account:read"
    /// Create, disable accounts; mint and revoke their tokens; register and end the keys that sign their requests.
    AccountWrite = "account:write"
    /// Register approver keys of one's own, see and end one's own keys.
    OwnKeyWrite = "own-key:write"
    /// See the tenant's own roles, who holds which, and which duties are kept apart.
    RoleRead = "role:read"
    /// Make and change roles, and bind accounts to them.
    RoleWrite = "role:write"
    /// Say which duties nobody may hold together.
    DutyWrite = "duty:write"
    /// See issuers, their chains and CRLs.
    IssuerRead = "issuer:read"
    /// Create issuers.
    IssuerWrite = "issuer:write"
    /// See profiles.
    ProfileRead = "profile:read"
    /// Change profiles.
    ProfileWrite = "profile:write"
    /// See and search certificates.
    CertificateRead = "certificate:read"
    /// Ask for certificates.
    CertificateIssue = "certificate:issue"
    /// Renew certificates.
    CertificateRenew = "certificate:renew"
    /// Revoke certificates.
    CertificateRevoke = "certificate:revoke"
    /// Take existing certificates into the inventory.
    CertificateImport = "certificate:import"
    /// Remove certificates of others from the inventory.
    CertificateRemove = "certificate:remove"
    /// Fetch, and acknowledge, a private key made here.
    PrivateKeyRelease = "private-key:release"
    /// See orders.
    OrderRead = "order:read"
    /// See signers, their chains and profiles.
    SignerRead = "signer:read"
    /// Create, change, roll and enable signers.
    SignerWrite = "signer:write"
    /// Stop a signer.
    SignerDisable = "signer:disable"
    /// Have something signed.
    SignatureCreate = "signature:create"
    /// See signatures.
    SignatureRead = "signature:read"
    /// Take signatures back.
    SignatureWithdraw = "signature:withdraw"
    /// Have signatures kept longer.
    SignatureRetain = "signature:retain"
    /// See legal holds.
    HoldRead = "hold:read"
    /// Place legal holds.
    HoldPlace = "hold:place"
    /// Release legal holds.
    HoldRelease = "hold:release"
    /// See where the archive is and how it stands.
    ArchiveRead = "archive:read"
    /// Say where the archive is.
    ArchiveWrite = "archive:write"
    /// Read the audit events.
    EventRead = "event:read"
    /// See the register of tenants (platform only).
    RegistryRead = "registry:read"
    /// Create, suspend, resume tenants (platform only).
    RegistryWrite = "registry:write"
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
