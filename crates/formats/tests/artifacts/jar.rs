//! Signed archives against jarsigner, and archives that hostile senders make (THREATS 33).

use crate::cms::codes;
use crate::pki::CODE_SIGNING;
use crate::support::{Folder, Party, Seeded, damaged, now};
use crate::timestamps::Stamper;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_formats::jar::{self, Package, extension};
use chancery_formats::{Problem, Trust, Verified, cms};
use std::io::Cursor;

const EC: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

/// With its root, for jarsigner wants to find one of the certificates inside among the trusted ones.
fn party(algorithm: SignatureAlgorithm) -> Party {
    let mut party = Party::with_purposes(algorithm, &[CODE_SIGNING]);
    party.chain.push(party.root.certificate.clone());
    party
}

/// An archive that Java's own tool makes.
fn unsigned(folder: &Folder) -> Vec<u8> {
    let long = format!("in/com/example/{}/Ünïcode.class", "long".repeat(20));
    for (name, content) in [("in/A.class", &b"\xca\xfe\xba\xbe"[..]), (&long, b"B"), ("in/META-INF/services/x.Y", b"x.Z\n")] {
        std::fs::create_dir_all(folder.path(name).parent().unwrap()).unwrap();
        folder.write(name, content);
    }
    folder.write("in/large.bin", (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect::<Vec<u8>>());
    let manifest = "Main-Class: A\nMulti-Release: true\n\nName: com/example/\nSealed: true\n\nName: gone/\nSealed: true\n\nName: A.class\nPurpose: test\nSHA1-Digest: AAAA\n\n";
    folder.write("manifest.txt", manifest);
    folder.ok("jar", "--create --file unsigned.jar --manifest manifest.txt -C in .");
    folder.read("unsigned.jar")
}

fn sign(party: &Party, unsigned: &[u8]) -> Vec<u8> {
    let package = Package::of(&mut Cursor::new(unsigned), "acme").unwrap();
    let prepared = jar::prepare(&party.certified(), &package.digest(party.algorithm), now()).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    write(&package, unsigned, &prepared.finish(&signature).unwrap(), party.algorithm)
}

fn write(package: &Package, unsigned: &[u8], cms: &[u8], algorithm: SignatureAlgorithm) -> Vec<u8> {
    let mut out = Vec::new();
    package.write(&mut Cursor::new(unsigned), cms, algorithm, &mut out).unwrap();
    out
}

fn verify(jar: &[u8], trust: &Trust) -> Result<Verified, Vec<Problem>> {
    jar::verify(&mut Cursor::new(jar), trust, now())
}

fn jarsigner(folder: &Folder, jar: &[u8]) -> (bool, String) {
    folder.write("signed.jar", jar);
    let (good, said) = folder.run("jarsigner", "-verify -strict -verbose -keystore trust.p12 -storepass changeit signed.jar");
    (good && said.contains("jar verified."), said)
}

fn trusting(folder: &Folder, party: &Party) {
    folder.pem("root.pem", "CERTIFICATE", &[&party.root.certificate]);
    folder.ok("keytool", "-importcert -noprompt -alias root -file root.pem -keystore trust.p12 -storepass changeit");
}

#[test]
fn jarsigner_accepts_it_and_refuses_it_changed() {
    for algorithm in SignatureAlgorithm::ALL {
        // Java 17 knows no ML-DSA.
        if algorithm == SignatureAlgorithm::MlDsa65 {
            continue;
        }
        let (party, folder) = (party(algorithm), Folder::new());
        let unsigned = unsigned(&folder);
        trusting(&folder, &party);
        let signed = sign(&party, &unsigned);
        let (accepted, said) = jarsigner(&folder, &signed);
        assert!(accepted, "{algorithm:?}: {said}");
        let verified = verify(&signed, &party.trust()).unwrap();
        assert_eq!((verified.algorithm, verified.chain.len()), (algorithm, 3));
        // An entry changed, one added, one taken away, the manifest changed.
        for (edit, name) in [("in", "A.class"), ("in2", "Added.class")] {
            std::fs::create_dir_all(folder.path("in2")).unwrap();
            folder.write(&format!("{edit}/{name}"), b"other");
            folder.write("signed.jar", &signed);
            folder.ok("jar", &format!("--update --file signed.jar -C {edit} {name}"));
            let changed = folder.read("signed.jar");
            assert!(!jarsigner(&folder, &changed).0, "{name}");
            assert_eq!(codes(verify(&changed, &party.trust())), [if edit == "in" { "digest" } else { "unsigned" }]);
            folder.write("in/A.class", b"\xca\xfe\xba\xbe");
        }
        assert_eq!(codes(verify(&unsigned, &party.trust())), ["unsigned"]);
        let foreign = Party::with_purposes(EC, &[crate::pki::EMAIL_PROTECTION]);
        assert_eq!(codes(verify(&sign(&foreign, &unsigned), &foreign.trust())), ["purpose"]);
    }
}

#[test]
fn what_jarsigner_signs_verifies_here() {
    for algorithm in [EC, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::Ed25519] {
        let (party, folder) = (party(algorithm), Folder::new());
        unsigned(&folder);
        folder.pem("chain.pem", "CERTIFICATE", &[&party.chain[0], &party.chain[1], &party.root.certificate]);
        folder.pem("key.pem", "PRIVATE KEY", &[&party.identity.pkcs8]);
        folder.ok("openssl", "pkcs12 -export -in chain.pem -inkey key.pem -name acme -passout pass:changeit -out key.p12");
        let kind = match algorithm {
            SignatureAlgorithm::EcdsaP384Sha384 => "-sigalg SHA384withECDSA -digestalg SHA-384",
            SignatureAlgorithm::RsaPkcs1Sha256 => "-sigalg SHA256withRSA",
            SignatureAlgorithm::Ed25519 => "-sigalg Ed25519",
            _ => "-sigalg SHA256withECDSA",
        };
        folder.ok("jarsigner", &format!("-keystore key.p12 -storepass changeit {kind} -signedjar signed.jar unsigned.jar acme"));
        let verified = verify(&folder.read("signed.jar"), &party.trust()).unwrap();
        assert_eq!((verified.algorithm, verified.subject.as_str()), (algorithm, "CN=Acme Contracts"));
        let resigned = Package::of(&mut Cursor::new(folder.read("signed.jar")), "acme");
        assert_eq!(resigned.err().unwrap().code, "signed");
    }
}

#[test]
fn a_timestamp_goes_into_the_cms() {
    let (party, stamper, folder) = (party(EC), Stamper::new(), Folder::new());
    let unsigned = unsigned(&folder);
    let package = Package::of(&mut Cursor::new(&unsigned), "acme").unwrap();
    let prepared = jar::prepare(&party.certified(), &package.digest(EC), now()).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    let bare = prepared.finish(&signature).unwrap();
    let stamped = cms::with_timestamp(&bare, &stamper.stamp(&bare, now())).unwrap();
    let signed = write(&package, &unsigned, &stamped, EC);
    let verified = verify(&signed, &stamper.trusted_with(&party)).unwrap();
    assert_eq!(verified.timestamp.unwrap().subject, "CN=Acme Time");
    folder.pem("time.pem", "CERTIFICATE", &[&stamper.root.certificate]);
    trusting(&folder, &party);
    folder.ok("keytool", "-importcert -noprompt -alias time -file time.pem -keystore trust.p12 -storepass changeit");
    let (accepted, said) = jarsigner(&folder, &signed);
    assert!(accepted && said.contains("Timestamped by \"CN=Acme Time\""), "{said}");
}

/// A ZIP of stored entries, and what its directory says of each made to differ by an edit of the record.
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    fn new() -> Self {
        Self { bytes: Vec::new(), directory: Vec::new(), count: 0 }
    }
    fn entry(mut self, name: &str, data: &[u8]) -> Self {
        self.add(name, name, data, data.len(), 0);
        self
    }
    fn add(&mut self, name: &str, central_name: &str, data: &[u8], size: usize, method: u8) {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let offset = self.bytes.len() as u32;
        let common = |name: &str| {
            let mut bytes = vec![10, 0, 0, 8, method, 0, 0, 0, 0x21, 0];
            bytes.extend(crc.sum().to_le_bytes());
            bytes.extend((data.len() as u32).to_le_bytes());
            bytes.extend((size as u32).to_le_bytes());
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend([0, 0]);
            bytes
        };
        self.bytes.extend([b"PK\x03\x04", &common(name)[..], name.as_bytes(), data].concat());
        let central = [b"PK\x01\x02\x0a\x00", &common(central_name)[..], &[0; 10], &offset.to_le_bytes(), central_name.as_bytes()];
        self.directory.extend(central.concat());
        self.count += 1;
    }
    fn bytes(&self) -> Vec<u8> {
        let (count, size, start) = (self.count.to_le_bytes(), self.directory.len() as u32, self.bytes.len() as u32);
        let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat();
        [&self.bytes[..], &self.directory, &end].concat()
    }
}

