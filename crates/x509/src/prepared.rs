//! From linted bytes to a signed document: preparing and signing are states, so that nothing unlinted is ever signed (I5).

use crate::algorithm::{is_signature_shaped, signature_algorithm};
use crate::der_out::{DerOut, SEQUENCE};
use crate::key::{PublicKey, SignError, Signer};
use chancery_domain::enforced;
use chancery_domain::key::KeyAlgorithm;
use der::asn1::BitStringRef;
use der::{Decode, Reader, SliceReader};
use std::fmt;
use std::marker::PhantomData;

/// An end-entity certificate.
#[derive(Debug)]
pub enum Leaf {}
/// A root's or intermediate's certificate.
#[derive(Debug)]
pub enum CaCertificate {}
/// The certification request of an authority.
#[derive(Debug)]
pub enum AuthorityRequest {}
/// A certificate revocation list.
#[derive(Debug)]
pub enum RevocationList {}

/// A kind of signed document.
pub trait Kind: sealed::Sealed {}
impl<K: sealed::Sealed> Kind for K {}

mod sealed {
    /// Whether every signature of this kind is verified after it is made.
    pub trait Sealed {
        const VERIFY: bool;
    }
    impl Sealed for super::Leaf {
        // A verification costs more than everything else in an issuance; the issuer's key pair was proved when it was loaded
        // (`prove_key_pair`), and the form of the signature and the bytes under it are still checked.
        const VERIFY: bool = false;
    }
    impl Sealed for super::CaCertificate {
        const VERIFY: bool = true;
    }
    impl Sealed for super::AuthorityRequest {
        const VERIFY: bool = true;
    }
    impl Sealed for super::RevocationList {
        const VERIFY: bool = true;
    }
}

/// A to-be-signed document that passed its lints. Only the plans of this crate make one, and signing uses it up (I5).
pub struct Prepared<K: Kind> {
    tbs_der: Vec<u8>,
    issuer_key: PublicKey,
    kind: PhantomData<K>,
}

/// A signed document that was compared with what was prepared.
pub struct Signed<K: Kind> {
    der: Vec<u8>,
    kind: PhantomData<K>,
}

impl<K: Kind> Prepared<K> {
    /// For plans, after linting.
    pub(crate) const fn linted(tbs_der: Vec<u8>, issuer_key: PublicKey) -> Self {
        Self { tbs_der, issuer_key, kind: PhantomData }
    }
    /// What will be signed, to be stored before it is (I5).
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs_der
    }
    /// The kind of signature that it needs.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.issuer_key.algorithm()
    }
    /// Signs it and compares the result with what was prepared.
    ///
    /// # Errors
    /// [`SignError::WrongKey`] before anything is signed; afterwards the provider's error, or that its signature does not hold.
    pub fn sign(self, signer: &dyn Signer) -> Result<Signed<K>, SignError> {
        if *signer.public_key() != self.issuer_key && enforced!("sign.key") {
            return Err(SignError::WrongKey);
        }
        let signature = signer.sign(&self.tbs_der)?;
        let algorithm = self.issuer_key.algorithm();
        let der = DerOut::document(self.tbs_der.len() + 128, |out| {
            out.nested(SEQUENCE, |out| {
                out.raw(&self.tbs_der);
                out.raw(signature_algorithm(algorithm));
                out.bits(&signature);
            });
        });
        let parts = SignedParts::from_der(&der).map_err(|_| SignError::Altered)?;
        if parts.tbs_der != self.tbs_der || parts.algorithm_der != signature_algorithm(algorithm) {
            return Err(SignError::Altered);
        }
        if !is_signature_shaped(algorithm, parts.signature) && enforced!("sign.shape") {
            return Err(SignError::BadSignature);
        }
        if K::VERIFY && enforced!("sign.verified") {
            self.issuer_key.verify(parts.tbs_der, parts.signature).map_err(|_| SignError::BadSignature)?;
        }
        Ok(Signed { der, kind: PhantomData })
    }
}

impl<K: Kind> Signed<K> {
    /// The document.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
    /// The document, owned.
    pub fn into_der(self) -> Vec<u8> {
        self.der
    }
}

impl<K: Kind> fmt::Debug for Prepared<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({} bytes for {:?})", self.tbs_der.len(), self.issuer_key)
    }
}

impl<K: Kind> fmt::Debug for Signed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} bytes)", self.der.len())
    }
}

/// The three parts that certificates, requests and lists have in common (RFC 5280 section 4.1.1, RFC 2986 section 4.2).
pub(crate) struct SignedParts<'a> {
    /// The signed bytes.
    pub(crate) tbs_der: &'a [u8],
    /// The outer `AlgorithmIdentifier`.
    pub(crate) algorithm_der: &'a [u8],
    /// The signature's octets.
    pub(crate) signature: &'a [u8],
}

impl<'a> SignedParts<'a> {
    /// Takes a document apart; nothing may follow it, and nothing may follow the signature in it.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let parts = reader.sequence(|inside| {
            let tbs_der = inside.tlv_bytes()?;
            let algorithm_der = inside.tlv_bytes()?;
            let signature = BitStringRef::decode(inside)?;
            let signature = signature.as_bytes().ok_or_else(|| der::Tag::BitString.value_error())?;
            Ok::<_, der::Error>(Self { tbs_der, algorithm_der, signature })
        })?;
        reader.finish()?;
        Ok(parts)
    }
}
