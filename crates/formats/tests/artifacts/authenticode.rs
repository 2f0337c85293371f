//! Signed Windows programs against osslsigncode, and every bit of one changed.

use crate::cms::codes;
use crate::pki::{CODE_SIGNING, EMAIL_PROTECTION};
use crate::support::{Folder, Party, damaged, flips, now, reshaped};
use crate::timestamps::Stamper;
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};
use chancery_formats::authenticode::{self, Package};
use chancery_formats::{Problem, Trust, Verified};
use chancery_x509::cms::with_unsigned;
use std::io::Cursor;

const EC: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;
const KNOWN: [SignatureAlgorithm; 3] = [EC, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256];

/// A program of one section, PE32 or PE32+, with as many bytes behind its section.
fn program(plus: bool, behind: usize) -> Vec<u8> {
    let mut file = vec![0_u8; 0x400];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &[0x80, 0, 0, 0]);
    let size: u16 = if plus { 240 } else { 224 };
    put(0x80, b"PE\0\0");
    put(0x84, &(if plus { 0x8664_u16 } else { 0x14c }).to_le_bytes());
    put(0x86, &[1, 0]);
    put(0x94, &size.to_le_bytes());
    put(0x96, &[0x22, 0]);
    let optional = 0x98;
    put(optional, &(if plus { 0x20b_u16 } else { 0x10b }).to_le_bytes());
    put(optional + 16, &[0, 0x10, 0, 0]);
    put(optional + 32, &[0, 0x10, 0, 0, 0, 2, 0, 0]);
    put(optional + 56, &[0, 0x20, 0, 0, 0, 2, 0, 0]);
    put(optional + 68, &[3, 0]);
    put(optional + if plus { 108 } else { 92 }, &[16, 0, 0, 0]);
    let section = optional + usize::from(size);
    put(section, b".text\0\0\0");
    put(section + 8, &[0, 2, 0, 0, 0, 0x10, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0]);
    put(section + 36, &[0x20, 0, 0, 0x60]);
    put(0x200, &[0x31, 0xc0, 0xc3]);
    file.extend((0..behind).map(|n| n as u8));
    file
}