fn refusal(zip: &[u8]) -> &'static str {
    Package::of(&mut Cursor::new(zip), "acme").err().map_or("", |problem| problem.code)
}

#[test]
fn hostile_archives_are_refused() {
    let good = || Zip::new().entry("a/b.txt", b"hello");
    assert_eq!(refusal(&good().bytes()), "");
    for name in ["../a", "a/../b", "/a", "a\\b", "a//b", "./a", "C:a", "", "a\0b", "a\nb"] {
        assert_eq!(refusal(&good().entry(name, b"x").bytes()), "name", "{name:?}");
    }
    assert_eq!(refusal(&good().entry("a/b.txt", b"x").bytes()), "name");
    assert_eq!(refusal(&good().entry("META-INF/x.Y", b"x").entry("meta-inf/X.y", b"x").bytes()), "name");
    // The directory calls it otherwise than the entry itself.
    let mut renamed = good();
    renamed.add("a.txt", "b.txt", b"x", 1, 0);
    assert_eq!(refusal(&renamed.bytes()), "form");
    // Before, between and behind the entries, and behind the end.
    assert_eq!(refusal(&[b"#!/bin/sh\n", &good().bytes()[..]].concat()), "form");
    assert_eq!(refusal(&[&good().bytes()[..], b"x"].concat()), "form");
    let mut gap = good();
    gap.bytes.extend(b"unseen");
    assert_eq!(refusal(&gap.entry("c", b"x").bytes()), "form");
    // More comes out than it says, or less; stored with another length.
    for size in [4, 6] {
        let mut wrong = good();
        let deflated = {
            use std::io::Write;
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(b"hello").unwrap();
            encoder.finish().unwrap()
        };
        wrong.add("c", "c", &deflated, size, 8);
        assert_eq!(refusal(&wrong.bytes()), "form");
        let mut stored = good();
        stored.add("c", "c", b"hello", size, 0);
        assert_eq!(refusal(&stored.bytes()), "form");
    }
    // A bomb: 32 MiB from some bytes; and many that are not large one by one.
    let mut bomb = good();
    bomb.add("bomb", "bomb", b"small", 32 << 20, 8);
    assert_eq!(refusal(&bomb.bytes()), "bounds");
    let mut wide = good();
    for number in 0..257 {
        let name = format!("wide {number}");
        wide.add(&name, &name, b"", 16 << 20, 8);
    }
    assert_eq!(refusal(&wide.bytes()), "bounds");
    // A method that is not read, an encrypted entry, a folder with content.
    let mut method = good();
    method.add("c", "c", b"x", 1, 14);
    assert_eq!(refusal(&method.bytes()), "form");
    assert_eq!(refusal(&good().entry("folder/", b"x").bytes()), "form");
    let mut end = good();
    end.count = 2;
    assert_eq!(refusal(&end.bytes()), "form");
    let mut fewer = good().entry("c", b"x");
    fewer.count = 1;
    assert_eq!(refusal(&fewer.bytes()), "form");
    let manifest = |text: &str| refusal(&good().entry("META-INF/MANIFEST.MF", text.as_bytes()).bytes());
    assert_eq!(manifest("Manifest-Version: 1.0\n"), "");
    assert_eq!(manifest("no attribute\n"), "form");
    assert_eq!(manifest("Manifest-Version: 1.0\nMANIFEST-VERSION: 2.0\n"), "form");
    assert_eq!(manifest("A: 1\n\nName: x\n\nName: x\n"), "name");
    assert_eq!(manifest("A: 1\n\nNo-Name: x\n"), "form");
    let attributes = |count: usize| (0..count).map(|n| format!("A{n}: \n")).collect::<String>();
    assert_eq!((manifest(&attributes(63)).len(), manifest(&attributes(65))), (0, "bounds"));
    let sections = |count: usize| (0..count).map(|n| format!("Name: {n}\n\n")).collect::<String>();
    assert_eq!((manifest(&sections(131_067)).len(), manifest(&sections(131_069))), (0, "bounds"));
    assert_eq!(refusal(&good().entry("META-INF/A.SF", b"").bytes()), "signed");
    assert_eq!(refusal(&good().entry("meta-inf/a.rsa", b"").bytes()), "signed");
    let long = vec![b'\n'; (16 << 20) + 1];
    assert_eq!(refusal(&good().entry("META-INF/MANIFEST.MF", &long).bytes()), "bounds");
}

