//! Keys of certificate authorities, by what they may sign.

use crate::Failure;
use chancery_keys::SoftwareKey;
use chancery_x509::{
    AuthorityRequest, CaCertificate, Leaf, Prepared, PublicKey, RevocationList, SignError, Signed, Signer, prove_key_pair,
};

/// Signs certificates. Sealed under the tenant's data keys, so that *disable* stops issuance.
pub(crate) struct IssuingKey(Adapter);

/// Signs revocation lists and nothing else. Sealed under the status key, which survives *disable* (docs/adr/0003).
pub(crate) struct StatusKey(Adapter);

struct Adapter {
    key: SoftwareKey,
    public: PublicKey,
}

impl IssuingKey {
    /// From PKCS#8, proved to sign what its public key verifies.
    pub(crate) fn open(pkcs8: &[u8]) -> Result<Self, Failure> {
        Adapter::open(pkcs8).map(Self)
    }
    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.0.public
    }
    pub(crate) fn sign_leaf(&self, prepared: Prepared<Leaf>) -> Result<Signed<Leaf>, SignError> {
        prepared.sign(&self.0)
    }
    pub(crate) fn sign_request(&self, prepared: Prepared<AuthorityRequest>) -> Result<Signed<AuthorityRequest>, SignError> {
        prepared.sign(&self.0)
    }
    pub(crate) fn sign_authority(&self, prepared: Prepared<CaCertificate>) -> Result<Signed<CaCertificate>, SignError> {
        prepared.sign(&self.0)
    }
}

impl StatusKey {
    /// From PKCS#8, proved to sign what its public key verifies.
    pub(crate) fn open(pkcs8: &[u8]) -> Result<Self, Failure> {
        Adapter::open(pkcs8).map(Self)
    }
    pub(crate) fn sign_crl(&self, prepared: Prepared<RevocationList>) -> Result<Signed<RevocationList>, SignError> {
        prepared.sign(&self.0)
    }
}

impl Adapter {
    fn open(pkcs8: &[u8]) -> Result<Self, Failure> {
        let key = SoftwareKey::from_pkcs8(pkcs8)?;
        let public = PublicKey::from_spki_der(key.spki_der())?;
        let adapter = Self { key, public };
        prove_key_pair(&adapter)?;
        Ok(adapter)
    }
}

impl Signer for Adapter {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(message).map_err(|error| SignError::Provider(Box::new(error)))
    }
}
