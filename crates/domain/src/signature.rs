//! Signatures that tenants have made: algorithms, digests and formats.

use crate::key::KeyAlgorithm;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A kind of signature. Each goes with one kind of key, and with one digest where it signs a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SignatureAlgorithm {
    /// ECDSA on NIST P-256 with SHA-256 (FIPS 186-5), as Ecdsa-Sig-Value DER (RFC 3279 section 2.2.3).
    EcdsaP256Sha256,
    /// ECDSA on NIST P-384 with SHA-384 (FIPS 186-5), as Ecdsa-Sig-Value DER.
    EcdsaP384Sha384,
    /// Pure Ed25519 (RFC 8032): over the message, not over a digest of it.
    Ed25519,
    /// RSA PKCS#1 v1.5 with SHA-256 (RFC 8017 section 8.2).
    RsaPkcs1Sha256,
    /// RSA PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017 section 8.1).
    RsaPssSha256,
    /// Pure ML-DSA-65 with an empty context (FIPS 204): over the message, not over a digest of it.
    #[serde(rename = "ml-dsa-65")]
    MlDsa65,
}

impl SignatureAlgorithm {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::EcdsaP256Sha256, Self::EcdsaP384Sha384, Self::Ed25519, Self::RsaPkcs1Sha256, Self::RsaPssSha256, Self::MlDsa65];

    /// The name used in requests, answers and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::EcdsaP384Sha384 => "ecdsa-p384-sha384",
            Self::Ed25519 => "ed25519",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
    /// The digest that is signed; `None` where the message itself is.
    pub const fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => Some(DigestAlgorithm::Sha256),
            Self::EcdsaP384Sha384 => Some(DigestAlgorithm::Sha384),
            Self::Ed25519 | Self::MlDsa65 => None,
        }
    }
    /// Whether a key of this kind makes such signatures.
    pub const fn fits(self, key: KeyAlgorithm) -> bool {
        match self {
            Self::EcdsaP256Sha256 => matches!(key, KeyAlgorithm::EcP256),
            Self::EcdsaP384Sha384 => matches!(key, KeyAlgorithm::EcP384),
            Self::Ed25519 => matches!(key, KeyAlgorithm::Ed25519),
            Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => {
                matches!(key, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096)
            }
            Self::MlDsa65 => matches!(key, KeyAlgorithm::MlDsa65),
        }
    }
    /// What a key of this kind makes where nothing else is asked for.
    pub const fn usual(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::EcP256 => Self::EcdsaP256Sha256,
            KeyAlgorithm::EcP384 => Self::EcdsaP384Sha384,
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => Self::RsaPkcs1Sha256,
            KeyAlgorithm::MlDsa65 => Self::MlDsa65,
        }
    }
}

/// A digest that signatures are made over (FIPS 180-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DigestAlgorithm {
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha-512")]
    Sha512,
}

impl DigestAlgorithm {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name used in requests, answers and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
    /// How many bytes it has.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A digest of a document, of the length of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    bytes: Vec<u8>,
}

/// A digest of the wrong length.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a {} digest has {} bytes, not {found}", .algorithm.as_str(), .algorithm.length())]
pub struct BadDigest {
    /// What it was said to be.
    pub algorithm: DigestAlgorithm,
    /// How many bytes were given.
    pub found: usize,
}

impl Digest {
    /// A digest of this kind.
    ///
    /// # Errors
    /// [`BadDigest`] if it has another length.
    pub fn new(algorithm: DigestAlgorithm, bytes: impl Into<Vec<u8>>) -> Result<Self, BadDigest> {
        let bytes = bytes.into();
        if bytes.len() == algorithm.length() { Ok(Self { algorithm, bytes }) } else { Err(BadDigest { algorithm, found: bytes.len() }) }
    }
    /// Its kind.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A text that is no digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a digest is written sha-256:, sha-384: or sha-512: and as many lower-case hexadecimal digits as it has")]
pub struct NotADigest;

/// `sha-256:9f86…`, one text for one digest.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        let digits: String = self.bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        write!(f, "{}:{digits}", self.algorithm.as_str())
    }
}

