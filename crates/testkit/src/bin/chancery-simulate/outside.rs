//! What comes from outside: certification requests, and certificates of somebody else's authority. The same words make the same bytes,
//! for Ed25519 signs without chance.

use crate::sim::START;
use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use chancery_app::private_key_pem;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, SerialNumber};
use std::time::{Duration, SystemTime};

/// PKCS#8 of an Ed25519 key up to its 32 bytes (RFC 8410 section 7).
const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A certification request of this key for this host, DER.
pub(crate) fn request(key: &str, host: &str) -> anyhow::Result<Vec<u8>> {
    Ok(params(host)?.serialize_request(&pair(key)?)?.der().to_vec())
}

/// A bundle of the partner's certificates of these numbers for hosts below this name, PEM.
pub(crate) fn bundle(below: &str, numbers: &[u8]) -> anyhow::Result<String> {
    let mut partner = CertificateParams::default();
    partner.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    partner.distinguished_name.push(DnType::CommonName, "Partner CA");
    let partner = CertifiedIssuer::self_signed(partner, pair("partner")?)?;
    let mut bundle = String::new();
    for number in numbers {
        let host = format!("partner-{number}.{below}");
        let mut wanted = params(&host)?;
        wanted.serial_number = Some(SerialNumber::from_slice(&[7, *number]));
        // They outlive the trouble, and end before the simulation does.
        wanted.not_before = seconds(0)?.into();
        wanted.not_after = seconds(3600 + 60 * u64::from(*number))?.into();
        bundle += &wanted.signed_by(&pair(&host)?, &partner)?.pem();
    }
    Ok(bundle)
}

fn params(host: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params)
}

fn pair(name: &str) -> anyhow::Result<KeyPair> {
    let pkcs8 = [&ED25519[..], digest(&SHA256, name.as_bytes()).as_ref()].concat();
    KeyPair::from_pem(&private_key_pem(&pkcs8)).context("a key of the simulation is none")
}

/// So many after the world began.
fn seconds(after: u64) -> anyhow::Result<SystemTime> {
    Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(START.millis())?) + Duration::from_secs(after))
}
