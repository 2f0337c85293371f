//! Keys, authorities, DER by hand, and the openssl command.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chancery_domain::decision::{Approved, IssuerLimits, KeyHistory, Operation, Request, decide};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::port::Entropy;
use chancery_domain::profile::Profile;
use chancery_domain::{Serial, Timestamp};
use chancery_keys::SoftwareKey;
use chancery_x509::{Addresses, CaPlan, CertificatePlan, DistinguishedName, IssuerCertificate, LintError, PublicKey, SignError, Signer};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// 2027-01-15T08:00:00Z, when the authorities here begin.
pub(crate) const START: i64 = 1_800_000_000;
/// When they end.
pub(crate) const END: i64 = 2_400_000_000;
pub(crate) const CRL_URL: &str = "http://pki.test/c/1.crl";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// A key pair in memory.
pub(crate) struct MemoryKey {
    key: SoftwareKey,
    pub(crate) pkcs8: Vec<u8>,
    public: PublicKey,
}

pub(crate) struct Random;

impl Entropy for Random {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new().fill(bytes).unwrap();
    }
}

impl MemoryKey {
    /// On P-256, as most tests do not care.
    pub(crate) fn new() -> Self {
        Self::of(KeyAlgorithm::EcP256)
    }
    pub(crate) fn of(algorithm: KeyAlgorithm) -> Self {
        Self::from_pkcs8(&SoftwareKey::generate_as(algorithm, &Random).ok().unwrap().1)
    }
    /// The key of this kind with this number, the same throughout a run: RSA keys take long to make.
    pub(crate) fn numbered(algorithm: KeyAlgorithm, number: u8) -> Self {
        type Made = HashMap<(KeyAlgorithm, u8), Vec<u8>>;
        static KEYS: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
        let mut keys = KEYS.lock().unwrap();
        Self::from_pkcs8(keys.entry((algorithm, number)).or_insert_with(|| Self::of(algorithm).pkcs8))
    }
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Self {
        let key = SoftwareKey::from_pkcs8(pkcs8).ok().unwrap();
        Self { public: PublicKey::from_spki_der(key.spki_der()).unwrap(), pkcs8: pkcs8.to_vec(), key }
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

pub(crate) fn serial(number: u8) -> Serial {
    Serial::from_slice(&[number; 16]).unwrap()
}

pub(crate) fn addresses() -> Addresses {
    Addresses { crl_url: CRL_URL.into(), aia_url: "http://pki.test/i/1.cer".into() }
}

fn ca_plan<T>(key: &PublicKey, name: &str, number: u8, path_length: u8, use_it: impl FnOnce(&CaPlan<'_>) -> T) -> T {
    let subject = DistinguishedName { organization: Some("Acme, Ümlaut & Co".into()), common_name: name.into() };
    let (not_before, not_after, path_length) = (at(START), at(END), Some(path_length));
    use_it(&CaPlan { subject: &subject, key, serial: serial(number), not_before, not_after, path_length })
}

/// A root and an intermediate under it, constrained to the patterns.
pub(crate) struct Authorities {
    pub(crate) root_key: MemoryKey,
    pub(crate) root: IssuerCertificate,
    pub(crate) key: MemoryKey,
    pub(crate) issuer: IssuerCertificate,
}

impl Authorities {
    pub(crate) fn new(patterns: &[&str]) -> Self {
        Self::with_keys(MemoryKey::new(), MemoryKey::new(), patterns)
    }
    pub(crate) fn with_keys(root_key: MemoryKey, key: MemoryKey, patterns: &[&str]) -> Self {
        let root = root(&root_key, 1);
        let issuer = intermediate(&root_key, &root, &key, patterns, 0).unwrap();
        Self { root_key, root, key, issuer }
    }
    pub(crate) fn leaf(&self, key: &PublicKey, names: &[&str], common_name: Option<&str>) -> Vec<u8> {
        let approved = approved_for(key.algorithm(), names, common_name);
        CertificatePlan::leaf(approved, key, serial(0x77), &self.issuer, &addresses()).unwrap().sign(&self.key).unwrap().into_der()
    }
    /// Another certificate of the same intermediate: same name, same key, other constraints.
    pub(crate) fn constrained_to(&self, patterns: &[&str]) -> IssuerCertificate {
        intermediate(&self.root_key, &self.root, &self.key, patterns, 0).unwrap()
    }
}

pub(crate) fn root(key: &MemoryKey, path_length: u8) -> IssuerCertificate {
    let prepared = ca_plan(key.public_key(), "Acme Root", 0x41, path_length, CertificatePlan::root).unwrap();
    IssuerCertificate::from_der(prepared.sign(key).unwrap().der()).unwrap()
}

pub(crate) fn intermediate(
    signer: &MemoryKey,
    above: &IssuerCertificate,
    key: &MemoryKey,
    patterns: &[&str],
    path_length: u8,
) -> Result<IssuerCertificate, LintError> {
    let names: Vec<_> = patterns.iter().map(|text| text.parse().unwrap()).collect();
    let plan = |plan: &CaPlan<'_>| CertificatePlan::intermediate(plan, &names, above, &addresses());
    let prepared = ca_plan(key.public_key(), "Acme Intermediate", 0x42, path_length, plan)?;
    Ok(IssuerCertificate::from_der(prepared.sign(signer).unwrap().der()).unwrap())
}

/// Every kind of name.
pub(crate) const EVERYTHING: &[&str] = &["dns:*", "ip:0.0.0.0/0", "ip:::/0", "email:*", "uri:*"];

pub(crate) fn approved(names: &[&str], common_name: Option<&str>) -> Approved {
    approved_for(KeyAlgorithm::EcP256, names, common_name)
}

pub(crate) fn approved_for(key_algorithm: KeyAlgorithm, names: &[&str], common_name: Option<&str>) -> Approved {
    let mut profile = Profile::presets().remove(2);
    profile.names = EVERYTHING.iter().map(|text| text.parse().unwrap()).collect();
    profile.wildcards = true;
    profile.key_algorithms = KeyAlgorithm::ALL.to_vec();
    let request = Request {
        operation: Operation::Issue,
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        common_name: common_name.map(str::to_owned),
        key_algorithm,
        custody: Custody::Client,
        validity_seconds: None,
    };
    let limits = IssuerLimits { permitted: profile.names.clone(), not_before: at(START), not_after: at(END) };
    decide(request, KeyHistory::New, &profile, 1, &limits, at(START + 1000)).outcome.unwrap()
}

/// A DER value around parts.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let head = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content].concat()
}

/// A folder for one test's files, and openssl run in it.
pub(crate) struct Openssl(tempfile::TempDir);

impl Openssl {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
    pub(crate) fn pem(&self, name: &str, certificates: &[&[u8]]) {
        let text: String = certificates.iter().map(|der| chancery_x509::pem::encode(chancery_x509::pem::CERTIFICATE, der)).collect();
        self.file(name, text);
    }
    /// Whether it succeeded, and everything it said.
    pub(crate) fn run(&self, arguments: &str) -> (bool, String) {
        let output = Command::new("openssl").current_dir(self.0.path()).args(arguments.split(' ')).output();
        let output = output.expect("these tests need the openssl command, version 3");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
    pub(crate) fn ok(&self, arguments: &str) -> String {
        let (success, said) = self.run(arguments);
        assert!(success, "openssl {arguments}: {said}");
        said
    }
}

/// Runs the Python of `cargo xtask setup`, whose `cryptography` package (with an OpenSSL newer than the machine's) knows ML-DSA.
pub(crate) fn python(folder: &Openssl, script: &str, arguments: &[&str]) -> (bool, String) {
    let default = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/venv/bin");
    let tools = std::env::var_os("CHANCERY_TEST_TOOLS").map_or(default, PathBuf::from);
    let output = Command::new(tools.join("python")).current_dir(folder.0.path()).args(["-c", script]).args(arguments).output();
    let output = output.expect("these tests need the Python that `cargo xtask setup` installs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