impl FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let (name, digits) = text.split_once(':').ok_or(NotADigest)?;
        let algorithm = DigestAlgorithm::from_name(name).ok_or(NotADigest)?;
        let nibble = |digit: &u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NotADigest),
        };
        let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return Err(NotADigest) };
        let bytes: Result<Vec<_>, _> = pairs.iter().map(|[high, low]| Ok(nibble(high)? << 4 | nibble(low)?)).collect();
        Self::new(algorithm, bytes?).map_err(|_| NotADigest)
    }
}

/// The form of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The bare signature.
    Raw,
    /// JSON Web Signature (RFC 7515).
    Jws,
    /// CMS SignedData (RFC 5652) with the attributes of CAdES baseline (ETSI EN 319 122-1).
    Cms,
    /// PDF with a CAdES signature in it (ETSI EN 319 142-1).
    Pades,
    /// Windows PE (Authenticode).
    Authenticode,
    /// Java archive.
    Jar,
    /// Dead Simple Signing Envelope, for in-toto statements.
    Dsse,
    /// Sigstore bundle, version 0.3.
    Sigstore,
    /// Timestamp token (RFC 3161).
    Timestamp,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 9] =
        [Self::Raw, Self::Jws, Self::Cms, Self::Pades, Self::Authenticode, Self::Jar, Self::Dsse, Self::Sigstore, Self::Timestamp];

    /// The name used in requests, answers and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Jws => "jws",
            Self::Cms => "cms",
            Self::Pades => "pades",
            Self::Authenticode => "authenticode",
            Self::Jar => "jar",
            Self::Dsse => "dsse",
            Self::Sigstore => "sigstore",
            Self::Timestamp => "timestamp",
        }
    }
    /// The form with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
    /// Whether a timestamp over the signature goes into it.
    pub const fn carries_timestamp(self) -> bool {
        matches!(self, Self::Cms | Self::Jar | Self::Pades | Self::Authenticode | Self::Sigstore)
    }
}

/// How a JSON Web Signature is written; what is signed is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum JwsSyntax {
    /// Three parts with full stops between them (RFC 7515 section 7.1).
    #[default]
    Compact,
    /// A JSON object with one signature (section 7.2.2).
    Flattened,
    /// A JSON object with an array of signatures, of which one is made (section 7.2.1).
    General,
}

impl JwsSyntax {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Compact, Self::Flattened, Self::General];

    /// The name used in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Flattened => "flattened",
            Self::General => "general",
        }
    }
    /// The way with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|syntax| syntax.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(SignatureAlgorithm::from_name(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
        for algorithm in DigestAlgorithm::ALL {
            assert_eq!(DigestAlgorithm::from_name(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.as_str()), Some(format));
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
        }
        for syntax in JwsSyntax::ALL {
            assert_eq!(JwsSyntax::from_name(syntax.as_str()), Some(syntax));
            assert_eq!(serde_json::to_value(syntax).unwrap(), syntax.as_str());
        }
    }

    #[test]
    fn each_kind_of_key_makes_its_own_signatures() {
        for key in KeyAlgorithm::ALL {
            let made: Vec<_> = SignatureAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.fits(key)).collect();
            assert_eq!(made.first(), Some(&SignatureAlgorithm::usual(key)), "{key:?}");
            assert_eq!(made.len(), if key.as_str().starts_with("rsa") { 2 } else { 1 }, "{key:?}");
        }
    }

    #[test]
    fn a_digest_has_the_length_of_its_kind() {
        for (algorithm, length) in [(DigestAlgorithm::Sha256, 32), (DigestAlgorithm::Sha384, 48), (DigestAlgorithm::Sha512, 64)] {
            assert!(Digest::new(algorithm, vec![0; length]).is_ok());
            for found in [0, length - 1, length + 1] {
                assert_eq!(Digest::new(algorithm, vec![0; found]), Err(BadDigest { algorithm, found }));
            }
        }
    }

    #[test]
    fn a_digest_has_one_text() {
        let text = format!("sha-256:{}", "0f".repeat(32));
        let digest: Digest = text.parse().unwrap();
        assert_eq!((digest.to_string(), digest.as_bytes()), (text.clone(), &[15; 32][..]));
        for bad in ["", "sha-256:", &text[8..], &text[..70], &format!("{text}0"), &format!("{text}00"), &text.to_uppercase(), "md5:00"] {
            assert_eq!(bad.parse::<Digest>(), Err(NotADigest), "{bad}");
        }
        assert!(text.replace("0f", "0F").parse::<Digest>().is_err());
    }
}
