//! Certificates that pass every lint, and ways to spoil them one field at a time.

use super::{Expected, LintError, certificate};
use crate::algorithm::signature_algorithm;
use crate::certificate::Tbs;
use crate::constraints::Constraints;
use crate::der_out::{DerOut, SEQUENCE};
use crate::issuer::IssuerCertificate;
use crate::key::{PublicKey, SignError, Signer};
use crate::plan::write::TbsFields;
use crate::plan::{Addresses, CaPlan, CertificatePlan, DistinguishedName};
use crate::time::from_x509;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use chancery_domain::decision::{Approved, IssuerLimits, KeyHistory, Operation, Request, decide};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::pattern::NamePattern;
use chancery_domain::profile::Profile;
use chancery_domain::{Serial, Timestamp};
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

/// The first and last second of the intermediate.
pub(crate) const START: i64 = 1_800_000_000;
const END: i64 = 2_000_000_000;

const ROOT_KEY: u8 = 1;
pub(crate) const INTERMEDIATE_KEY: u8 = 2;
const LEAF_KEY: u8 = 3;

/// Everything of a P-256 `SubjectPublicKeyInfo` before its point.
const P256_SPKI_PREFIX: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// A key pair in memory.
pub(crate) struct MemoryKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl Signer for MemoryKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()).map_err(|e| SignError::Provider(Box::new(e)))
    }
}

/// The key with this number, the same throughout a run.
pub(crate) fn signer(number: u8) -> Arc<MemoryKey> {
    static KEYS: LazyLock<Mutex<HashMap<u8, Arc<MemoryKey>>>> = LazyLock::new(Mutex::default);
    let make = || {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let spki = [P256_SPKI_PREFIX, pair.public_key().as_ref()].concat();
        Arc::new(MemoryKey { public: PublicKey::from_spki_der(&spki).unwrap(), pair })
    };
    KEYS.lock().unwrap().entry(number).or_insert_with(make).clone()
}

pub(crate) fn key(number: u8) -> PublicKey {
    signer(number).public.clone()
}

/// What the certificate under test is meant to be.
enum Meant {
    Leaf,
    Root,
    Intermediate,
}

pub(crate) struct Fixture {
    meant: Meant,
    pub(crate) key: PublicKey,
    fields: TbsFields<'static>,
    edits: Vec<(Vec<u8>, Vec<u8>)>,
}

fn patterns() -> Vec<NamePattern> {
    vec!["dns:*.acme.example".parse().unwrap()]
}

fn addresses() -> Addresses {
    Addresses { crl_url: "http://pki.test/c/1.crl".into(), aia_url: "http://pki.test/i/1.cer".into() }
}

