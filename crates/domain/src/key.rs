//! Kinds of keys and who holds them.

use serde::{Deserialize, Serialize};

/// A kind of public key that a profile may allow and an issuer may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256 with SHA-256 (FIPS 186-5, RFC 5480).
    EcP256,
    /// ECDSA on NIST P-384 with SHA-384 (FIPS 186-5, RFC 5480).
    EcP384,
    /// Pure Ed25519 (RFC 8032, RFC 8410).
    Ed25519,
    /// RSA of exactly 2048 bits, PKCS#1 v1.5 with SHA-256 (RFC 8017); for subjects only.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA of exactly 3072 bits, PKCS#1 v1.5 with SHA-256 (RFC 8017).
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA of exactly 4096 bits, PKCS#1 v1.5 with SHA-256 (RFC 8017).
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    /// Pure ML-DSA-65 with an empty context (FIPS 204, RFC 9881).
    #[serde(rename = "ml-dsa-65")]
    MlDsa65,
}

impl KeyAlgorithm {
    /// Every kind.
    pub const ALL: [Self; 7] = [Self::EcP256, Self::EcP384, Self::Ed25519, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::MlDsa65];

    /// Every kind that today's verifiers know.
    pub const CLASSICAL: [Self; 6] = [Self::EcP256, Self::EcP384, Self::Ed25519, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// Those that an account's own keys are of: short, and with one signature algorithm each that HTTP signatures know.
    pub const OF_ACCOUNTS: [Self; 3] = [Self::Ed25519, Self::EcP256, Self::EcP384];

    /// The name used in profiles, answers and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
    /// Whether an authority may have a key of this kind. RSA-2048 has 112 bits of strength, which NIST SP 800-57 part 1 table 4
    /// allows to the end of 2030 only: too short for an authority's life.
    pub const fn may_issue(self) -> bool {
        !matches!(self, Self::Rsa2048)
    }
}

/// Who holds the private key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(KeyAlgorithm::from_name(algorithm.as_str()), Some(algorithm));
            // Events and profiles are stored with serde's name.
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
        let names = KeyAlgorithm::ALL.map(KeyAlgorithm::as_str);
        assert_eq!(names, ["ec-p256", "ec-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096", "ml-dsa-65"]);
        for stranger in ["", "EC-P256", "ec-p521", "rsa-1024", "rsa", "ml-dsa-44"] {
            assert_eq!(KeyAlgorithm::from_name(stranger), None, "{stranger}");
        }
        let issuers = KeyAlgorithm::ALL.into_iter().filter(|algorithm| !algorithm.may_issue());
        assert_eq!(issuers.collect::<Vec<_>>(), [KeyAlgorithm::Rsa2048]);
    }
}
