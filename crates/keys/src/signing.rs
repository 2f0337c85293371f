//! Private keys in this process: ECDSA on P-256 with SHA-256 (FIPS 186-5).

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use chancery_domain::port::Entropy;
use zeroize::Zeroizing;

/// RFC 5208 PrivateKeyInfo around an RFC 5915 ECPrivateKey on P-256, up to its 32 bytes; the public key is left to be
/// computed.
const PKCS8_HEAD: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// A parsed private key: kept, so that a signature costs no parsing. Not printable (I9); erased when dropped.
pub struct SoftwareKey {
    pair: EcdsaKeyPair,
    spki: Vec<u8>,
}

/// Why a private key could not be made or used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SigningError {
    /// Not a P-256 private key.
    #[error("not a P-256 private key in PKCS#8 DER: give the unencrypted PKCS#8 form of an id-ecPublicKey prime256v1 key")]
    NotAKey,
    /// The source of randomness gives the same unusable bytes again and again.
    #[error("the source of randomness is broken: no private key can be made from it")]
    Entropy,
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed: nothing can be signed in this process")]
    Cipher,
}

impl SoftwareKey {
    /// A new key and its PKCS#8 DER (RFC 5208, with the public key), which is to be sealed and nothing else.
    pub fn generate(entropy: &dyn Entropy) -> Result<(Self, Zeroizing<Vec<u8>>), SigningError> {
        // A random number is not below the group's order with probability 2^-32 (FIPS 186-5 A.2.2: draw again).
        const DRAWS: usize = 8;
        let key = (0..DRAWS).find_map(|_| Self::draw(entropy)).ok_or(SigningError::Entropy)?;
        let pkcs8 = key.pair.to_pkcs8v1().map_err(|_| SigningError::Cipher)?;
        let pkcs8 = Zeroizing::new(pkcs8.as_ref().to_vec());
        Ok((key, pkcs8))
    }

    fn draw(entropy: &dyn Entropy) -> Option<Self> {
        let mut pkcs8 = Zeroizing::new([0; PKCS8_HEAD.len() + 32]);
        let (head, scalar) = pkcs8.split_at_mut(PKCS8_HEAD.len());
        head.copy_from_slice(&PKCS8_HEAD);
        entropy.fill(scalar);
        let public = Self::from_pkcs8(pkcs8.as_slice()).ok()?;
        // Made again from both parts: a pair that was read without its public key is also written without it.
        let (_, scalar) = pkcs8.split_at(PKCS8_HEAD.len());
        let public = public.pair.public_key().as_ref();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, scalar, public).ok()?;
        Self::new(pair).ok()
    }

    /// From PKCS#8 DER. The library checks that the number is in range and that a public key, if given, belongs to it.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(|_| SigningError::NotAKey)?;
        Self::new(pair)
    }

    fn new(pair: EcdsaKeyPair) -> Result<Self, SigningError> {
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| SigningError::Cipher)?;
        let spki = spki.as_ref().to_vec();
        Ok(Self { pair, spki })
    }

    /// The public key as SubjectPublicKeyInfo DER (RFC 5480).
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Signs the SHA-256 of `message`: Ecdsa-Sig-Value DER (RFC 3279 section 2.2.3).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| SigningError::Cipher)?;
        Ok(signature.as_ref().to_vec())
    }
}

#[cfg(test)]
mod tests;
