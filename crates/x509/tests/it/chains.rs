//! Chains, judged by us, by openssl and by webpki, which must agree.

use crate::support::*;
use chancery_x509::{CertificateSummary, IssuerCertificate, Signer, verify_chain};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;

const NOW: i64 = START + 2000;

fn openssl_says(issuer: &IssuerCertificate, root: &IssuerCertificate, leaf: &[u8], options: &str) -> (bool, String) {
    let openssl = Openssl::new();
    openssl.pem("root.pem", &[root.der()]);
    openssl.pem("issuer.pem", &[issuer.der()]);
    openssl.pem("leaf.pem", &[leaf]);
    openssl.run(&format!("verify -x509_strict -attime {NOW} -CAfile root.pem -untrusted issuer.pem {options}leaf.pem"))
}

fn we_say(issuer: &IssuerCertificate, root: &IssuerCertificate, leaf: &[u8]) -> Result<(), String> {
    verify_chain(leaf, &[issuer.der()], root.der(), at(NOW)).map_err(|error| error.to_string())
}

fn webpki_says(issuer: &IssuerCertificate, root: &IssuerCertificate, leaf: &[u8]) -> Result<(), String> {
    let (root, leaf) = (CertificateDer::from(root.der()), CertificateDer::from(leaf));
    let anchor = webpki::anchor_from_trusted_cert(&root).unwrap();
    let intermediates = [CertificateDer::from(issuer.der())];
    let time = UnixTime::since_unix_epoch(Duration::from_secs(NOW.unsigned_abs()));
    let usage = webpki::KeyUsage::server_auth();
    let leaf = webpki::EndEntityCert::try_from(&leaf).unwrap();
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    leaf.verify_for_usage(algorithms, &[anchor], &intermediates, time, usage, None, None).map(drop).map_err(|error| error.to_string())
}

#[test]
fn name_constraints_hold_for_every_kind_and_every_judge() {
    let authorities = Authorities::new(EVERYTHING);
    let key = MemoryKey::new();
    for (patterns, name, permitted) in [
        (&["dns:*.acme.example"][..], "a.acme.example", true),
        (&["dns:*.acme.example"], "*.acme.example", true),
        (&["dns:*.acme.example"], "a.evil.example", false),
        (&["dns:*.acme.example"], "192.0.2.1", false),
        (&["dns:*.acme.example"], "2001:db8::1", false),
        (&["dns:*.acme.example"], "email:a@acme.example", false),
        (&["dns:*.acme.example"], "uri:spiffe://acme.example/w", false),
        (&["ip:10.0.0.0/8"], "10.1.2.3", true),
        (&["ip:10.0.0.0/8"], "11.1.2.3", false),
        (&["ip:10.0.0.0/8"], "2001:db8::1", false),
        (&["ip:10.0.0.0/8"], "a.acme.example", false),
        (&["ip:10.0.0.0/8"], "email:a@acme.example", false),
        (&["ip:10.0.0.0/8"], "uri:https://acme.example/w", false),
        (&["dns:*.acme.example"], "email:a@x.nowhere.invalid", false),
        (&["dns:*.acme.example"], "uri:https://x.nowhere.invalid/w", false),
        (&["ip:2001:db8::/32"], "2001:db8::1", true),
        (&["ip:2001:db8::/32"], "10.1.2.3", false),
        (&["email:*@acme.example"], "email:a@acme.example", true),
        (&["email:*@acme.example"], "email:a@evil.example", false),
        (&["email:*@acme.example"], "a.acme.example", false),
        (&["email:a@acme.example"], "email:b@acme.example", false),
        (&["uri:spiffe://acme.example/*"], "uri:spiffe://acme.example/w", true),
        (&["uri:spiffe://acme.example/*"], "uri:spiffe://evil.example/w", false),
        (&["uri:spiffe://acme.example/*"], "email:a@acme.example", false),
        (&["email:*@acme.example"], "uri:https://acme.example/w", false),
        (&[], "a.acme.example", false),
        (EVERYTHING, "a.acme.example", true),
        (EVERYTHING, "email:a@acme.example", true),
    ] {
        let leaf = authorities.leaf(key.public_key(), &[name], None);
        let issuer = authorities.constrained_to(patterns);
        let (agrees, said) = openssl_says(&issuer, &authorities.root, &leaf, "");
        assert_eq!(agrees, permitted, "openssl: {patterns:?} {name}: {said}");
        assert!(permitted || said.contains("subtree violation"), "{said}");
        assert_eq!(we_say(&issuer, &authorities.root, &leaf).is_ok(), permitted, "{patterns:?} {name}");
        // webpki does not know mailboxes and URIs, and refuses them wherever they are constrained.
        if !name.contains(":a@") && !name.starts_with("email") && !name.starts_with("uri") {
            assert_eq!(webpki_says(&issuer, &authorities.root, &leaf).is_ok(), permitted, "webpki: {patterns:?} {name}");
        }
    }
}