#[test]
fn a_signed_archive_is_refused_for_what_is_wrong_with_it() {
    let party = party(EC);
    let trust = party.trust();
    let signed = |zip: Zip| sign(&party, &zip.bytes());
    let two = signed(Zip::new().entry("a", b"alpha").entry("b", b"beta"));
    assert_eq!(codes(verify(&two, &trust)), [""; 0]);
    let read = |bytes: &[u8], name: &str| {
        let at = bytes.windows(name.len() + 30).position(|w| w.starts_with(b"PK\x03\x04") && w[30..] == *name.as_bytes()).unwrap();
        let length = u32::from_le_bytes(bytes[at + 18..at + 22].try_into().unwrap()) as usize;
        bytes[at + 30 + name.len()..][..length].to_vec()
    };
    let [manifest, file, block] = ["META-INF/MANIFEST.MF", "META-INF/ACME.SF", "META-INF/ACME.EC"].map(|name| read(&two, name));
    assert_eq!(extension(EC), "EC");
    let with = |manifest: &[u8]| {
        Zip::new().entry("META-INF/MANIFEST.MF", manifest).entry("META-INF/ACME.SF", &file).entry("META-INF/ACME.EC", &block)
    };
    let verdict = |zip: Zip| codes(verify(&zip.bytes(), &trust));
    assert_eq!(verdict(with(&manifest).entry("a", b"alpha").entry("b", b"beta")), [""; 0]);
    assert_eq!(verdict(with(&manifest).entry("a", b"alpha")), ["missing"]);
    assert_eq!(verdict(with(&manifest).entry("a", b"alpha").entry("b", b"zeta")), ["digest"]);
    assert_eq!(verdict(with(&manifest).entry("a", b"alpha").entry("b", b"beta").entry("c", b"")), ["unsigned"]);
    // The specification would allow what is added behind the signed sections.
    let added = [&manifest[..], b"Name: c\r\nSHA-256-Digest: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n\r\n"].concat();
    assert_eq!(verdict(with(&added).entry("a", b"alpha").entry("b", b"beta").entry("c", b"")), ["digest"]);
    assert_eq!(verdict(with(&manifest).entry("META-INF/OTHER.SF", &file).entry("a", b"alpha").entry("b", b"beta")), ["form"]);
    assert_eq!(verdict(with(&manifest).entry("META-INF/SIG-X", b"").entry("a", b"alpha").entry("b", b"beta")), ["form"]);
    let odd = Zip::new().entry("META-INF/MANIFEST.MF", &manifest).entry("META-INF/ACME.SF", &file).entry("META-INF/OTHER.EC", &block);
    assert_eq!(verdict(odd.entry("a", b"alpha").entry("b", b"beta")), ["unsigned"]);
}

