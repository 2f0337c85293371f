//! A timestamping authority, and a world whose signature carries its timestamp.

use crate::world::{World, authority, event, list};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Serial, Timestamp};
use chancery_formats::{Certified, cms};
use chancery_x509::hash::digest;
use chancery_x509::tsp::{Accuracy, ObjectIdentifier, TimestampRequest, TokenPlan};
use rcgen::{
    CertificateParams, CrlDistributionPoint, CustomExtension, DnType, Issuer, KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use serde_json::json;

const EC: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;
/// extendedKeyUsage with timeStamping alone, to be marked critical.
const TIME_STAMPING: &[u8] = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08";

/// An authority, and a timestamp of it.
pub(crate) struct Time {
    /// Where the act stands that gave it.
    pub(crate) act: usize,
    pub(crate) token: Vec<u8>,
    pub(crate) crl: Vec<u8>,
    pub(crate) root_pem: String,
    root_key: String,
    pkcs8: Vec<u8>,
    certificate: Vec<u8>,
}

impl Time {
    pub(crate) fn new() -> Self {
        let root_key = KeyPair::generate().unwrap();
        let root = authority("Acme Time Root");
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let root = Issuer::new(root, &root_key);
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "Acme Time");
        let mut purpose = CustomExtension::from_oid_content(&[2, 5, 29, 37], TIME_STAMPING.to_vec());
        purpose.set_criticality(true);
        leaf.custom_extensions = vec![purpose];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // The number that lists name.
        leaf.serial_number = Some(SerialNumber::from(vec![0x70; 16]));
        leaf.not_before = date_time_ymd(2026, 6, 1);
        leaf.not_after = date_time_ymd(2027, 6, 1);
        leaf.crl_distribution_points = vec![CrlDistributionPoint { uris: vec!["http://lists.example/time".to_owned()] }];
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&key, &root).unwrap().der().to_vec();
        let crl = list(&root, None, 2027);
        Self { act: 2, token: Vec::new(), crl, root_pem, root_key: root_key.serialize_pem(), pkcs8: key.serialize_der(), certificate }
    }

    /// A list of its root's.
    pub(crate) fn list(&self, revoked: Option<i32>, year: i32) -> Vec<u8> {
        let key = KeyPair::from_pem(&self.root_key).unwrap();
        list(&Issuer::new(authority("Acme Time Root"), &key), revoked, year)
    }

    /// A token over this digest.
    pub(crate) fn stamp(&self, imprint: Digest, at: Timestamp) -> Vec<u8> {
        let request = TimestampRequest { imprint, policy: None, nonce: None, certificates: true };
        let plan = TokenPlan {
            request: &request,
            chain: std::slice::from_ref(&self.certificate),
            algorithm: EC,
            policy: ObjectIdentifier::new("1.3.6.1.4.1.32473.1").unwrap(),
            serial: Serial::from_slice(&[0x55; 16]).unwrap(),
            at,
            accuracy: Accuracy { seconds: 2, millis: 0 },
        };
        let prepared = plan.prepare().unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.pkcs8).unwrap();
        let signature = key.sign(&SystemRandom::new(), prepared.to_be_signed()).unwrap();
        prepared.finish(signature.as_ref()).unwrap()
    }

    /// SHA-256 of its certificate.
    pub(crate) fn print(&self) -> String {
        hex::encode(digest(DigestAlgorithm::Sha256, &self.certificate).as_bytes())
    }

    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        vec![self.certificate.clone()]
    }
}

/// When everything happens.
pub(crate) fn then() -> Timestamp {
    Timestamp::parse("2027-01-15T08:00:00Z").unwrap()
}

/// The fingerprint of what was given out.
pub(crate) fn print(bytes: &[u8]) -> String {
    digest(DigestAlgorithm::Sha256, bytes).to_string()
}

impl World {
    /// The same with a CMS for a signature, and a timestamp in it.
    pub(crate) fn stamped() -> Self {
        let mut world = Self::new(None);
        let content: Digest = world.signed_digest.parse().unwrap();
        let certified = Certified { chain: &world.chain, algorithm: EC };
        let prepared = cms::prepare(&certified, cms::Signed::Detached(&content), then()).unwrap();
        let signature = world.sign(prepared.to_be_signed());
        let bare = prepared.finish(&signature).unwrap();
        let imprint = cms::timestamp_imprint(&bare, DigestAlgorithm::Sha256).unwrap();
        let mut time = Time::new();
        time.token = time.stamp(imprint.clone(), then());
        world.signature = cms::with_timestamp(&bare, &time.token).unwrap();
        world.events[time.act] = event(
            "signature.create",
            json!({
                "signature": "t-1", "signer": "time", "signer_id": "g-2", "signer_version": 1, "policy_version": 1, "format": "timestamp",
                "algorithm": "ecdsa-p256-sha256", "chain": [time.print()],
                "documents": [{ "digest": imprint.to_string(), "signature": print(&time.token) }],
            }),
        );
        let detail = &mut world.events[3]["detail"];
        detail["format"] = json!("cms");
        detail["timestamps"] = json!("t-1");
        detail["documents"][0]["signature"] = json!(print(&world.signature));
        world.time = Some(time);
        world
    }
}
