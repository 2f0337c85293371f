//! A tenant with a log, a signer and a platform, small and whole; each part may be changed before the bundle is made.

use crate::time::Time;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::TenantId;
use chancery_domain::signature::DigestAlgorithm;
use chancery_evidence::{
    BUNDLE, Bundle, Checkpoint, EventProof, Hash, KeyKind, Note, OpenedEvent, Opening, PlatformProof, SignatureEvidence, TRUST,
    TimestampEvidence, TrustFile, TrustedLog, TrustedPlatform, VerifierKey, View, blinded, canonical_value, cosigned, node,
};
use chancery_x509::hash::digest;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use rcgen::{KeyIdMethod, KeyUsagePurpose, RevokedCertParams, SerialNumber, SigningKey, date_time_ymd};
use serde_json::{Value, json};

pub(crate) const TENANT: TenantId = TenantId::from_bytes([0x42; 16]);
pub(crate) const STRANGER: TenantId = TenantId::from_bytes([0x43; 16]);

/// A key that signs notes.
pub(crate) struct LogKey {
    pair: Ed25519KeyPair,
    pub(crate) verifier: VerifierKey,
}

impl LogKey {
    pub(crate) fn of(name: &str, kind: KeyKind, seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        Self { pair, verifier: VerifierKey::new(name, kind, public).unwrap() }
    }

    pub(crate) fn note(&self, leaves: &[Hash]) -> Note {
        let text = Checkpoint { origin: self.verifier.name().to_owned(), size: leaves.len() as u64, root: root(leaves) }.text();
        Note::sign(text.clone(), &self.verifier, self.pair.sign(text.as_bytes()).as_ref()).unwrap()
    }

    pub(crate) fn cosign(&self, note: &mut Note, time: u64) {
        let signature = self.pair.sign(cosigned(note.text(), time).as_bytes());
        note.add(&self.verifier, &[&time.to_be_bytes(), signature.as_ref()].concat()).unwrap();
    }
}

/// RFC 9162 section 2.1.1, word for word.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => [0; 32],
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            node(&root(left), &root(right))
        }
    }
}

/// RFC 9162 section 2.1.3.1.
pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut below, beside) =
        if index < left.len() { (path(index, left), root(right)) } else { (path(index - left.len(), right), root(left)) };
    below.push(beside);
    below
}

/// RFC 9162 section 2.1.4.1.
pub(crate) fn growth(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut below, beside) =
        if old <= left.len() { (growth(old, left, whole), root(right)) } else { (growth(old - left.len(), right, false), root(left)) };
    below.push(beside);
    below
}

/// Everything that a bundle is made of.
pub(crate) struct World {
    pub(crate) events: Vec<Value>,
    pub(crate) platform_tenant: TenantId,
    pub(crate) signed_digest: String,
    pub(crate) signature: Vec<u8>,
    /// The signer's key.
    pub(crate) pkcs8: Vec<u8>,
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) root_pem: String,
    pub(crate) crl: Vec<u8>,
    root_key: String,
    pub(crate) log: LogKey,
    pub(crate) platform: LogKey,
    pub(crate) witness: LogKey,
    /// The bundle's checkpoint has so many events; the platform's has all.
    pub(crate) size: usize,
    /// Where the act stands, and what it rests upon.
    pub(crate) act: usize,
    pub(crate) made: usize,
    /// What stands at the end of each event's text, where nothing may.
    pub(crate) space: &'static str,
    /// The timestamp in the signature, if there is one.
    pub(crate) time: Option<Time>,
}

