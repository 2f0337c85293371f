//! An account's private key in a file: made here, never sent anywhere. Above the PEM stands whose it is, for people and for this program.

use crate::ended::Ended;
use crate::files;
use crate::system::{SystemClock, SystemEntropy};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::account_key::{KeyPurpose, KeyStatement};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Clock;
use chancery_domain::{AccountId, AccountKeyId, TenantId};
use chancery_keys::SoftwareKey;
use chancery_x509::pem;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// The line above the key that says which tenant it is registered in.
const TENANT: &str = "Chancery-Tenant: ";

/// What registers a key: all of it may be seen by anybody.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// In which tenant.
    pub(crate) tenant: TenantId,
    /// Whose key it is to be.
    pub(crate) account: AccountId,
    /// The key's id, which follows from the key.
    pub(crate) key: AccountKeyId,
    /// For what.
    pub(crate) purpose: KeyPurpose,
    /// SubjectPublicKeyInfo in PEM.
    pub(crate) public_key: String,
    /// When its holder signed.
    pub(crate) stated_at: String,
    /// The holder's signature over the statement, base64.
    pub(crate) proof: String,
}

/// A key of an account, with the tenant that knows it.
pub(crate) struct KeyFile {
    /// The tenant.
    pub(crate) tenant: TenantId,
    /// Its id.
    pub(crate) id: AccountKeyId,
    /// The private key.
    pub(crate) key: SoftwareKey,
}

/// Makes a key and writes it to a new file of mode 0600; what registers it.
pub(crate) fn generate(
    path: &Path,
    tenant: TenantId,
    account: AccountId,
    purpose: KeyPurpose,
    algorithm: KeyAlgorithm,
) -> Result<Registration, Ended> {
    let (key, pkcs8) = SoftwareKey::generate_as(algorithm, &SystemEntropy).map_err(io::Error::other)?;
    let head = format!("{TENANT}{tenant}\nChancery-Account: {account}\nChancery-Purpose: {purpose}\n");
    let text = Zeroizing::new([head.as_str(), &pem::encode_private_key(&pkcs8)].concat());
    files::write_secret(path, text.as_bytes()).map_err(|source| Ended::File { path: path.to_owned(), source })?;
    let thumbprint = thumbprint(key.spki_der());
    let stated_at = SystemClock::new().now();
    let statement = KeyStatement { tenant, account, purpose, thumbprint, stated_at }.to_string();
    let proof = key.sign(statement.as_bytes()).map_err(io::Error::other)?;
    Ok(Registration {
        tenant,
        account,
        key: AccountKeyId::of_thumbprint(&thumbprint),
        purpose,
        public_key: pem::encode(pem::PUBLIC_KEY, key.spki_der()),
        stated_at: stated_at.to_string(),
        proof: STANDARD.encode(proof),
    })
}

impl KeyFile {
    /// Reads what [`generate`] wrote, or a PKCS#8 key in PEM with the tenant's line above it.
    pub(crate) fn read(path: &Path) -> Result<Self, Ended> {
        let text = std::fs::read_to_string(path).map_err(|source| Ended::File { path: path.to_owned(), source })?;
        let text = Zeroizing::new(text);
        // What is wrong with the key is not said in its own words, for it is a secret (I9).
        let bad = |what: &str| Ended::Usage(format!("{}: {what}", path.display()));
        let tenant = text.lines().find_map(|line| line.strip_prefix(TENANT)).and_then(|tenant| tenant.trim().parse().ok());
        let tenant = tenant.ok_or_else(|| bad(&format!("above the key a line must say which tenant knows it: \"{TENANT}…\"")))?;
        let one_key = || bad("one PRIVATE KEY block is expected: PKCS#8 in PEM, not encrypted");
        let mut blocks = pem::decode(&text).map_err(|_| one_key())?;
        let block = blocks.pop().filter(|block| blocks.is_empty() && block.label == pem::PRIVATE_KEY).ok_or_else(one_key)?;
        let key = SoftwareKey::from_pkcs8(&block.der).map_err(|_| one_key())?;
        Ok(Self { tenant, id: AccountKeyId::of_thumbprint(&thumbprint(key.spki_der())), key })
    }
}

fn thumbprint(spki: &[u8]) -> [u8; 32] {
    let mut thumbprint = [0; 32];
    thumbprint.copy_from_slice(digest(&SHA256, spki).as_ref());
    thumbprint
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_written_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ci.key");
        let (tenant, account) = (TenantId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
        for algorithm in [KeyAlgorithm::Ed25519, KeyAlgorithm::EcP256, KeyAlgorithm::EcP384] {
            let made = generate(&path, tenant, account, KeyPurpose::Request, algorithm).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert!(generate(&path, tenant, account, KeyPurpose::Request, algorithm).is_err());
            let read = KeyFile::read(&path).unwrap();
            assert_eq!((read.tenant, read.id, read.key.algorithm()), (tenant, made.key, algorithm));
            std::fs::remove_file(&path).unwrap();
        }
        for wrong in ["", "Chancery-Tenant: 01010101-0101-0101-0101-010101010101\n", "-----BEGIN PRIVATE KEY-----\n"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(KeyFile::read(&path).is_err());
        }
    }
}
