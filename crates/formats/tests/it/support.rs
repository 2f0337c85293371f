//! Signers of every kind under one root, and the judges from outside.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use chancery_domain::certificate::RevocationReason;
use chancery_domain::decision::{IssuerLimits, KeyHistory, Operation, Request, decide};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::port::Entropy;
use chancery_domain::profile::Profile;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_domain::{Serial, Timestamp};
use chancery_formats::{Certified, Problem, Trust};
use chancery_keys::SoftwareKey;
use chancery_x509::{
    Addresses, CaPlan, CertificatePlan, CrlEntry, CrlPlan, DistinguishedName, IssuerCertificate, PublicKey, SignError, Signer,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

/// 2023-11-14T22:13:20Z, when everything here begins: judges look at the machine's own clock.
pub(crate) const START: i64 = 1_700_000_000;
/// Who signs, by the only kinds of name that cosign looks at: a URI or an e-mail address.
pub(crate) const IDENTITY: &str = "https://builds.acme.example/release";
/// How long signers' certificates are valid, in seconds.
pub(crate) const VALIDITY: u32 = 400_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// When everything here is verified.
pub(crate) fn now() -> Timestamp {
    at(START + 5000)
}

struct Random;

impl Entropy for Random {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new().fill(bytes).unwrap();
    }
}

/// A key pair in memory.
pub(crate) struct MemoryKey {
    key: SoftwareKey,
    pub(crate) pkcs8: Vec<u8>,
    public: PublicKey,
}

impl MemoryKey {
    pub(crate) fn of(algorithm: KeyAlgorithm) -> Self {
        let (key, pkcs8) = SoftwareKey::generate_as(algorithm, &Random).ok().unwrap();
        Self { public: PublicKey::from_spki_der(key.spki_der()).unwrap(), pkcs8: pkcs8.to_vec(), key }
    }
    pub(crate) fn sign_as(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
        if algorithm != SignatureAlgorithm::RsaPssSha256 {
            return self.key.sign(message).ok().unwrap();
        }
        let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

impl Signer for MemoryKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(message).map_err(|error| SignError::Provider(Box::new(error)))
    }
}