fn authority<T>(number: u8, common_name: &str, path_length: u8, use_it: impl FnOnce(&CaPlan<'_>) -> T) -> T {
    let subject = DistinguishedName { organization: Some("Acme".into()), common_name: common_name.into() };
    let serial = Serial::from_slice(&[0x40 + number; 16]).unwrap();
    let (not_before, not_after) = (Timestamp::from_seconds(START), Timestamp::from_seconds(END));
    use_it(&CaPlan { subject: &subject, key: &key(number), serial, not_before, not_after, path_length: Some(path_length) })
}

pub(crate) fn root_issuer() -> IssuerCertificate {
    let prepared = authority(ROOT_KEY, "Acme Root", 1, CertificatePlan::root).unwrap();
    IssuerCertificate::from_der(prepared.sign(&*signer(ROOT_KEY)).unwrap().der()).unwrap()
}

pub(crate) fn intermediate_issuer() -> IssuerCertificate {
    let plan = |plan: &CaPlan<'_>| CertificatePlan::intermediate(plan, &patterns(), &root_issuer(), &addresses());
    let prepared = authority(INTERMEDIATE_KEY, "Acme Intermediate", 0, plan).unwrap();
    IssuerCertificate::from_der(prepared.sign(&*signer(ROOT_KEY)).unwrap().der()).unwrap()
}

fn approved() -> Approved {
    let request = Request {
        operation: Operation::Issue,
        names: ["a.acme.example", "b.acme.example"].iter().map(|name| name.parse().unwrap()).collect(),
        common_name: Some("a.acme.example".into()),
        key_algorithm: KeyAlgorithm::EcP256,
        custody: Custody::Client,
        validity_seconds: None,
    };
    let limits =
        IssuerLimits { permitted: patterns(), not_before: Timestamp::from_seconds(START), not_after: Timestamp::from_seconds(END) };
    decide(request, KeyHistory::New, &Profile::presets()[0], 1, &limits, Timestamp::from_seconds(START + 60)).outcome.unwrap()
}

pub(crate) fn leaf_of(number: u8) -> Result<Vec<u8>, LintError> {
    let serial = Serial::from_slice(&[0x77; 16]).unwrap();
    let prepared = CertificatePlan::leaf(approved(), &key(number), serial, &intermediate_issuer(), &addresses())?;
    Ok(prepared.tbs_der().to_vec())
}

pub(crate) fn leaf() -> Fixture {
    Fixture::from_tbs(Meant::Leaf, LEAF_KEY, leaf_of(LEAF_KEY).unwrap())
}

pub(crate) fn root() -> Fixture {
    let tbs_der = authority(ROOT_KEY, "Acme Root", 1, |plan| CertificatePlan::root(plan).unwrap().tbs_der().to_vec());
    Fixture::from_tbs(Meant::Root, ROOT_KEY, tbs_der)
}

pub(crate) fn intermediate() -> Fixture {
    let tbs_der = authority(INTERMEDIATE_KEY, "Acme Intermediate", 0, |plan| {
        CertificatePlan::intermediate(plan, &patterns(), &root_issuer(), &addresses()).unwrap().tbs_der().to_vec()
    });
    Fixture::from_tbs(Meant::Intermediate, INTERMEDIATE_KEY, tbs_der)
}

impl Fixture {
    fn from_tbs(meant: Meant, number: u8, tbs_der: Vec<u8>) -> Self {
        let der: &'static [u8] = tbs_der.leak();
        let tbs = Tbs::from_der(der).unwrap();
        let fields: Vec<AnyRef<'static>> = Vec::from_der(der).unwrap();
        let extensions = AnyRef::from_der(fields.last().unwrap().value()).unwrap();
        let fields = TbsFields {
            serial: tbs.serial.to_vec(),
            algorithm: KeyAlgorithm::EcP256,
            issuer_der: tbs.issuer_der,
            not_before: from_x509(tbs.validity.not_before),
            not_after: from_x509(tbs.validity.not_after),
            subject_der: tbs.subject_der,
            spki_der: tbs.spki_der,
            extensions_der: extensions.value().to_vec(),
        };
        assert_eq!(fields.to_der(), der);
        Self { meant, key: key(number), fields, edits: Vec::new() }
    }
    /// The bytes under test.
    fn tbs_der(&self) -> Vec<u8> {
        let mut der = self.fields.to_der();
        for (old, new) in &self.edits {
            let edited = rewrite(&der, old, new);
            assert_ne!(edited, der, "nothing to replace");
            der = edited;
        }
        der
    }
    /// The certificate, signed without any lint by the key that should.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let tbs_der = self.tbs_der();
        let signature = signer(if matches!(self.meant, Meant::Leaf) { INTERMEDIATE_KEY } else { ROOT_KEY }).sign(&tbs_der).unwrap();
        DerOut::document(0, |out| {
            out.nested(SEQUENCE, |out| {
                out.raw(&tbs_der);
                out.raw(signature_algorithm(KeyAlgorithm::EcP256));
                out.bits(&signature);
            });
        })
    }
    /// With some fields changed.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut TbsFields<'static>)) -> Self {
        change(&mut self.fields);
        self
    }
    /// With some bytes of the encoding changed, the lengths around them mended.
    pub(crate) fn replaced(mut self, old: &[u8], new: &[u8]) -> Self {
        self.edits.push((old.to_vec(), new.to_vec()));
        self
    }
    /// Without the extension with this encoded identifier.
    pub(crate) fn without(mut self, id: &[u8]) -> Self {
        let mut reader = SliceReader::new(&self.fields.extensions_der).unwrap();
        let mut kept = Vec::new();
        while !reader.is_finished() {
            let extension = reader.tlv_bytes().unwrap();
            if !extension[2..].starts_with(id) && !extension[3..].starts_with(id) {
                kept.extend_from_slice(extension);
            }
        }
        assert_ne!(kept, self.fields.extensions_der, "no such extension");
        self.fields.extensions_der = kept;
        self
    }
    /// With the extension with this encoded identifier marked critical.
    pub(crate) fn made_critical(self, id: &[u8]) -> Self {
        let (old, new) = ([id, &[0x04]].concat(), [id, &[1, 1, 0xff, 0x04]].concat());
        self.replaced(&old, &new)
    }
}

/// The codes of the lints that object.
pub(crate) fn codes(fixture: Fixture) -> Vec<&'static str> {
    let der = fixture.tbs_der();
    let constraints = Constraints::from_patterns(&patterns());
    let key = &fixture.key;
    let result = match fixture.meant {
        Meant::Leaf => certificate(&der, &Expected::Leaf { issuer: &intermediate_issuer(), key }),
        Meant::Root => certificate(&der, &Expected::Root { key }),
        Meant::Intermediate => certificate(&der, &Expected::Intermediate { issuer: &root_issuer(), key, constraints: &constraints }),
    };
    result.err().map(|error| error.findings.iter().map(|finding| finding.code).collect()).unwrap_or_default()
}

/// Replaces bytes in the innermost values that hold them and writes all lengths anew.
fn rewrite(der: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut reader = SliceReader::new(der).unwrap();
    DerOut::document(der.len(), |out| {
        while !reader.is_finished() {
            let value = reader.tlv_bytes().unwrap();
            let content = AnyRef::from_der(value).unwrap().value();
            if value[0] & 0x20 == 0 && value[0] != 0x04 {
                out.raw(value);
                continue;
            }
            let inner = if value[0] & 0x20 == 0 { content.to_vec() } else { rewrite(content, old, new) };
            let edited = if inner == content { substitute(&inner, old, new) } else { inner };
            out.value(value[0], &edited);
        }
    })
}

fn substitute(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    match bytes.windows(old.len()).position(|window| window == old) {
        Some(at) => [&bytes[..at], new, &bytes[at + old.len()..]].concat(),
        None => bytes.to_vec(),
    }
}