fn made(party: &Party, unsigned: &[u8]) -> Vec<u8> {
    let package = Package::of(&mut Cursor::new(unsigned)).unwrap();
    let digest = package.digest(&mut Cursor::new(unsigned), party.algorithm).unwrap();
    let prepared = authenticode::prepare(&party.certified(), &digest, now()).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

fn write(unsigned: &[u8], cms: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Package::of(&mut Cursor::new(unsigned)).unwrap().write(&mut Cursor::new(unsigned), cms, &mut out).unwrap();
    out
}

fn verify(program: &[u8], trust: &Trust) -> Result<Verified, Vec<Problem>> {
    authenticode::verify(&mut Cursor::new(program), trust, now())
}

fn party(algorithm: SignatureAlgorithm) -> Party {
    Party::with_purposes(algorithm, &[CODE_SIGNING])
}

fn osslsigncode(folder: &Folder, program: &[u8]) -> (bool, String) {
    folder.write("signed.exe", program);
    let (good, said) = folder.run("osslsigncode", "verify -in signed.exe -CAfile root.pem -TSA-CAfile time.pem");
    (good && said.contains("Signature verification: ok"), said)
}

fn judged(party: &Party, stamper: &Stamper) -> Folder {
    let folder = Folder::new();
    folder.pem("root.pem", "CERTIFICATE", &[&party.root.certificate]);
    folder.pem("time.pem", "CERTIFICATE", &[&stamper.root.certificate]);
    folder
}

#[test]
fn osslsigncode_accepts_it_and_refuses_it_changed() {
    for algorithm in KNOWN {
        let (party, stamper) = (party(algorithm), Stamper::of_kind(chancery_domain::key::KeyAlgorithm::EcP256));
        let folder = judged(&party, &stamper);
        for (unsigned, stamped) in [(program(true, 0), false), (program(false, 8), true), (program(true, 3), true)] {
            let mut cms = made(&party, &unsigned);
            if stamped {
                cms = authenticode::with_timestamp(&cms, &stamper.stamp(&cms, now())).unwrap();
            }
            let signed = write(&unsigned, &cms);
            let (accepted, said) = osslsigncode(&folder, &signed);
            assert!(accepted, "{algorithm:?}: {said}");
            assert!(!stamped || said.contains("Timestamp verified"), "{said}");
            let verified = verify(&signed, &stamper.trusted_with(&party)).unwrap();
            assert_eq!((verified.algorithm, verified.timestamp.is_some(), verified.chain.len()), (algorithm, stamped, 3));
            // In the DOS header, the section, the digest inside, the signature.
            let inside = memchr::memmem::find(&signed, verified.digest.as_bytes()).unwrap();
            let signature =
                memchr::memmem::rfind(&signed[..signed.len() - if stamped { 1500 } else { 0 }], b"\x30\x0a\x06\x08\x2a\x86\x48");
            for at in [0x30, 0x201, inside + 3, signature.map_or(signed.len() - 80, |at| at + 20)] {
                let mut flipped = signed.clone();
                flipped[at] ^= 1;
                let (accepted, said) = osslsigncode(&folder, &flipped);
                assert!(!accepted, "{algorithm:?} {at}: {said}");
                assert!(verify(&flipped, &stamper.trusted_with(&party)).is_err());
            }
        }
    }
}

#[test]
fn what_osslsigncode_signs_verifies_here() {
    for algorithm in KNOWN {
        let (party, folder) = (party(algorithm), Folder::new());
        folder.pem("chain.pem", "CERTIFICATE", &[&party.chain[0], &party.chain[1]]);
        folder.pem("key.pem", "PRIVATE KEY", &[&party.identity.pkcs8]);
        folder.write("unsigned.exe", program(true, 5));
        let digest = if algorithm == SignatureAlgorithm::EcdsaP384Sha384 { "sha384" } else { "sha256" };
        let sign = |more: &str| {
            let _ = std::fs::remove_file(folder.path("signed.exe"));
            folder.ok("osslsigncode", &format!("sign -certs chain.pem -key key.pem -h {digest} {more} -in unsigned.exe -out signed.exe"));
            folder.read("signed.exe")
        };
        let verified = verify(&sign("-n Acme -i https://acme.example"), &party.trust()).unwrap();
        assert_eq!((verified.algorithm, verified.subject.as_str()), (algorithm, "CN=Acme Contracts"));
        assert_eq!(codes(verify(&sign("-ph"), &party.trust())), ["content-type"]);
        let again = Package::of(&mut Cursor::new(sign("")));
        assert_eq!(again.err().unwrap().code, "signed");
    }
}

#[test]
fn not_one_bit_of_a_program_can_change_unseen() {
    let party = party(EC);
    let trust = party.trust();
    let unsigned = program(true, 3);
    let signed = write(&unsigned, &made(&party, &unsigned));
    for (bit, flipped) in flips(&signed) {
        assert!(verify(&flipped, &trust).is_err(), "bit {bit} of {} bytes", signed.len());
    }
    for damaged in damaged(&signed, 5).step_by(3) {
        assert!(verify(&damaged, &trust).is_err());
    }
}

#[test]
fn a_program_is_refused_for_what_is_wrong_with_it() {
    let party = party(EC);
    let trust = party.trust();
    let unsigned = program(true, 0);
    let cms = made(&party, &unsigned);
    let verdict = |program: &[u8]| codes(verify(program, &trust));
    assert_eq!(verdict(&write(&unsigned, &cms)), [""; 0]);
    assert_eq!(verdict(&unsigned), ["unsigned"]);
    // Another program with the same signature; another signature's kind and purpose.
    let mut other = unsigned.clone();
    other[0x210] = 1;
    assert_eq!(verdict(&write(&other, &cms)), ["digest"]);
    let mailer = Party::with_purposes(EC, &[EMAIL_PROTECTION]);
    assert_eq!(codes(verify(&write(&unsigned, &made(&mailer, &unsigned)), &mailer.trust())), ["purpose"]);
    // The checksum, which is not signed.
    let mut summed = write(&unsigned, &cms);
    summed[0x98 + 64] ^= 1;
    assert_eq!(verdict(&summed), ["digest"]);
    // Something behind the signature in its table (CVE-2013-3900), behind the table, or a second entry's beginning.
    let padded = write(&unsigned, &[&cms[..], b"hidden"].concat());
    assert_eq!(verdict(&padded), ["form"]);
    assert_eq!(verdict(&write(&unsigned, &[&cms[..], &[0; 9]].concat())), ["form"]);
    assert_eq!(verdict(&[&write(&unsigned, &cms)[..], &[0; 8]].concat()), ["form"]);
    let mut typed = write(&unsigned, &cms);
    typed[0x406] = 1;
    assert_eq!(verdict(&typed), ["form"]);
    let loose = with_unsigned(&cms, const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.1"), &[5, 0]).unwrap();
    assert_eq!(verdict(&write(&unsigned, &loose)), ["attributes"]);
    for algorithm in [SignatureAlgorithm::Ed25519, SignatureAlgorithm::RsaPssSha256, SignatureAlgorithm::MlDsa65] {
        let party = Party::with_purposes(algorithm, &[CODE_SIGNING]);
        let digest = chancery_x509::hash::digest(chancery_x509::cms::content_digest(algorithm), b"");
        assert_eq!(authenticode::prepare(&party.certified(), &digest, now()).err().unwrap().code, "algorithm");
    }
    let digest = chancery_x509::hash::digest(DigestAlgorithm::Sha512, b"");
    assert_eq!(authenticode::prepare(&party.certified(), &digest, now()).err().unwrap().code, "algorithm");
    // Over the right digest, by a signer that Windows does not know; and over something else than a program.
    let foreign = Party::with_purposes(SignatureAlgorithm::RsaPssSha256, &[CODE_SIGNING]);
    let by_hand = |party: &Party, id: u8| {
        let signed = chancery_x509::cms::SignedData::from_der(&cms).unwrap();
        let mut content = signed.content().unwrap().to_vec();
        content[13] = id;
        let plan = chancery_x509::cms::CmsPlan {
            chain: &party.chain,
            with_chain: true,
            algorithm: party.algorithm,
            content_type: signed.content_type(),
            content: chancery_x509::cms::Content::Sequence(&content),
            signing_time: None,
            attributes: &[],
        };
        let prepared = plan.prepare().unwrap();
        let signature = party.sign(prepared.to_be_signed());
        codes(verify(&write(&unsigned, &prepared.finish(&signature).unwrap()), &party.trust()))
    };
    assert_eq!(by_hand(&party, 0x0f), [""; 0]);
    let octets = reshaped(&cms, b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04", 0x04, 3);
    assert_eq!(codes(verify(&write(&unsigned, &octets), &party.trust())), ["form"]);
    assert_eq!(by_hand(&party, 0x1e), ["content-type"]);
    assert_eq!(by_hand(&foreign, 0x0f), ["algorithm"]);
}

#[test]
fn what_is_no_program_is_refused() {
    let refusal = |file: &[u8]| Package::of(&mut Cursor::new(file)).err().map_or("", |problem| problem.code);
    let good = program(false, 0);
    assert_eq!(refusal(&good), "");
    for end in 0..0x98 + 224 {
        assert_eq!(refusal(&good[..end]), "form", "{end}");
    }
    for (at, byte) in
        [(0, b'm'), (0x3f, 0xff), (0x80, b'p'), (0x95, 0xff), (0x94, 8), (0x98, 0), (0x98 + 92, 4), (0x98 + 128, 1), (0x98 + 132, 8)]
    {
        let mut wrong = good.clone();
        wrong[at] = byte;
        assert_eq!(refusal(&wrong), "form", "{at}");
    }
}