/// What may change unseen is what Java does not sign: times, attributes of files, how the data is packed. Never what is in an entry.
#[test]
fn no_flip_changes_an_entry_unseen() {
    let party = party(EC);
    let trust = party.trust();
    let signed = sign(&party, &Zip::new().entry("a", b"alpha").entry("b/c", b"beta").bytes());
    let contents = |jar: &[u8]| {
        let folder = Folder::new();
        folder.write("signed.jar", jar);
        ["a", "b/c"].map(|name| folder.run("unzip", &format!("-p signed.jar {name}")).1.into_bytes())
    };
    let before = contents(&signed);
    assert_eq!(before, [b"alpha".to_vec(), b"beta".to_vec()]);
    let (mut random, mut unseen) = (Seeded(33), 0);
    for round in 0..6000 {
        let mut flipped = signed.clone();
        let at = random.below(signed.len());
        flipped[at] ^= 1 << random.below(8);
        if verify(&flipped, &trust).is_ok() {
            unseen += 1;
            assert!(contents(&flipped) == before, "round {round}, byte {at}");
        }
    }
    println!("{unseen} of 6000 flips changed nothing that is signed");
    assert!(unseen < 6000 / 5, "{unseen}");
    for damaged in damaged(&signed, 3) {
        assert!(verify(&damaged, &trust).is_err() || contents(&damaged) == before);
    }
}
