//! Kinds of keys and who holds them.

use serde::{Deserialize, Serialize};

/// A kind of public key that a profile may allow and an issuer may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256 with SHA-256 (FIPS 186-5, RFC 5480).
    EcP256,
}

impl KeyAlgorithm {
    /// The name used in profiles, answers and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p256",
        }
    }
}

/// Who holds the private key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Custody {
    /// The requester: Chancery sees only the certification request.
    Client,
    /// Chancery, sealed; given out by a fetch that may be repeated until its receipt is acknowledged, then erased.
    SoftwareReleaseOnce,
    /// Chancery, sealed; never given out.
    SoftwareNeverReleased,
}

impl Custody {
    /// The name used in profiles, answers and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::SoftwareReleaseOnce => "software-release-once",
            Self::SoftwareNeverReleased => "software-never-released",
        }
    }
    /// The custody with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Client, Self::SoftwareReleaseOnce, Self::SoftwareNeverReleased].into_iter().find(|c| c.as_str() == name)
    }
}
