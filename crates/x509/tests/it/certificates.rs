//! What a certificate looks like, to us and to openssl.

use crate::support::*;
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{
    CertificatePlan, CertificateSummary, CrlPlan, IssuerCertificate, IssuerError, PublicKey, SignError, Signer, pem, prove_key_pair,
};

/// The private keys of the golden files; nothing else uses them.
fn golden_key(scalar: u8) -> MemoryKey {
    let private = [&[0; 31][..], &[scalar]].concat();
    let ec = tlv(0x30, &[&[2, 1, 1], &tlv(4, &[&private])]);
    let algorithm = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    MemoryKey::from_pkcs8(&tlv(0x30, &[&[2, 1, 0], algorithm, &tlv(4, &[&ec])]))
}

fn structure(openssl: &Openssl, der: &[u8], golden: &str) {
    openssl.file("tbs", der);
    let seen = openssl.ok("asn1parse -inform DER -in tbs");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(golden);
    if std::env::var_os("CHANCERY_BLESS").is_some() {
        std::fs::write(&path, &seen).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(seen, expected, "{golden} differs: if that is meant, run once with CHANCERY_BLESS=1");
}

#[test]
fn the_encoding_is_the_golden_one() {
    let openssl = Openssl::new();
    let authorities = Authorities::with_keys(golden_key(1), golden_key(2), &["dns:*.acme.example", "ip:10.0.0.0/8"]);
    let key = golden_key(3);
    let leaf = |names: &[&str], common_name| {
        let approved = approved(names, common_name);
        CertificatePlan::leaf(approved, key.public_key(), serial(0xf7), &authorities.issuer, &addresses()).unwrap()
    };
    let named = leaf(&["api.acme.example", "*.acme.example", "10.1.2.3"], Some("api.acme.example"));
    structure(&openssl, named.tbs_der(), "leaf.txt");
    structure(&openssl, leaf(&["api.acme.example"], None).tbs_der(), "leaf-without-subject.txt");
    let tbs = |der: &[u8]| {
        let start = if der[1] == 0x82 { 4 } else { 3 };
        let length = usize::from(der[start + 2]) << 8 | usize::from(der[start + 3]);
        der[start..start + 4 + length].to_vec()
    };
    structure(&openssl, &tbs(authorities.root.der()), "root.txt");
    structure(&openssl, &tbs(authorities.issuer.der()), "intermediate.txt");
}

#[test]
fn openssl_reads_what_was_meant() {
    let openssl = Openssl::new();
    let authorities = Authorities::new(EVERYTHING);
    let names = ["api.acme.example", "192.0.2.7", "2001:db8::1", "email:ann@acme.example", "uri:spiffe://acme.example/web"];
    let der = authorities.leaf(MemoryKey::new().public_key(), &names, Some("api.acme.example"));
    openssl.pem("leaf.pem", &[&der]);
    let text = openssl.ok("x509 -in leaf.pem -noout -text -nameopt RFC2253,-esc_msb");
    for expected in [
        "Version: 3 (0x2)",
        "Serial Number:\n            77:77:77:77:77:77:77:77:77:77:77:77:77:77:77:77",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: CN=Acme Intermediate,O=Acme\\, Ümlaut & Co",
        "Not Before: Jan 15 08:15:40 2027 GMT",
        "Subject: CN=api.acme.example",
        "ASN1 OID: prime256v1",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication, TLS Web Client Authentication",
        "DNS:api.acme.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1, email:ann@acme.example, URI:spiffe://acme.example/web",
        "URI:http://pki.test/c/1.crl",
        "CA Issuers - URI:http://pki.test/i/1.cer",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("Basic Constraints"));
    let summary = CertificateSummary::from_der(&der).unwrap();
    let mut expected: Vec<chancery_domain::name::SubjectName> = names.iter().map(|name| name.parse().unwrap()).collect();
    expected.sort();
    assert_eq!(summary.names, expected);
    assert_eq!((summary.subject.as_str(), summary.serial), ("CN=api.acme.example", Some(serial(0x77))));
    assert_eq!(summary.issuer, "CN=Acme Intermediate,O=Acme\\, Ümlaut & Co");
    assert_eq!(summary.not_before, at(START + 940));
    let fingerprint = openssl.ok("x509 -in leaf.pem -noout -fingerprint -sha256").to_lowercase().replace(':', "");
    assert!(fingerprint.contains(&summary.sha256));
    let back = pem::decode(&String::from_utf8(openssl.read("leaf.pem")).unwrap()).unwrap();
    assert_eq!(*back[0].der, der);
}

#[test]
fn a_leaf_without_subject_may_have_many_names() {
    let openssl = Openssl::new();
    let authorities = Authorities::new(&["dns:*"]);
    let names: Vec<String> = (0..100).map(|n| format!("host-{n}.acme.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    openssl.pem("leaf.pem", &[&authorities.leaf(MemoryKey::new().public_key(), &names, None)]);
    let text = openssl.ok("x509 -in leaf.pem -noout -text");
    assert_eq!(text.matches("DNS:host-").count(), 100);
    assert!(text.contains("X509v3 Subject Alternative Name: critical"));
}

#[test]
fn only_the_issuers_key_signs_and_only_sound_signatures_leave() {
    struct Broken(MemoryKey, fn(Vec<u8>) -> Vec<u8>);
    impl Signer for Broken {
        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign(message).map(self.1)
        }
    }
    let authorities = Authorities::new(&["dns:*"]);
    let key = MemoryKey::new();
    let prepared =
        || CertificatePlan::leaf(approved(&["a.b.example"], None), key.public_key(), serial(9), &authorities.issuer, &addresses()).unwrap();
    assert!(matches!(prepared().sign(&key), Err(SignError::WrongKey)));
    let raw = Broken(MemoryKey::from_pkcs8(&authorities.key.pkcs8), |_| vec![7; 64]);
    assert!(matches!(prepared().sign(&raw), Err(SignError::BadSignature)));
    let flip = |mut signature: Vec<u8>| {
        *signature.last_mut().unwrap() ^= 1;
        signature
    };
    let flipping = Broken(MemoryKey::from_pkcs8(&authorities.key.pkcs8), flip);
    assert!(matches!(prove_key_pair(&flipping), Err(SignError::BadSignature)));
    assert!(prove_key_pair(&authorities.key).is_ok());
    // What says who may be trusted, or who no longer, is verified each time.
    let list = CrlPlan {
        issuer: &authorities.issuer,
        number: 1,
        this_update: at(START),
        next_update: at(START + 9),
        distribution_point_url: None,
        entries: Vec::new(),
    };
    assert!(matches!(list.prepare().unwrap().sign(&flipping), Err(SignError::BadSignature)));
}

#[test]
fn a_key_of_another_kind_than_was_approved_is_not_certified() {
    let authorities = Authorities::new(&["dns:*"]);
    let other = MemoryKey::of(KeyAlgorithm::EcP384);
    let plan = CertificatePlan::leaf(approved(&["a.b.example"], None), other.public_key(), serial(9), &authorities.issuer, &addresses());
    let findings = plan.err().unwrap().findings;
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["approved-key"]);
}

#[test]
fn only_authorities_are_issuers() {
    let authorities = Authorities::new(&["dns:*"]);
    let leaf = authorities.leaf(MemoryKey::new().public_key(), &["a.b.example"], None);
    assert!(matches!(IssuerCertificate::from_der(&leaf), Err(IssuerError::NotAnAuthority(_))));
    assert!(matches!(IssuerCertificate::from_der(b"0"), Err(IssuerError::Malformed(_))));
    let trailing = [authorities.root.der(), &[0]].concat();
    assert!(matches!(IssuerCertificate::from_der(&trailing), Err(IssuerError::Malformed(_))));
    assert!(CertificateSummary::from_der(&trailing).is_err());
    assert_eq!((authorities.issuer.path_length(), authorities.issuer.not_after()), (Some(0), at(END)));
}
