//! Keys of accounts: what each is for, its id, and the statement that proves who holds it.

use crate::{AccountId, AccountKeyId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an account's key is for. A key has one purpose for ever, so that what it signs is never taken for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyPurpose {
    /// Signs the account's requests (RFC 9421) and so is its credential.
    Request,
    /// Signs approvals. It is no credential.
    Approve,
}

impl KeyPurpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::Request, Self::Approve];

    /// The name used in requests, answers, events and statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Approve => "approve",
        }
    }
    /// The purpose with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

impl fmt::Display for KeyPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AccountKeyId {
    /// The id of the key whose SubjectPublicKeyInfo has this SHA-256: UUID version 8 (RFC 9562 section 5.8) of its first bytes. It
    /// follows from the key, so that a tenant has a key once, and whoever has the key knows its id.
    pub const fn of_thumbprint(thumbprint: &[u8; 32]) -> Self {
        let (head, _) = thumbprint.split_at(16);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(head);
        Self::from_bytes(uuid::Builder::from_custom_bytes(bytes).into_uuid().into_bytes())
    }
}

/// What a key signs to be registered: that it is to be this account's, for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStatement {
    /// In which tenant.
    pub tenant: TenantId,
    /// Whose key it is to be.
    pub account: AccountId,
    /// For what.
    pub purpose: KeyPurpose,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub thumbprint: [u8; 32],
    /// When it was said.
    pub stated_at: Timestamp,
}

/// The bytes that are signed: six lines, each ending in a line feed. No other document begins like the first.
impl fmt::Display for KeyStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, account, purpose, thumbprint, stated_at } = self;
        writeln!(f, "chancery account key statement v1\ntenant {tenant}\naccount {account}\npurpose {purpose}")?;
        f.write_str("key sha-256:")?;
        thumbprint.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        writeln!(f, "\nstated-at {stated_at}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_one_text() {
        let statement = KeyStatement {
            tenant: TenantId::from_bytes([1; 16]),
            account: AccountId::from_bytes([2; 16]),
            purpose: KeyPurpose::Approve,
            thumbprint: [0xab; 32],
            stated_at: Timestamp::from_seconds(1_800_000_000),
        };
        let expected = format!(
            "chancery account key statement v1\ntenant 01010101-0101-0101-0101-010101010101\n\
             account 02020202-0202-0202-0202-020202020202\npurpose approve\nkey sha-256:{}\nstated-at 2027-01-15T08:00:00Z\n",
            "ab".repeat(32)
        );
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn an_id_follows_from_the_key() {
        assert_eq!(AccountKeyId::of_thumbprint(&[0xff; 32]).to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        for purpose in KeyPurpose::ALL {
            assert_eq!(KeyPurpose::from_name(purpose.as_str()), Some(purpose));
        }
    }
}
