//! A signer under a trusted root, a folder in which judges are run, and ways to damage what was made.

use crate::pki::{ALWAYS, DOCUMENT_SIGNING, EMAIL_PROTECTION, Identity, Profile, authority, identifier, signer, tlv};
use chancery_domain::Timestamp;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_formats::{Certified, Trust};
use std::path::PathBuf;
use std::process::Command;

/// When everything here is signed and judged.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// A signer, an authority and a root.
pub(crate) struct Party {
    pub(crate) identity: Identity,
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) middle: Identity,
    pub(crate) root: Identity,
    pub(crate) algorithm: SignatureAlgorithm,
}

impl Party {
    pub(crate) fn new(algorithm: SignatureAlgorithm) -> Self {
        Self::with_purposes(algorithm, &[DOCUMENT_SIGNING, EMAIL_PROTECTION])
    }
    pub(crate) fn with_purposes(algorithm: SignatureAlgorithm, purposes: &[&[u8]]) -> Self {
        let kind = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048, KeyAlgorithm::MlDsa65];
        let kind = kind.into_iter().find(|kind| algorithm.fits(*kind)).unwrap();
        Self { algorithm, ..Self::of_kind(signer("Acme Contracts", purposes), kind) }
    }
    /// On P-256.
    pub(crate) fn with_profile(profile: Profile<'_>) -> Self {
        Self::of_kind(profile, KeyAlgorithm::EcP256)
    }
    pub(crate) fn of_kind(profile: Profile<'_>, kind: KeyAlgorithm) -> Self {
        let root = Identity::root(authority("Acme Root"), KeyAlgorithm::EcP256);
        let middle = root.issue(authority("Acme Signing"), KeyAlgorithm::EcP256);
        let identity = middle.issue(profile, kind);
        let chain = vec![identity.certificate.clone(), middle.certificate.clone()];
        Self { identity, chain, middle, root, algorithm: SignatureAlgorithm::usual(kind) }
    }
    pub(crate) fn certified(&self) -> Certified<'_> {
        Certified { chain: &self.chain, algorithm: self.algorithm }
    }
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.identity.sign(self.algorithm, message)
    }
    pub(crate) fn trust(&self) -> Trust {
        Trust { roots: vec![self.root.certificate.clone()], ..Trust::default() }
    }
}

/// A folder for one test's files, and programs run in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
    pub(crate) fn pem(&self, name: &str, label: &str, ders: &[&[u8]]) {
        self.write(name, ders.iter().map(|der| chancery_x509::pem::encode(label, der)).collect::<String>());
    }
    /// Whether the program succeeded, and everything it said.
    pub(crate) fn run(&self, program: &str, arguments: &str) -> (bool, String) {
        let mut command = Command::new(program);
        let output = command.current_dir(self.0.path()).args(arguments.split_whitespace()).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask setup` installs what tests need"));
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
    pub(crate) fn ok(&self, program: &str, arguments: &str) -> String {
        let (success, said) = self.run(program, arguments);
        assert!(success, "{program} {arguments}: {said}");
        said
    }
}

/// A program of the virtual environment of `cargo xtask setup`.
pub(crate) fn python_judge(name: &str) -> String {
    let default = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/venv/bin");
    let tools = std::env::var_os("CHANCERY_TEST_TOOLS").map_or(default, PathBuf::from);
    tools.join(name).display().to_string()
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % limit as u64).unwrap()
    }
}

/// Every copy in which one bit is another.
pub(crate) fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit, flipped)
    })
}

/// Every beginning of them, and copies with lengths that are huge.
pub(crate) fn damaged(bytes: &[u8], seed: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..bytes.len()).map(|end| bytes[..end].to_vec());
    let mut random = Seeded(seed);
    let huge = (0..500).map(move |_| {
        let mut copy = bytes.to_vec();
        let at = random.below(copy.len());
        let length = [&[0x84, 0x7f, 0xff, 0xff, 0xff][..], &[0x88; 9], &[0x80], &[0x83, 0xff, 0xff, 0xff], &[0xff; 6]][random.below(5)];
        copy.splice(at..at + 1, length.iter().copied());
        copy
    });
    cut.chain(huge.filter(move |copy| copy != bytes)).chain([[bytes, &[0]].concat()])
}

/// A list of this authority's in which one certificate is revoked since then (UTCTime).
pub(crate) fn crl(authority: &Identity, revoked: &Identity, since: &[u8]) -> Vec<u8> {
    crl_because(authority, revoked, since, None)
}

/// The same, with a reason code (RFC 5280 section 5.3.1) or without one.
pub(crate) fn crl_because(authority: &Identity, revoked: &Identity, since: &[u8], reason: Option<u8>) -> Vec<u8> {
    let because = |code| tlv(0x30, &[&tlv(0x30, &[&[6, 3, 0x55, 0x1d, 21], &tlv(4, &[&[0x0a, 1, code]])])]);
    let because = reason.map(because).unwrap_or_default();
    let times = [tlv(0x17, &[ALWAYS[0]]), tlv(0x17, &[ALWAYS[1]])].concat();
    let entry = tlv(0x30, &[&tlv(2, &[&revoked.serial]), &tlv(0x17, &[since]), &because]);
    let number = tlv(0x30, &[&[6, 3, 0x55, 0x1d, 20], &tlv(4, &[&[2, 1, 1]])]);
    let extensions = tlv(0xa0, &[&tlv(0x30, &[&number])]);
    let identifier = identifier(authority.algorithm);
    let tbs = tlv(0x30, &[&[2, 1, 1], identifier, &authority.name, &times, &tlv(0x30, &[&entry]), &extensions]);
    let signature = authority.sign(SignatureAlgorithm::usual(authority.algorithm), &tbs);
    tlv(0x30, &[&tbs, identifier, &tlv(3, &[&[0], &signature])])
}

/// A SignedData whose content of this type (encoded) has another tag, and which has another version.
pub(crate) fn reshaped(der: &[u8], content_type: &[u8], tag: u8, version: u8) -> Vec<u8> {
    let find = |needle: &[u8]| der.windows(needle.len()).position(|window| window == needle).unwrap();
    let (at, before) = (find(content_type) + content_type.len(), find(&[0x02, 0x01]));
    assert_eq!((der[at], der[before + 3]), (0xa0, 0x31));
    let long = if der[at + 1] & 0x80 == 0 { 0 } else { usize::from(der[at + 1] & 0x7f) };
    let mut reshaped = der.to_vec();
    (reshaped[at + 2 + long], reshaped[before + 2]) = (tag, version);
    assert_ne!(reshaped, der);
    reshaped
}
