//! Built-in roles: named sets of actions. Tenant roles exist only in tenants, platform roles only on the platform.

use crate::TenantId;
use crate::action::Action::{self, *};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::short_name::{BadRoleName, RoleName};

/// A built-in role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sets up a tenant: accounts, issuers, profiles; and everything a DevOps does.
    TenantAdmin,
    /// Watches and stops: reads everything, revokes, disables accounts, tokens and signers, places and releases legal holds.
    SecurityLead,
    /// Issues, renews and revokes.
    Issuer,
    /// Has things signed, and sees signers and signatures; nothing else. For a build that signs what it made.
    Signer,
    /// Reads everything, the audit events included.
    Auditor,
    /// Reads certificates, orders, issuers, profiles, signers and signatures.
    Viewer,
    /// Runs the platform: registers, suspends and resumes tenants. No rights inside a tenant.
    Operator,
    /// Sees the register of tenants. No rights inside a tenant.
    Support,
}

const READ: &[Action] = &[TenantRead, IssuerRead, ProfileRead, CertificateRead, OrderRead, SignerRead, SignatureRead];

impl Role {
    /// All roles, for matrices and documents.
    pub const ALL: &'static [Self] =
        &[Self::TenantAdmin, Self::SecurityLead, Self::Issuer, Self::Signer, Self::Auditor, Self::Viewer, Self::Operator, Self::Support];

    /// The name used in requests, answers and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantAdmin => "tenant-admin",
            Self::SecurityLead => "security-lead",
            Self::Issuer => "issuer",
            Self::Signer => "signer",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Support => "support",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }

    /// Whether the role can be held in this realm: platform roles carry no rights inside a tenant, and the reverse.
    pub fn exists_in(self, tenant: TenantId) -> bool {
        matches!(self, Self::Operator | Self::Support) == (tenant == TenantId::PLATFORM)
    }

    /// Whether the role includes the action.
    pub fn permits(self, action: Action) -> bool {
        let more: &[Action] = match self {
            Self::TenantAdmin => &[
                AccountRead,
                AccountWrite,
                DutyWrite,
                OwnKeyWrite,
                RoleRead,
                RoleWrite,
                IssuerWrite,
                ProfileWrite,
                CertificateIssue,
                CertificateRenew,
                CertificateRevoke,
                CertificateImport,
                CertificateRemove,
                PrivateKeyRelease,
                SignerWrite,
                SignerDisable,
                SignatureCreate,
                SignatureWithdraw,
                SignatureRetain,
                HoldRead,
                HoldPlace,
                HoldRelease,
                ArchiveRead,
                ArchiveWrite,
                EventRead,
            ],
            Self::SecurityLead => &[
                AccountRead,
                AccountWrite,
                OwnKeyWrite,
                RoleRead,
                DutyWrite,
                CertificateRevoke,
                SignerDisable,
                SignatureWithdraw,
                SignatureRetain,
                HoldRead,
                HoldPlace,
                HoldRelease,
                ArchiveRead,
                EventRead,
            ],
            Self::Issuer => &[OwnKeyWrite, CertificateIssue, CertificateRenew, CertificateRevoke, CertificateImport, PrivateKeyRelease],
            Self::Signer => return matches!(action, TenantRead | OwnKeyWrite | SignerRead | SignatureCreate | SignatureRead),
            Self::Auditor => &[AccountRead, RoleRead, HoldRead, ArchiveRead, EventRead],
            Self::Viewer => &[],
            Self::Operator => return matches!(action, RegistryRead | RegistryWrite | AccountRead | AccountWrite | OwnKeyWrite | EventRead),
            Self::Support => return action == RegistryRead,
        };
        READ.contains(&action) || more.contains(&action)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_stands_in_both_realms() {
        for role in Role::ALL {
            let tenant = TenantId::from_bytes([7; 16]);
            assert_ne!(role.exists_in(tenant), role.exists_in(TenantId::PLATFORM), "{role}");
            let platform_role = role.exists_in(TenantId::PLATFORM);
            assert!(platform_role || !role.permits(RegistryRead) && !role.permits(RegistryWrite), "{role}");
            assert!(!platform_role || !role.permits(CertificateRead) && !role.permits(TenantRead), "{role}");
        }
    }
}