fn authority_plan<T>(key: &MemoryKey, name: &str, number: u8, use_it: impl FnOnce(&CaPlan<'_>) -> T) -> T {
    let subject = DistinguishedName { organization: Some("Acme".into()), common_name: name.into() };
    use_it(&CaPlan {
        subject: &subject,
        key: key.public_key(),
        serial: Serial::from_slice(&[number; 16]).unwrap(),
        not_before: at(START),
        not_after: at(START + 500_000_000),
        path_length: Some(1),
    })
}

/// Of every signer's certificate.
fn serial() -> Serial {
    Serial::from_slice(&[0x77; 16]).unwrap()
}

fn addresses() -> Addresses {
    Addresses { crl_url: "http://pki.test/c/1.crl".into(), aia_url: "http://pki.test/i/1.cer".into() }
}

/// A root, an intermediate, and whoever gets a certificate of it.
pub(crate) struct House {
    key: MemoryKey,
    pub(crate) root: Vec<u8>,
    pub(crate) issuer: IssuerCertificate,
}

impl House {
    pub(crate) fn new() -> Self {
        let (root_key, key) = (MemoryKey::of(KeyAlgorithm::EcP256), MemoryKey::of(KeyAlgorithm::EcP256));
        let root = authority_plan(&root_key, "Acme Root", 0x41, CertificatePlan::root).unwrap().sign(&root_key).unwrap().into_der();
        let above = IssuerCertificate::from_der(&root).unwrap();
        let names: Vec<_> = ["dns:*", "email:*", "uri:*"].iter().map(|text| text.parse().unwrap()).collect();
        let plan =
            |plan: &CaPlan<'_>| CertificatePlan::intermediate(&CaPlan { path_length: Some(0), ..*plan }, &names, &above, &addresses());
        let issuer = authority_plan(&key, "Acme Signing", 0x42, plan).unwrap().sign(&root_key).unwrap();
        Self { key, root, issuer: IssuerCertificate::from_der(issuer.der()).unwrap() }
    }
    /// A certificate of this profile.
    pub(crate) fn certify(&self, key: &MemoryKey, profile: &str) -> Vec<u8> {
        let mut profile = Profile::presets().into_iter().find(|preset| preset.name.as_str() == profile).unwrap();
        profile.key_algorithms = KeyAlgorithm::ALL.to_vec();
        (profile.default_validity_seconds, profile.max_validity_seconds) = (VALIDITY, VALIDITY);
        profile.custody = vec![Custody::Client];
        let request = Request {
            operation: Operation::Issue,
            names: ["dns:builds.acme.example", &format!("uri:{IDENTITY}")].map(|name| name.parse().unwrap()).to_vec(),
            common_name: Some("builds.acme.example".into()),
            key_algorithm: key.public_key().algorithm(),
            custody: Custody::Client,
            validity_seconds: None,
        };
        let limits = IssuerLimits { permitted: profile.names.clone(), not_before: at(START), not_after: at(START + 500_000_000) };
        let approved = decide(request, KeyHistory::New, &profile, 1, &limits, at(START + 1000)).outcome.unwrap();
        let prepared = CertificatePlan::leaf(approved, key.public_key(), serial(), &self.issuer, &addresses()).unwrap();
        prepared.sign(&self.key).unwrap().into_der()
    }
    /// The intermediate's list, with all that it has certified revoked at this time.
    pub(crate) fn revoked(&self, revoked_at: i64) -> Vec<u8> {
        let entry = CrlEntry { serial: serial(), revoked_at: at(revoked_at), reason: RevocationReason::KeyCompromise };
        let plan = CrlPlan {
            issuer: &self.issuer,
            number: 1,
            this_update: at(START + 9000),
            next_update: at(START + 90_000),
            distribution_point_url: None,
            entries: vec![entry],
        };
        plan.prepare().unwrap().sign(&self.key).unwrap().into_der()
    }
    pub(crate) fn trust(&self) -> Trust {
        Trust { roots: vec![self.root.clone()], ..Trust::default() }
    }
    /// Somebody with a certificate for code signing.
    pub(crate) fn member(&self, algorithm: KeyAlgorithm) -> Member {
        let key = MemoryKey::of(algorithm);
        let chain = vec![self.certify(&key, "code-signing"), self.issuer.der().to_vec()];
        Member { key, chain }
    }
}

/// A signer.
pub(crate) struct Member {
    pub(crate) key: MemoryKey,
    /// The signer's certificate and the intermediate's.
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Member {
    pub(crate) fn certified(&self, algorithm: SignatureAlgorithm) -> Certified<'_> {
        Certified { chain: &self.chain, algorithm }
    }
    /// The public key as PEM.
    pub(crate) fn pem(&self) -> String {
        chancery_x509::pem::encode("PUBLIC KEY", self.key.public_key().spki_der())
    }
}

/// The house of most tests.
pub(crate) static HOUSE: LazyLock<House> = LazyLock::new(House::new);

/// A member of it who makes such signatures, the same throughout a run.
pub(crate) fn member(algorithm: SignatureAlgorithm) -> Arc<Member> {
    static MEMBERS: LazyLock<Mutex<HashMap<KeyAlgorithm, Arc<Member>>>> = LazyLock::new(Mutex::default);
    let kind = KeyAlgorithm::ALL.into_iter().find(|kind| algorithm.fits(*kind)).unwrap();
    let mut members = MEMBERS.lock().unwrap();
    Arc::clone(members.entry(kind).or_insert_with(|| Arc::new(HOUSE.member(kind))))
}

/// The codes of what is wrong.
pub(crate) fn codes<T: std::fmt::Debug>(verdict: Result<T, Vec<Problem>>) -> Vec<&'static str> {
    verdict.unwrap_err().iter().map(|problem| problem.code).collect()
}

/// Where `cargo xtask setup` puts the judges: `venv/bin` below it, `bin`, and vectors.
pub(crate) fn tools() -> PathBuf {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/venv/bin");
    let venv = std::env::var_os("CHANCERY_TEST_TOOLS").map_or(default, PathBuf::from);
    venv.join("../..")
}

/// A folder for one test's files.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }
    /// Runs a judge in it: whether it ended well, and everything it said.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let path = tools().join(program);
        let output = Command::new(&path).current_dir(self.0.path()).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}; run cargo xtask setup", path.display()));
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> (bool, String) {
        self.run("venv/bin/python", &[&["-c", script], arguments].concat())
    }
}
