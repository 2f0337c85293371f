//! Public keys, the port through which private keys sign, and the proof that the two belong together.

use crate::algorithm::{self, RefusedSignature, believed, signature_algorithm};
use crate::hash;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};
use chancery_domain::enforced;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{Digest, SignatureAlgorithm};
use der::Decode;
use spki::SubjectPublicKeyInfoRef;
use std::fmt;

/// A public key that was found sound: its form, its place on its curve, its modulus, and that nobody published it (THREATS 23).
#[derive(Clone)]
pub struct PublicKey {
    spki_der: Vec<u8>,
    algorithm: KeyAlgorithm,
    key_identifier: [u8; 20],
    verifier: ParsedPublicKey,
}

/// Why a `SubjectPublicKeyInfo` is refused. It is always its sender's mistake.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKey {
    /// Not DER, or bytes after its end.
    #[error("subjectPublicKeyInfo: not a DER SubjectPublicKeyInfo, or bytes follow it")]
    NotDer,
    /// A kind of key that is not offered.
    #[error("subjectPublicKeyInfo.algorithm: {0} is not supported, use EC on P-256 or P-384, Ed25519, ML-DSA-65, or RSA as rsaEncryption")]
    Algorithm(String),
    /// Other algorithm parameters than the one form that is defined.
    #[error("subjectPublicKeyInfo.algorithm.parameters: {0}")]
    Parameters(&'static str),
    /// EC parameters absent.
    #[error("subjectPublicKeyInfo.algorithm.parameters: absent, name the curve (RFC 5480 section 2.1.1)")]
    ImplicitCurve,
    /// Curve parameters written out (CVE-2020-0601).
    #[error("subjectPublicKeyInfo.algorithm.parameters: explicit curve parameters are refused, name the curve (RFC 5480 section 2.1.1)")]
    ExplicitCurve,
    /// Another curve.
    #[error("subjectPublicKeyInfo.algorithm.parameters: curve {0} is not supported, use P-256 or P-384")]
    Curve(String),
    /// A BIT STRING with unused bits.
    #[error("subjectPublicKeyInfo.subjectPublicKey: not a whole number of octets")]
    Bits,
    /// Compressed, hybrid, infinite or of the wrong length.
    #[error("subjectPublicKeyInfo.subjectPublicKey: not an uncompressed {curve} point of {octets} octets beginning with 04")]
    PointForm {
        /// The curve named.
        curve: &'static str,
        /// How long such a point is.
        octets: usize,
    },
    /// Not a point of the curve.
    #[error("subjectPublicKeyInfo.subjectPublicKey: the point is not on {0}")]
    NotOnCurve(&'static str),
    /// A key of fixed length that has another.
    #[error("subjectPublicKeyInfo.subjectPublicKey: {octets} octets, {algorithm} keys have {expected}")]
    Length {
        /// What it has.
        octets: usize,
        /// What it should have.
        expected: usize,
        /// The kind of key.
        algorithm: &'static str,
    },
    /// An Ed25519 key that is no usable point.
    #[error("subjectPublicKeyInfo.subjectPublicKey: {0} (Ed25519, RFC 8032 section 5.1)")]
    Edwards(&'static str),
    /// An RSA key that is no pair of positive numbers.
    #[error("subjectPublicKeyInfo.subjectPublicKey: not a DER RSAPublicKey of two positive numbers (RFC 8017 appendix A.1.1)")]
    RsaForm,
    /// An exponent that is even, too small or too large.
    #[error("subjectPublicKeyInfo.subjectPublicKey.publicExponent: must be odd, at least 65537 and below 2^33: use 65537")]
    Exponent,
    /// A modulus of another length.
    #[error("subjectPublicKeyInfo.subjectPublicKey.modulus: {0} bits, use 3072, 4096 or 2048")]
    ModulusLength(usize),
    /// A modulus that is no product of two large primes.
    #[error("subjectPublicKeyInfo.subjectPublicKey.modulus: divisible by {0}: what made this key is broken")]
    SmallFactor(u32),
    /// CVE-2017-15361.
    #[error(
        "subjectPublicKeyInfo.subjectPublicKey.modulus: has the form of the ROCA weakness (CVE-2017-15361), from which the private key \
         can be computed: make the key with other hardware or software"
    )]
    Roca,
    /// Its two primes lie next to each other.
    #[error(
        "subjectPublicKeyInfo.subjectPublicKey.modulus: its primes are so close that it is factored at once: what made this key is broken"
    )]
    CloseFactors,
    /// Its private half is published.
    #[error("subjectPublicKeyInfo: the private half of this key is publicly known: make a new key")]
    Compromised,
    /// The cryptographic library found something else wrong.
    #[error("subjectPublicKeyInfo.subjectPublicKey: refused by the cryptographic library")]
    Refused,
}

