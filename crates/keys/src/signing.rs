//! Private keys in this process: ECDSA, Ed25519, RSA and ML-DSA. Each kind has a usual signature, RSA another one.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    ML_DSA_65_SIGNING, PqdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Entropy;
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use zeroize::Zeroizing;

/// RFC 5208 PrivateKeyInfo around an RFC 5915 ECPrivateKey on P-256, up to its 32 bytes; the public key is left to be
/// computed.
const P256_HEAD: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// The same on P-384, up to its 48 bytes.
const P384_HEAD: [u8; 32] = [
    0x30, 0x4e, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x04, 0x37, 0x30, 0x35, 0x02, 0x01, 0x01, 0x04, 0x30,
];

/// Ed25519 and ML-DSA-65 keys are made from this many random bytes (RFC 8032 section 5.1.5, FIPS 204 section 5.1).
const SEED: usize = 32;

/// A parsed private key: kept, so that a signature costs no parsing. Not printable (I9); erased when dropped.
pub struct SoftwareKey {
    algorithm: KeyAlgorithm,
    pair: Pair,
    spki: Vec<u8>,
}

/// The library's own key pairs.
enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    MlDsa(PqdsaKeyPair),
}

/// Why a private key could not be made or used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SigningError {
    /// Not a private key of a kind that is offered.
    #[error(
        "not a private key in PKCS#8 DER: give the unencrypted PKCS#8 form of a P-256, P-384, Ed25519, ML-DSA-65 or RSA key of 2048, \
         3072 or 4096 bits"
    )]
    NotAKey,
    /// The source of randomness gives the same unusable bytes again and again.
    #[error("the source of randomness is broken: no private key can be made from it")]
    Entropy,
    /// The key does not make such signatures, or not of a digest.
    #[error("the key makes no such signature")]
    Unfit,
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed: nothing can be signed in this process")]
    Cipher,
}

impl From<Unspecified> for SigningError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}

impl SoftwareKey {
    /// A new P-256 key and its PKCS#8 DER; see [`Self::generate_as`].
    pub fn generate(entropy: &dyn Entropy) -> Result<(Self, Zeroizing<Vec<u8>>), SigningError> {
        Self::generate_as(KeyAlgorithm::EcP256, entropy)
    }

    /// A new key of this kind and its PKCS#8 DER (RFC 5208), which is to be sealed and nothing else: an elliptic key with its
    /// public key, ML-DSA-65 as its seed alone (RFC 9881 section 6). RSA takes about a second; its primes come from the library's
    /// own generator, which can be given no randomness, everything else from `entropy` (I10).
    pub fn generate_as(algorithm: KeyAlgorithm, entropy: &dyn Entropy) -> Result<(Self, Zeroizing<Vec<u8>>), SigningError> {
        let pair = match algorithm {
            KeyAlgorithm::EcP256 => draw_elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING, &P256_HEAD, 32, entropy)?,
            KeyAlgorithm::EcP384 => draw_elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING, &P384_HEAD, 48, entropy)?,
            KeyAlgorithm::Ed25519 => from_seed(entropy, Ed25519KeyPair::from_seed_unchecked).map(Pair::Ed25519)?,
            KeyAlgorithm::MlDsa65 => from_seed(entropy, |seed| PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, seed)).map(Pair::MlDsa)?,
            KeyAlgorithm::Rsa2048 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            KeyAlgorithm::Rsa3072 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa3072)?),
            KeyAlgorithm::Rsa4096 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa4096)?),
        };
        let pkcs8 = pair.to_pkcs8()?;
        Ok((Self::new(algorithm, pair)?, pkcs8))
    }

    /// From PKCS#8 DER. The library checks that the numbers are in range and that a public key, if given, belongs to them.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der) {
            return Self::new(KeyAlgorithm::EcP256, Pair::Ecdsa(pair));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, der) {
            return Self::new(KeyAlgorithm::EcP384, Pair::Ecdsa(pair));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Self::new(KeyAlgorithm::Ed25519, Pair::Ed25519(pair));
        }
        if let Ok(pair) = PqdsaKeyPair::from_pkcs8(&ML_DSA_65_SIGNING, der) {
            return Self::new(KeyAlgorithm::MlDsa65, Pair::MlDsa(pair));
        }
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| SigningError::NotAKey)?;
        let algorithm = rsa_size(pair.public_key().modulus().big_endian_without_leading_zero()).ok_or(SigningError::NotAKey)?;
        Self::new(algorithm, Pair::Rsa(pair))
    }

    fn new(algorithm: KeyAlgorithm, pair: Pair) -> Result<Self, SigningError> {
        let spki = pair.spki()?.as_ref().to_vec();
        Ok(Self { algorithm, pair, spki })
    }

    /// Its kind.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The public key as SubjectPublicKeyInfo DER (RFC 5480, RFC 8410, RFC 3279 section 2.3.1, RFC 9881).
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Signs `message` as keys of its kind usually do: see [`SignatureAlgorithm::usual`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.sign_as(SignatureAlgorithm::usual(self.algorithm), message)
    }

    /// Signs `message`; what the bytes are, [`SignatureAlgorithm`] says.
    ///
    /// # Errors
    /// [`SigningError::Unfit`] if its kind makes no such signature.
    pub fn sign_as(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match (self.fit(algorithm)?, algorithm.digest()) {
            (pair, Some(hashed)) => pair.sign_digest(algorithm, &digest::digest(library(hashed), message)),
            (pair, None) => pair.sign_message(message),
        }
    }

    /// Signs the message that has this digest: the very same as over the message.
    ///
    /// # Errors
    /// [`SigningError::Unfit`] if its kind makes no such signature, or the digest is not the one that it is made over.
    pub fn sign_digest(&self, algorithm: SignatureAlgorithm, digest: &Digest) -> Result<Vec<u8>, SigningError> {
        let pair = self.fit(algorithm)?;
        if algorithm.digest() != Some(digest.algorithm()) {
            return Err(SigningError::Unfit);
        }
        pair.sign_digest(algorithm, &digest::Digest::import_less_safe(digest.as_bytes(), library(digest.algorithm()))?)
    }

    fn fit(&self, algorithm: SignatureAlgorithm) -> Result<&Pair, SigningError> {
        if algorithm.fits(self.algorithm) { Ok(&self.pair) } else { Err(SigningError::Unfit) }
    }
}

