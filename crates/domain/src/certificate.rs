//! A certificate's life: where it came from, and after.

use crate::{IssuerId, OrderId, enforced};
use serde::{Deserialize, Serialize};

/// Where a certificate came from, and so who can do what to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Issued here.
    Issued {
        /// The order that it came of.
        order: OrderId,
        /// Who signed it.
        issuer: IssuerId,
        /// The profile's name.
        profile: String,
    },
    /// Taken in, and signed by an issuer of the tenant, elsewhere or before: it can be revoked here. Without a profile it is not
    /// renewed.
    Imported {
        /// Who signed it.
        issuer: IssuerId,
    },
    /// Taken in, and signed by somebody else, who alone can revoke it.
    External,
}

impl Origin {
    /// The name used in answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "issued",
            Self::Imported { .. } => "imported",
            Self::External => "external",
        }
    }
    /// The tenant's issuer that signed it.
    pub const fn issuer(&self) -> Option<IssuerId> {
        match self {
            Self::Issued { issuer, .. } | Self::Imported { issuer } => Some(*issuer),
            Self::External => None,
        }
    }
    /// The order that it came of.
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Issued { order, .. } => Some(*order),
            Self::Imported { .. } | Self::External => None,
        }
    }
    /// The profile's name.
    pub fn profile(&self) -> Option<&str> {
        match self {
            Self::Issued { profile, .. } => Some(profile),
            Self::Imported { .. } | Self::External => None,
        }
    }
}

/// A move that the state machine does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is {from} and cannot become {to}")]
pub struct IllegalMove {
    /// Where it stands.
    pub from: &'static str,
    /// Where it should have gone.
    pub to: &'static str,
}

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateStatus {
    /// Valid as far as the issuer knows.
    Issued,
    /// Valid still, and replaced by a newer one.
    Renewed,
    /// Revoked: in the CRL until it expires.
    Revoked,
    /// Its time is over.
    Expired,
}

impl CertificateStatus {
    /// All, for documents and tests.
    pub const ALL: &'static [Self] = &[Self::Issued, Self::Renewed, Self::Revoked, Self::Expired];

    /// The name used in columns, events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Renewed => "renewed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }
    /// Whether it counts against the quota of live certificates.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Issued | Self::Renewed)
    }
    /// Moves on, or says why not.
    pub fn advance(self, to: Self) -> Result<Self, IllegalMove> {
        use CertificateStatus::*;
        match (self, to) {
            (Issued, Renewed | Revoked | Expired) | (Renewed, Revoked | Expired) => Ok(to),
            _ if !enforced!("state.certificate") => Ok(to),
            _ => Err(IllegalMove { from: self.as_str(), to: to.as_str() }),
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal)*) => {
        /// Why a certificate was revoked (RFC 5280 section 5.3.1). Hold and removal from CRL are not offered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum RevocationReason { $($(#[$doc])* $name = $code),* }

        impl RevocationReason {
            /// All, for documents and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The name used in requests and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
            /// The CRLReason code.
            pub const fn code(self) -> u8 {
                self as u8
            }
            /// The reason with this code.
            pub fn from_code(code: i64) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| i64::from(reason.code()) == code)
            }
        }
    };
}

reasons! {
    /// No reason given.
    Unspecified = 0 "unspecified"
    /// The private key is, or may be, known to somebody else.
    KeyCompromise = 1 "key-compromise"
    /// A name in it is no longer right.
    AffiliationChanged = 3 "affiliation-changed"
    /// A newer certificate took its place.
    Superseded = 4 "superseded"
    /// Its purpose is over.
    CessationOfOperation = 5 "cessation-of-operation"
    /// It should not have been issued, or a privilege was taken back.
    PrivilegeWithdrawn = 9 "privilege-withdrawn"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoked_stays_revoked() {
        for to in CertificateStatus::ALL {
            assert!(CertificateStatus::Revoked.advance(*to).is_err());
        }
    }
}
