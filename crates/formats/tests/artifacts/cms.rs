//! CMS made here against openssl, CMS made by openssl here, and every bit of it changed.

use crate::pki::{CODE_SIGNING, TIME_STAMPING};
use crate::support::{Folder, Party, Seeded, damaged, flips, now, python_judge, reshaped};
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_formats::cms::{self, Signed, content_digest};
use chancery_formats::{Problem, Trust, Verified};
use chancery_x509::hash::{digest, digest as digest_of};

pub(crate) const DOCUMENT: &[u8] = b"The parties agree.\r\n\0\x80";

pub(crate) fn document_digest(algorithm: SignatureAlgorithm) -> Digest {
    digest(content_digest(algorithm), DOCUMENT)
}

pub(crate) fn detached(party: &Party) -> Vec<u8> {
    let prepared = cms::prepare(&party.certified(), Signed::Detached(&document_digest(party.algorithm)), now()).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

fn attached(party: &Party) -> Vec<u8> {
    let prepared = cms::prepare(&party.certified(), Signed::Attached(DOCUMENT), now()).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

pub(crate) fn codes(verdict: Result<Verified, Vec<Problem>>) -> Vec<&'static str> {
    verdict.err().map(|problems| problems.iter().map(|problem| problem.code).collect()).unwrap_or_default()
}

#[test]
fn what_is_made_here_verifies_here() {
    for algorithm in SignatureAlgorithm::ALL {
        let party = Party::new(algorithm);
        let (trust, digest) = (party.trust(), document_digest(algorithm));
        let verified = cms::verify(&detached(&party), Some(&digest), &trust, now()).unwrap();
        assert_eq!(verified, cms::verify(&attached(&party), None, &trust, now()).unwrap());
        assert_eq!((verified.subject.as_str(), verified.algorithm), ("CN=Acme Contracts", algorithm));
        assert_eq!((verified.chain.len(), &verified.digest, verified.claimed_at), (3, &digest, Some(now())));
        assert_eq!((verified.timestamp, verified.judged_at), (None, now()));
        let mut flipped = detached(&party);
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(codes(cms::verify(&flipped, Some(&digest), &trust, now())), ["signature"]);
    }
}

#[test]
fn content_stands_in_an_octet_string_and_in_nothing_else() {
    let party = Party::new(SignatureAlgorithm::EcdsaP256Sha256);
    let id_data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let other = reshaped(&attached(&party), id_data, 0x30, 1);
    assert_eq!(codes(cms::verify(&other, None, &party.trust(), now())), ["form"]);
}

#[test]
fn openssl_accepts_it_and_refuses_it_changed() {
    for algorithm in SignatureAlgorithm::ALL {
        // Debian's OpenSSL 3.0 knows no ML-DSA, and no EdDSA in CMS.
        if matches!(algorithm, SignatureAlgorithm::MlDsa65 | SignatureAlgorithm::Ed25519) {
            continue;
        }
        let (party, folder) = (Party::new(algorithm), Folder::new());
        folder.pem("root.pem", "CERTIFICATE", &[&party.root.certificate]);
        folder.write("document", DOCUMENT);
        folder.write("changed", [DOCUMENT, b"!"].concat());
        let made = [("detached.p7s", detached(&party), "-content document"), ("attached.p7m", attached(&party), "")];
        for (name, der, content) in made {
            folder.write(name, &der);
            let verify = |name: &str, content: &str| {
                folder.run("openssl", &format!("cms -verify -binary -cades -inform DER -in {name} {content} -CAfile root.pem -out out"))
            };
            let (accepted, said) = verify(name, content);
            assert!(accepted, "{algorithm:?} {name}: {said}");
            assert_eq!(folder.read("out"), DOCUMENT);
            if !content.is_empty() {
                assert!(!verify(name, "-content changed").0, "{algorithm:?}");
            }
            let mut random = Seeded(7);
            // openssl does not look at the name of the signature's algorithm, which stands between the attributes and the signature.
            let signed = if content.is_empty() { Signed::Attached(DOCUMENT) } else { Signed::Detached(&document_digest(algorithm)) };
            let prepared = cms::prepare(&party.certified(), signed, now()).unwrap();
            let attributes = &prepared.to_be_signed()[4..];
            let start = der.windows(attributes.len()).position(|window| window == attributes).unwrap();
            for round in 0..12 {
                let mut flipped = der.clone();
                let at = if round % 2 == 0 { start + random.below(attributes.len()) } else { der.len() - 1 - random.below(60) };
                flipped[at] ^= 1 << random.below(8);
                folder.write("flipped", &flipped);
                let (accepted, said) = verify("flipped", content);
                assert!(!accepted, "{algorithm:?} byte {at} of {}: {said}", der.len());
            }
        }
    }
}

/// Takes a CMS apart with asn1crypto and verifies it with the OpenSSL that the package `cryptography` brings along.
const SECOND_OPINION: &str = r#"
import sys, hashlib
from asn1crypto import cms, tsp
from cryptography.x509 import load_der_x509_certificate
signed = cms.ContentInfo.load(open(sys.argv[1], "rb").read(), strict=True)["content"]
signer = signed["signer_infos"][0]
assert signer["digest_algorithm"]["algorithm"].native == "sha512"
attributes = {a["type"].dotted: a["values"] for a in signer["signed_attrs"]}
assert attributes["1.2.840.113549.1.9.4"][0].native == hashlib.sha512(open(sys.argv[2], "rb").read()).digest()
der = signer["signed_attrs"].dump()
assert sorted(a.dump() for a in signer["signed_attrs"]) == [a.dump() for a in signer["signed_attrs"]]
bag = [c.chosen for c in signed["certificates"]]
wanted = signer["sid"].chosen
[leaf] = [c for c in bag if c.issuer.dump() == wanted["issuer"].dump() and c.serial_number == wanted["serial_number"].native]
bound = attributes["1.2.840.113549.1.9.16.2.47"][0]["certs"][0]["cert_hash"].native
assert bound == hashlib.sha256(leaf.dump()).digest()
certificate = load_der_x509_certificate(leaf.dump())
assert certificate.public_key_algorithm_oid.dotted_string == signer["signature_algorithm"]["algorithm"].dotted
certificate.public_key().verify(signer["signature"].native, b"\x31" + der[1:])
print("good")
"#;

#[test]
fn a_second_opinion_on_what_debians_openssl_does_not_know() {
    for algorithm in [SignatureAlgorithm::Ed25519, SignatureAlgorithm::MlDsa65] {
        let (party, folder) = (Party::new(algorithm), Folder::new());
        let der = detached(&party);
        folder.write("document", DOCUMENT);
        folder.write("changed", [DOCUMENT, b"!"].concat());
        folder.write("script.py", SECOND_OPINION);
        let judge = |cms: &[u8], document: &str| {
            folder.write("made.p7s", cms);
            folder.run(&python_judge("python"), &format!("script.py made.p7s {document}"))
        };
        assert_eq!(judge(&der, "document"), (true, "good\n".to_owned()), "{algorithm:?}");
        assert!(!judge(&der, "changed").0);
        let mut flipped = der.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(!judge(&flipped, "document").0);
    }
}

#[test]
fn what_openssl_makes_verifies_here() {
    for algorithm in SignatureAlgorithm::ALL {
        let options = match algorithm {
            SignatureAlgorithm::MlDsa65 | SignatureAlgorithm::Ed25519 => continue,
            SignatureAlgorithm::EcdsaP384Sha384 => "-md sha384",
            SignatureAlgorithm::RsaPssSha256 => {
                "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32 -keyopt rsa_mgf1_md:sha256 -md sha256"
            }
            _ => "-md sha256",
        };
        let (party, folder) = (Party::new(algorithm), Folder::new());
        folder.pem("signer.pem", "CERTIFICATE", &[&party.chain[0]]);
        folder.pem("chain.pem", "CERTIFICATE", &[&party.chain[1]]);
        folder.pem("signer.key", "PRIVATE KEY", &[&party.identity.pkcs8]);
        folder.write("document", DOCUMENT);
        let files = "-signer signer.pem -inkey signer.key -certfile chain.pem";
        let sign = |more: &str| {
            folder.ok("openssl", &format!("cms -sign -binary {more} -outform DER -in document -out out {files} {options}"));
            folder.read("out")
        };
        let (trust, digest) = (party.trust(), document_digest(algorithm));
        let verified = cms::verify(&sign("-cades"), Some(&digest), &trust, now()).unwrap();
        assert_eq!((verified.algorithm, verified.digest), (algorithm, digest.clone()));
        assert_eq!(cms::verify(&sign("-cades -nodetach"), None, &trust, now()).unwrap().algorithm, algorithm);
        // Without the certificate among what is signed, or without attributes at all.
        assert_eq!(codes(cms::verify(&sign(""), Some(&digest), &trust, now())), ["attributes"]);
        assert_eq!(codes(cms::verify(&sign("-noattr"), Some(&digest), &trust, now())), ["form"]);
    }
}

#[test]
fn not_one_bit_can_change_unseen() {
    let party = Party::new(SignatureAlgorithm::EcdsaP256Sha256);
    let (trust, digest) = (party.trust(), document_digest(party.algorithm));
    let der = detached(&party);
    for (bit, flipped) in flips(&der) {
        assert!(cms::verify(&flipped, Some(&digest), &trust, now()).is_err(), "bit {bit} of {} bytes", der.len());
    }
    for (bit, flipped) in flips(digest.as_bytes()) {
        let flipped = Digest::new(DigestAlgorithm::Sha256, flipped).unwrap();
        assert_eq!(codes(cms::verify(&der, Some(&flipped), &trust, now())), ["digest"], "{bit}");
    }
    for damaged in damaged(&der, 1) {
        assert!(cms::verify(&damaged, Some(&digest), &trust, now()).is_err());
    }
}

#[test]
fn what_is_not_as_it_should_be_is_named() {
    let party = Party::new(SignatureAlgorithm::EcdsaP256Sha256);
    let (trust, digest) = (party.trust(), document_digest(party.algorithm));
    let verdict = |party: &Party, trust: &Trust| codes(cms::verify(&detached(party), Some(&digest), trust, now()));
    assert_eq!(codes(cms::verify(&detached(&party), None, &trust, now())), ["content"]);
    assert_eq!(codes(cms::verify(&attached(&party), Some(&digest), &trust, now())), ["content"]);
    let sha512 = digest_of(DigestAlgorithm::Sha512, DOCUMENT);
    assert_eq!(codes(cms::verify(&detached(&party), Some(&sha512), &trust, now())), ["digest"]);
    // A root that came along is not trusted for it; one of timestamps is not one of signers.
    assert_eq!(verdict(&party, &Trust::default()), ["untrusted"]);
    assert_eq!(verdict(&party, &Trust { timestamp_roots: trust.roots.clone(), ..Trust::default() }), ["untrusted"]);
    assert_eq!(verdict(&Party::with_purposes(party.algorithm, &[CODE_SIGNING]), &trust), [""; 0]);
    assert_eq!(verdict(&Party::with_purposes(party.algorithm, &[TIME_STAMPING]), &trust), ["purpose"]);
    let mut crowded = Party::new(party.algorithm);
    let root = crowded.root.issue(crate::pki::authority("Stray"), chancery_domain::key::KeyAlgorithm::EcP256);
    crowded.chain.push(root.certificate);
    assert_eq!(verdict(&crowded, &trust), ["certificate"]);
    // The signer's own root may come along.
    crowded.chain[2] = crowded.root.certificate.clone();
    assert_eq!(verdict(&crowded, &crowded.trust()), [""; 0]);
}

#[test]
fn a_signature_of_another_key_kind_or_message_is_not_put_in() {
    let party = Party::new(SignatureAlgorithm::EcdsaP256Sha256);
    let digest = document_digest(party.algorithm);
    let prepared = || cms::prepare(&party.certified(), Signed::Detached(&digest), now()).unwrap();
    let other = Party::new(SignatureAlgorithm::EcdsaP384Sha384);
    assert_eq!(prepared().finish(&other.sign(prepared().to_be_signed())).unwrap_err().code, "signature");
    assert_eq!(prepared().finish(&party.sign(b"something else")).unwrap_err().code, "signature");
    let claimed = chancery_formats::Certified { chain: &party.chain, algorithm: SignatureAlgorithm::RsaPssSha256 };
    let refusal = |signer: chancery_formats::Certified<'_>, digest: &Digest| {
        cms::prepare(&signer, Signed::Detached(digest), now()).err().unwrap().code
    };
    assert_eq!(refusal(claimed, &digest), "algorithm");
    assert_eq!(refusal(party.certified(), &digest_of(DigestAlgorithm::Sha384, DOCUMENT)), "algorithm");
    assert_eq!(refusal(chancery_formats::Certified { chain: &[], ..party.certified() }, &digest), "certificate");
}