const fn library(algorithm: DigestAlgorithm) -> &'static digest::Algorithm {
    match algorithm {
        DigestAlgorithm::Sha256 => &digest::SHA256,
        DigestAlgorithm::Sha384 => &digest::SHA384,
        DigestAlgorithm::Sha512 => &digest::SHA512,
    }
}

impl Pair {
    fn sign_digest(&self, algorithm: SignatureAlgorithm, digest: &digest::Digest) -> Result<Vec<u8>, SigningError> {
        let padding: &'static dyn RsaEncoding = match algorithm {
            SignatureAlgorithm::RsaPssSha256 => &RSA_PSS_SHA256,
            _ => &RSA_PKCS1_SHA256,
        };
        match self {
            Self::Ecdsa(pair) => Ok(pair.sign_digest(digest)?.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(padding, digest, &mut signature)?;
                Ok(signature)
            }
            Self::Ed25519(_) | Self::MlDsa(_) => Err(SigningError::Unfit),
        }
    }

    fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Self::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature)?;
                signature.truncate(length);
                Ok(signature)
            }
            Self::Ecdsa(_) | Self::Rsa(_) => Err(SigningError::Unfit),
        }
    }

    fn spki(&self) -> Result<PublicKeyX509Der<'_>, Unspecified> {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::MlDsa(pair) => pair.public_key().as_der(),
        }
    }
    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let copied = |document: &[u8]| Zeroizing::new(document.to_vec());
        match self {
            Self::Ecdsa(pair) => pair.to_pkcs8v1().map(|document| copied(document.as_ref())),
            // Version 1: version 2 (RFC 5958) is not read by older OpenSSL.
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|document| copied(document.as_ref())),
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|document| copied(document.as_ref())),
            Self::MlDsa(pair) => pair.to_pkcs8v1().map(|document| copied(document.as_ref())),
        }
    }
}

fn draw_elliptic(curve: &'static EcdsaSigningAlgorithm, head: &[u8], length: usize, entropy: &dyn Entropy) -> Result<Pair, SigningError> {
    // A random number is not below the group's order with probability 2^-32 at most (FIPS 186-5 A.2.2: draw again).
    const DRAWS: usize = 8;
    let draw = || {
        let mut scalar = Zeroizing::new(vec![0; length]);
        entropy.fill(&mut scalar);
        let pkcs8 = Zeroizing::new([head, &scalar].concat());
        let public = EcdsaKeyPair::from_pkcs8(curve, &pkcs8).ok()?;
        // Made again from both parts: a pair that was read without its public key is also written without it.
        EcdsaKeyPair::from_private_key_and_public_key(curve, &scalar, public.public_key().as_ref()).ok()
    };
    (0..DRAWS).find_map(|_| draw()).map(Pair::Ecdsa).ok_or(SigningError::Entropy)
}

fn from_seed<T>(entropy: &dyn Entropy, make: impl FnOnce(&[u8]) -> Result<T, KeyRejected>) -> Result<T, SigningError> {
    let mut seed = Zeroizing::new([0; SEED]);
    entropy.fill(seed.as_mut_slice());
    // Every seed is a key; a source that has nothing to give is recognised by what it left as it was.
    if *seed == [0; SEED] {
        return Err(SigningError::Entropy);
    }
    make(seed.as_slice()).map_err(|_| SigningError::Cipher)
}

/// The kind of an RSA key by the exact length of its modulus.
fn rsa_size(modulus: &[u8]) -> Option<KeyAlgorithm> {
    let whole = modulus.first().is_some_and(|first| first & 0x80 != 0);
    match modulus.len() {
        256 if whole => Some(KeyAlgorithm::Rsa2048),
        384 if whole => Some(KeyAlgorithm::Rsa3072),
        512 if whole => Some(KeyAlgorithm::Rsa4096),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
