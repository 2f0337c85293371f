//! Certification requests, as clients make them.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

/// A key pair and its certification request.
pub struct Csr {
    /// The request, PEM.
    pub pem: String,
    /// The request, DER.
    pub der: Vec<u8>,
    /// The private key, PKCS#8 in PEM.
    pub key: String,
    /// The public key, SubjectPublicKeyInfo in PEM.
    pub public: String,
}

/// A request on P-256 for these DNS names, the first of which is the common name when `common_name` says so.
pub fn csr(names: &[&str], common_name: bool) -> Csr {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key pair is made");
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("the names are names");
    params.distinguished_name = DistinguishedName::new();
    if let (true, Some(first)) = (common_name, names.first()) {
        params.distinguished_name.push(DnType::CommonName, *first);
    }
    let request = params.serialize_request(&key).expect("the request is signed");
    Csr {
        pem: request.pem().expect("it has a PEM form"),
        der: request.der().to_vec(),
        key: key.serialize_pem(),
        public: key.public_key_pem(),
    }
}