/// A signature that the key did not make over that message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the signature does not verify with this public key")]
pub struct BadSignature;

/// Why a signature of somebody else is not believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unverified {
    /// Its algorithm is refused, whatever the signature is worth.
    #[error("signatureAlgorithm: {0}")]
    Algorithm(#[from] RefusedSignature),
    /// Another kind of key makes such signatures.
    #[error("a key of kind {key} makes no {algorithm} signatures: one of the two is wrongly named")]
    Kind {
        /// What the signature was said to be.
        algorithm: &'static str,
        /// The kind of key.
        key: &'static str,
    },
    /// Another digest than the one that such signatures are made over.
    #[error("{algorithm} signatures are not made over a {digest} digest")]
    Digest {
        /// What the signature was said to be.
        algorithm: &'static str,
        /// The digest that was given.
        digest: &'static str,
    },
    /// It does not verify.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

/// Why something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's custodian could not sign now; the same bytes may be signed again later (I5).
    #[error("the key's provider could not sign: {0}")]
    Provider(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller brought another issuer's key.
    #[error("the signing key is not the issuer's key: load the key that belongs to the issuer certificate")]
    WrongKey,
    /// What the provider returned is no signature of the key's kind, or was not made over these bytes.
    #[error("the key's provider returned a signature that does not hold: check the provider and its key")]
    BadSignature,
    /// What was assembled is not what was linted. Nothing was given out.
    #[error("the signed document is not what was prepared: this is a fault of the program, report it")]
    Altered,
}

/// A private key, wherever it is kept. It makes the one kind of signature that goes with its kind of key ([`KeyAlgorithm`]); those
/// with ECDSA are DER `SEQUENCE { r, s }`.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> &PublicKey;
    /// Signs the message (not its digest).
    ///
    /// # Errors
    /// [`SignError::Provider`] if the custodian refuses or cannot be reached.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

impl PublicKey {
    /// From a DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) without anything after it.
    ///
    /// # Errors
    /// [`BadKey`] naming the field.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, BadKey> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| BadKey::NotDer)?;
        let (algorithm, verifier) = algorithm::parse_key(&spki)?;
        if algorithm::is_compromised(der) && enforced!("key.compromised") {
            return Err(BadKey::Compromised);
        }
        // RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the BIT STRING's value.
        let hash = digest(&SHA256, spki.subject_public_key.raw_bytes());
        let mut key_identifier = [0; 20];
        key_identifier.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self { spki_der: der.to_vec(), algorithm, key_identifier, verifier })
    }
    /// The DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }
    /// What identifies the secret of a key that need not be sound: the modulus of RSA whatever the exponent; on a curve what a point
    /// and its negative share, for who has the scalar of the one has that of the other; for other keys all of it.
    pub fn secret_identifier(spki_der: &[u8]) -> Vec<u8> {
        SubjectPublicKeyInfoRef::from_der(spki_der)
            .ok()
            .and_then(|spki| algorithm::secret_identifier(&spki))
            .unwrap_or_else(|| spki_der.to_vec())
    }
    /// Its kind.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }
    /// Its identifier: RFC 7093 section 2, method 1.
    pub const fn key_identifier(&self) -> &[u8; 20] {
        &self.key_identifier
    }
    /// Checks a signature over `message`.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verifier.verify_sig(message, signature).map_err(|_| BadSignature)
    }
    /// Checks a signature of somebody else over `message`, made with the algorithm of this encoded `AlgorithmIdentifier`.
    ///
    /// # Errors
    /// [`Unverified`] says whether the algorithm or the signature is at fault.
    pub fn verify_identified(&self, algorithm_der: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Unverified> {
        // The usual case has its key parsed already.
        if algorithm_der == signature_algorithm(self.algorithm) {
            return Ok(self.verify(message, signature)?);
        }
        let scheme = believed(self.algorithm, algorithm_der)?;
        Ok(scheme.verify_sig(self.bits()?, message, signature).map_err(|_| BadSignature)?)
    }
    /// Checks a signature of this kind over `message`. With ECDSA it is strict DER, r and s positive and minimal.
    ///
    /// # Errors
    /// [`Unverified::Kind`] if such keys make no such signatures, whatever the signature is worth (THREATS 22).
    pub fn verify_as(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), Unverified> {
        let scheme = self.scheme(algorithm)?;
        Ok(scheme.verify_sig(self.bits()?, message, signature).map_err(|_| BadSignature)?)
    }
    /// Checks a signature of this kind over a message of which only the digest is known.
    ///
    /// # Errors
    /// As [`PublicKey::verify_as`], and [`Unverified::Digest`] if such signatures are not made over such a digest: Ed25519 and ML-DSA
    /// are made over the message itself.
    pub fn verify_digest_as(&self, algorithm: SignatureAlgorithm, digest: &Digest, signature: &[u8]) -> Result<(), Unverified> {
        let scheme = self.scheme(algorithm)?;
        if algorithm.digest() != Some(digest.algorithm()) {
            return Err(Unverified::Digest { algorithm: algorithm.as_str(), digest: digest.algorithm().as_str() });
        }
        let imported = aws_lc_rs::digest::Digest::import_less_safe(digest.as_bytes(), hash::library(digest.algorithm()));
        let imported = imported.map_err(|_| BadSignature)?;
        Ok(scheme.verify_digest_sig(self.bits()?, &imported, signature).map_err(|_| BadSignature)?)
    }
    fn scheme(&self, algorithm: SignatureAlgorithm) -> Result<&'static dyn VerificationAlgorithm, Unverified> {
        let fits = algorithm.fits(self.algorithm);
        let refused = || Unverified::Kind { algorithm: algorithm.as_str(), key: self.algorithm.as_str() };
        if fits { Ok(algorithm::verification(algorithm)) } else { Err(refused()) }
    }
    fn bits(&self) -> Result<&[u8], BadSignature> {
        let spki = SubjectPublicKeyInfoRef::from_der(&self.spki_der).map_err(|_| BadSignature)?;
        Ok(spki.subject_public_key.raw_bytes())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki_der == other.spki_der
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} ", self.algorithm.as_str())?;
        self.key_identifier.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str(")")
    }
}

/// What [`prove_key_pair`] has signed: no certificate, request or list begins like this.
const PROOF: &[u8] = b"chancery: this key signs for its public half";

/// Proves that a signer's private key belongs to its public key. To be called once when an issuer's key is loaded:
/// signatures of leaf certificates are then not verified one by one.
///
/// # Errors
/// The provider's error, or [`SignError::BadSignature`] if the halves do not belong together.
pub fn prove_key_pair(signer: &dyn Signer) -> Result<(), SignError> {
    let signature = signer.sign(PROOF)?;
    let proved = signer.public_key().verify(PROOF, &signature);
    if enforced!("sign.key-pair") { proved.map_err(|_| SignError::BadSignature) } else { Ok(()) }
}