#[test]
fn openssl_finds_the_purposes_and_the_host() {
    let authorities = Authorities::new(&["dns:*.acme.example"]);
    let leaf = authorities.leaf(MemoryKey::new().public_key(), &["a.acme.example"], None);
    let says = |options: &str| openssl_says(&authorities.issuer, &authorities.root, &leaf, options).0;
    assert!(says("-purpose sslserver -verify_hostname a.acme.example "));
    assert!(says("-purpose sslclient "));
    assert!(!says("-verify_hostname b.acme.example "));
    assert!(!says("-purpose smimesign "));
    assert_eq!(webpki_says(&authorities.issuer, &authorities.root, &leaf), Ok(()));
}

#[test]
fn what_does_not_hold_is_refused() {
    let authorities = Authorities::new(&["dns:*.acme.example"]);
    let other = Authorities::new(&["dns:*.acme.example"]);
    let key = MemoryKey::new();
    let leaf = authorities.leaf(key.public_key(), &["a.acme.example"], None);
    let (issuer, root) = (authorities.issuer.der(), authorities.root.der());
    let problem = |leaf: &[u8], intermediates: &[&[u8]], root: &[u8], now| {
        let error = verify_chain(leaf, intermediates, root, at(now)).unwrap_err();
        (error.at, error.problem)
    };
    assert_eq!(verify_chain(&leaf, &[issuer], root, at(NOW)), Ok(()));
    assert_eq!(verify_chain(issuer, &[], root, at(NOW)), Ok(()));
    // The last second counts, the next does not.
    assert_eq!(verify_chain(issuer, &[], root, chancery_domain::Timestamp::from_millis(END * 1000 + 999)), Ok(()));
    assert_eq!(problem(issuer, &[], root, END + 1).0, 0);
    assert!(problem(&leaf, &[issuer], root, START).1.contains("valid from"));
    assert_eq!(problem(&leaf, &[], root, NOW).0, 0);
    assert!(problem(&leaf, &[other.issuer.der()], other.root.der(), NOW).1.contains("authorityKeyIdentifier"));
    assert_eq!(problem(&leaf, &[issuer], other.root.der(), NOW).0, 1);
    let mut damaged = leaf.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(problem(&damaged, &[issuer], root, NOW).1.contains("signature"));
    // A leaf that signs.
    let below = signed_by_a_leaf(&key);
    assert!(problem(&below, &[&leaf, issuer], root, NOW).1.contains("not an authority"));
}