impl World {
    /// What is so; `revoked` is when the signer's certificate was.
    pub(crate) fn new(revoked: Option<i32>) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let root = authority("Acme Root");
        let root_certificate = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, &root_key);
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "Release signing");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.serial_number = Some(SerialNumber::from(vec![0x70; 16]));
        leaf.not_before = date_time_ymd(2026, 6, 1);
        leaf.not_after = date_time_ymd(2027, 6, 1);
        leaf.crl_distribution_points = vec![CrlDistributionPoint { uris: vec!["http://lists.example/1".to_owned()] }];
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &root).unwrap();
        let crl = list(&root, revoked, 2027);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.serialized_der()).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"release 1.0").unwrap().as_ref().to_vec();
        let signed_digest = digest(DigestAlgorithm::Sha256, b"release 1.0").to_string();
        let chain = vec![leaf.der().to_vec()];
        let prints = vec![hex::encode(digest(DigestAlgorithm::Sha256, &chain[0]).as_bytes())];
        let print = |bytes: &[u8]| digest(DigestAlgorithm::Sha256, bytes).to_string();
        let events = vec![
            event("tenant.create", json!({})),
            event(
                "signer.create",
                json!({ "signer": "release", "signer_id": "g-1", "version": 1, "content": { "formats": ["raw"] }, "chain": prints }),
            ),
            event("certificate.issue", json!({ "certificate": "c-1" })),
            event(
                "signature.create",
                json!({
                    "signature": "s-1", "signer": "release", "signer_id": "g-1", "signer_version": 1, "policy_version": 1, "format": "raw", "algorithm": "ecdsa-p256-sha256",
                    "chain": prints, "documents": [{ "digest": signed_digest, "signature": print(&signature), "name": "release.tar" }],
                }),
            ),
            event("signature.withdraw", json!({ "signature": "s-1", "reason": "wrong build" })),
            event("certificate.renew", json!({ "certificate": "c-2" })),
        ];
        Self {
            events,
            platform_tenant: TenantId::PLATFORM,
            signed_digest,
            signature,
            pkcs8: key.serialize_der(),
            chain,
            root_pem: root_certificate.pem(),
            crl,
            root_key: root_key.serialize_pem(),
            log: LogKey::of("log.example/7f", KeyKind::Log, 1),
            platform: LogKey::of("platform.example", KeyKind::Log, 2),
            witness: LogKey::of("witness.example", KeyKind::Witness, 3),
            size: 5,
            act: 3,
            made: 1,
            space: "",
            time: None,
        }
    }

    /// A list of the root's, of March of this year.
    pub(crate) fn list(&self, revoked: Option<i32>, year: i32) -> Vec<u8> {
        let key = KeyPair::from_pem(&self.root_key).unwrap();
        list(&Issuer::new(authority("Acme Root"), &key), revoked, year)
    }

    /// A signature of the signer's.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.pkcs8).unwrap();
        key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn leaves(&self) -> Vec<Hash> {
        self.events.iter().enumerate().map(|(index, event)| self.leaf(index, event)).collect()
    }

    pub(crate) fn proof(&self, index: usize) -> EventProof {
        self.prove(index, &self.events[index], &self.leaves()[..self.size])
    }

    fn text(&self, event: &Value) -> String {
        String::from_utf8(canonical_value(event).unwrap()).unwrap() + self.space
    }

    fn leaf(&self, index: usize, event: &Value) -> Hash {
        Opening { salt: &salt(index), canonical: self.text(event).as_bytes() }.leaf()
    }

    fn prove(&self, index: usize, event: &Value, leaves: &[Hash]) -> EventProof {
        EventProof {
            checkpoint: 0,
            index: index as u64,
            leaf: hex::encode(leaves[index]),
            inclusion: path(index, leaves).iter().map(hex::encode).collect(),
            opened: Some(OpenedEvent { salt: hex::encode(salt(index)), event: self.text(event) }),
        }
    }

    /// The bundle of the signature.
    pub(crate) fn bundle(&self) -> Bundle {
        let leaves = self.leaves();
        let (bundled, note) = (&leaves[..self.size], self.log.note(&leaves).to_string());
        let salt = [9; 32];
        let mut given = event("log.checkpoint", json!({ "blinded": hex::encode(blinded(&salt, note.as_bytes())) }));
        given["tenant"] = json!(self.platform_tenant);
        let platform_leaves = [[1; 32], self.leaf(1, &given), [3; 32]];
        let mut checkpoint = self.platform.note(&platform_leaves);
        self.witness.cosign(&mut checkpoint, 1_800_000_000);
        Bundle {
            format: BUNDLE.to_owned(),
            view: View::Full,
            tenant: TENANT,
            act: self.proof(self.act),
            lineage: vec![self.proof(self.made)],
            later: Vec::new(),
            checkpoints: vec![self.log.note(bundled).to_string()],
            platform: Some(PlatformProof {
                salt: hex::encode(salt),
                note,
                consistency: growth(self.size, &leaves, true).iter().map(hex::encode).collect(),
                event: self.prove(1, &given, &platform_leaves),
                checkpoint: checkpoint.to_string(),
            }),
            signatures: vec![SignatureEvidence { digest: self.signed_digest.clone(), value: Some(STANDARD.encode(&self.signature)) }],
            timestamps: self.time.as_ref().map(|time| TimestampEvidence {
                act: self.proof(time.act),
                tokens: vec![STANDARD.encode(&time.token)],
                revocation: vec![STANDARD.encode(&time.crl)],
            }),
            chain: self.chain.iter().map(|der| STANDARD.encode(der)).collect(),
            revocation: vec![STANDARD.encode(&self.crl)],
        }
    }

    pub(crate) fn trust(&self) -> TrustFile {
        TrustFile {
            format: TRUST.to_owned(),
            logs: vec![TrustedLog { tenant: TENANT, keys: vec![self.log.verifier.to_string()] }],
            platform: Some(TrustedPlatform {
                keys: vec![self.platform.verifier.to_string()],
                witnesses: vec![self.witness.verifier.to_string()],
                cosignatures: 1,
            }),
            roots: vec![self.root_pem.clone()],
            keys: Vec::new(),
            timestamp_roots: self.time.iter().map(|time| time.root_pem.clone()).collect(),
        }
    }
}

/// An event of the tenant.
pub(crate) fn event(act: &str, detail: Value) -> Value {
    json!({
        "act": act, "actor": { "kind": "account", "id": "a-1", "name": "ci" }, "at": "2027-01-15T08:00:00Z", "detail": detail,
        "id": act, "outcome": "done", "tenant": TENANT,
    })
}

fn salt(index: usize) -> Hash {
    [u8::try_from(index).unwrap() + 16; 32]
}

pub(crate) fn list(root: &Issuer<'_, impl SigningKey>, revoked: Option<i32>, year: i32) -> Vec<u8> {
    let entry = |year| RevokedCertParams {
        serial_number: SerialNumber::from(vec![0x70; 16]),
        revocation_time: date_time_ymd(year, 2, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(year, 3, 1),
        next_update: date_time_ymd(year, 3, 8),
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: revoked.map(entry).into_iter().collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(root).unwrap().der().to_vec()
}

pub(crate) fn authority(name: &str) -> CertificateParams {
    let mut root = CertificateParams::default();
    root.distinguished_name.push(DnType::CommonName, name);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    root.not_before = date_time_ymd(2026, 1, 1);
    root
}
