//! Certificates of any kind of key and purpose, written by hand, for tests of what is signed with them.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Entropy;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_keys::SoftwareKey;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

pub(crate) const CODE_SIGNING: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03";
pub(crate) const EMAIL_PROTECTION: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04";
pub(crate) const TIME_STAMPING: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08";
pub(crate) const DOCUMENT_SIGNING: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x24";

/// A key and its certificate.
pub(crate) struct Identity {
    key: SoftwareKey,
    pub(crate) pkcs8: Vec<u8>,
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) certificate: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) serial: [u8; 16],
}

/// What a certificate shall say.
#[derive(Clone, Copy)]
pub(crate) struct Profile<'a> {
    pub(crate) name: &'a str,
    pub(crate) authority: bool,
    /// Encoded object identifiers.
    pub(crate) purposes: &'a [&'a [u8]],
    pub(crate) critical: bool,
    /// keyUsage, an encoded BIT STRING.
    pub(crate) usage: &'a [u8],
    /// UTCTime.
    pub(crate) validity: [&'a [u8]; 2],
}

pub(crate) const DIGITAL_SIGNATURE: &[u8] = &[3, 2, 7, 0x80];
pub(crate) const ALWAYS: [&[u8]; 2] = [b"200101000000Z", b"491231235959Z"];

pub(crate) fn authority(name: &str) -> Profile<'_> {
    Profile { name, authority: true, purposes: &[], critical: false, usage: &[3, 2, 1, 6], validity: ALWAYS }
}

pub(crate) fn signer<'a>(name: &'a str, purposes: &'a [&'a [u8]]) -> Profile<'a> {
    Profile { name, authority: false, purposes, critical: false, usage: DIGITAL_SIGNATURE, validity: ALWAYS }
}

/// id-kp-timeStamping, critical and alone.
pub(crate) fn time_stamper(name: &str) -> Profile<'_> {
    Profile { critical: true, ..signer(name, &[TIME_STAMPING]) }
}

struct Random;

impl Entropy for Random {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new().fill(bytes).unwrap();
    }
}

/// RSA keys take long to make: the same one for each kind and name throughout a run.
fn pkcs8(algorithm: KeyAlgorithm, name: &str) -> Vec<u8> {
    type Made = HashMap<(KeyAlgorithm, String), Vec<u8>>;
    static KEYS: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    let make = || SoftwareKey::generate_as(algorithm, &Random).ok().unwrap().1.to_vec();
    KEYS.lock().unwrap().entry((algorithm, name.to_owned())).or_insert_with(make).clone()
}

impl Identity {
    /// Signed by itself.
    pub(crate) fn root(profile: Profile<'_>, algorithm: KeyAlgorithm) -> Self {
        Self::new(profile, algorithm, None)
    }
    /// A certificate below this authority.
    pub(crate) fn issue(&self, profile: Profile<'_>, algorithm: KeyAlgorithm) -> Self {
        Self::new(profile, algorithm, Some(self))
    }
    fn new(profile: Profile<'_>, algorithm: KeyAlgorithm, issuer: Option<&Self>) -> Self {
        let pkcs8 = pkcs8(algorithm, profile.name);
        let key = SoftwareKey::from_pkcs8(&pkcs8).ok().unwrap();
        let attribute = tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[profile.name.as_bytes()])]);
        let name = tlv(0x30, &[&tlv(0x31, &[&attribute])]);
        let mut this = Self { pkcs8, algorithm, certificate: Vec::new(), name, key, serial: [0x40; 16] };
        Random.fill(&mut this.serial[1..]);
        let issuer = issuer.unwrap_or(&this);
        let [from, to] = profile.validity.map(|time| tlv(0x17, &[time]));
        let identifier = identifier(issuer.algorithm);
        let tbs = tlv(
            0x30,
            &[
                &[0xa0, 3, 2, 1, 2],
                &tlv(2, &[&this.serial]),
                identifier,
                &issuer.name,
                &tlv(0x30, &[&from, &to]),
                &this.name,
                this.key.spki_der(),
                &tlv(0xa3, &[&tlv(0x30, &[&extensions(&profile)])]),
            ],
        );
        let signature = issuer.key.sign(&tbs).ok().unwrap();
        this.certificate = tlv(0x30, &[&tbs, identifier, &tlv(3, &[&[0], &signature])]);
        this
    }
    /// Signs the message as this kind.
    pub(crate) fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
        if algorithm != SignatureAlgorithm::RsaPssSha256 {
            return self.key.sign(message).ok().unwrap().clone();
        }
        let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

fn extensions(profile: &Profile<'_>) -> Vec<u8> {
    let critical = [1, 1, 0xff];
    let extension = |id: &[u8], critical: &[u8], value: &[u8]| tlv(0x30, &[id, critical, &tlv(4, &[value])]);
    let mut all = extension(&[6, 3, 0x55, 0x1d, 15], &critical, profile.usage);
    if profile.authority {
        all.extend(extension(&[6, 3, 0x55, 0x1d, 19], &critical, &[0x30, 3, 1, 1, 0xff]));
    }
    if !profile.purposes.is_empty() {
        all.extend(extension(&[6, 3, 0x55, 0x1d, 37], if profile.critical { &critical } else { &[] }, &tlv(0x30, profile.purposes)));
    }
    all
}

pub(crate) fn identifier(kind: KeyAlgorithm) -> &'static [u8] {
    match kind {
        KeyAlgorithm::EcP256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        KeyAlgorithm::EcP384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        KeyAlgorithm::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
        KeyAlgorithm::MlDsa65 => b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12",
        _ => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
    }
}

/// A DER value around parts.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let head = match content.len() {
        0..=127 => vec![tag, length[7]],
        128..=255 => vec![tag, 0x81, length[7]],
        256..=65_535 => vec![tag, 0x82, length[6], length[7]],
        _ => vec![tag, 0x83, length[5], length[6], length[7]],
    };
    [head, content].concat()
}