/// Roots of openssl's with intermediates of openssl's, over each hash that is believed, and two that are not.
#[test]
fn chains_of_openssl_hold_over_the_hashes_in_use() {
    let openssl = Openssl::new();
    openssl.file("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n");
    openssl.ok("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out below.key");
    openssl.ok("req -new -key below.key -subj /CN=Below -out below.csr");
    for (kind, digest, expected) in [
        ("RSA -pkeyopt rsa_keygen_bits:3072", "sha256", Ok(())),
        ("RSA -pkeyopt rsa_keygen_bits:2048", "sha384", Ok(())),
        ("RSA -pkeyopt rsa_keygen_bits:2048", "sha512", Ok(())),
        ("EC -pkeyopt ec_paramgen_curve:P-256", "sha384", Ok(())),
        ("EC -pkeyopt ec_paramgen_curve:P-384", "sha256", Ok(())),
        ("EC -pkeyopt ec_paramgen_curve:P-384", "sha512", Err("ecdsa-with-SHA256 or ecdsa-with-SHA384")),
        ("EC -pkeyopt ec_paramgen_curve:P-256", "sha1", Err("SHA-1 is broken")),
        ("RSA -pkeyopt rsa_keygen_bits:2048", "md5", Err("MD5 is broken")),
        ("RSA -pkeyopt rsa_keygen_bits:2048", "sha256 -sigopt rsa_padding_mode:pss", Err("RSASSA-PSS is not read")),
    ] {
        openssl.ok(&format!("genpkey -algorithm {kind} -out root.key"));
        openssl.ok(&format!(
            "req -x509 -new -{digest} -key root.key -subj /CN=Root -addext keyUsage=critical,keyCertSign -days 9 -out root.pem"
        ));
        let signing = format!("-{digest} -CA root.pem -CAkey root.key -CAcreateserial -days 8 -extfile ca.ext");
        openssl.ok(&format!("x509 -req -in below.csr {signing} -outform DER -out below.der"));
        openssl.ok("x509 -in root.pem -outform DER -out root.der");
        let (below, root) = (openssl.read("below.der"), openssl.read("root.der"));
        let at = CertificateSummary::from_der(&below).unwrap().not_before.after(Duration::from_secs(60));
        let verdict = verify_chain(&below, &[], &root, at).map_err(|error| error.to_string());
        match expected {
            Ok(()) => assert_eq!(verdict, Ok(()), "{kind} {digest}"),
            Err(reason) => assert!(verdict.clone().unwrap_err().contains(reason), "{kind} {digest}: {verdict:?}"),
        }
        let mut damaged = below.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(verify_chain(&damaged, &[], &root, at).is_err(), "{kind} {digest}");
    }
}

/// THREATS 16: a leaf's key signs a certificate, its subject being made the issuer by hand.
fn signed_by_a_leaf(key: &MemoryKey) -> Vec<u8> {
    let fake = Authorities::with_keys(MemoryKey::new(), MemoryKey::from_pkcs8(&key.pkcs8), EVERYTHING);
    let victim = fake.leaf(MemoryKey::new().public_key(), &["b.acme.example"], None);
    let issuer_name = fake.issuer.subject_der();
    let at = victim.windows(issuer_name.len()).position(|window| window == issuer_name).unwrap();
    let tbs_content = [&victim[8..at], &[0x30, 0][..], &victim[at + issuer_name.len()..tbs_end(&victim)]].concat();
    let tbs = tlv(0x30, &[&tbs_content]);
    let signature = key.sign(&tbs).unwrap();
    tlv(0x30, &[&tbs, &victim[tbs_end(&victim)..tbs_end(&victim) + 12], &tlv(3, &[&[0], &signature])])
}

fn tbs_end(certificate: &[u8]) -> usize {
    assert_eq!((certificate[1], certificate[5]), (0x82, 0x82));
    8 + (usize::from(certificate[6]) << 8 | usize::from(certificate[7]))
}

#[test]
fn path_lengths_are_counted() {
    let authorities = Authorities::new(EVERYTHING);
    let leaf = authorities.leaf(MemoryKey::new().public_key(), &["a.acme.example"], None);
    // The same root again, now allowing no authority below it.
    let narrow = root(&authorities.root_key, 0);
    let error = verify_chain(&leaf, &[authorities.issuer.der()], narrow.der(), at(NOW)).unwrap_err();
    assert!((error.at, error.problem.contains("pathLenConstraint")) == (2, true), "{error}");
    assert!(!openssl_says(&authorities.issuer, &narrow, &leaf, "").0);
    // Nor is such a chain made in the first place.
    for (above, length) in [(&narrow, 0), (&authorities.root, 1)] {
        let error = intermediate(&authorities.root_key, above, &authorities.key, EVERYTHING, length).unwrap_err();
        assert_eq!(error.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["path-length"]);
    }
}
