//! Authorities for the others, and a certificate for Chancery's own TLS.

use crate::client;
use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use std::path::Path;
use tokio_rustls::TlsConnector;

/// An authority on P-256.
pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn root(name: &str) -> Result<Authority> {
    Ok(CertifiedIssuer::self_signed(params(name), key()?)?)
}

pub(super) fn intermediate(name: &str, root: &Authority) -> Result<Authority> {
    Ok(CertifiedIssuer::signed_by(params(name), key()?, root)?)
}

/// Writes what a server under test finds in its directory and then speaks TLS with; how to reach it.
pub(super) fn server_files(directory: &Path) -> Result<TlsConnector> {
    let (root, key) = (root("Bench TLS")?, key()?);
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &root)?;
    std::fs::write(directory.join("tls.pem"), certificate.pem())?;
    std::fs::write(directory.join("tls.key"), key.serialize_pem())?;
    client::tls(root.der().clone())
}

fn key() -> Result<KeyPair> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
