//! Revocation lists, made here and judged by openssl.

use crate::support::*;
use chancery_domain::certificate::RevocationReason;
use chancery_x509::{Crl, CrlEntry, CrlPlan, Signer, pem};

const NOW: i64 = START + 2000;

fn list(authorities: &Authorities, entries: &[CrlEntry], url: Option<&str>) -> Vec<u8> {
    let plan = CrlPlan {
        issuer: &authorities.issuer,
        number: 300,
        this_update: at(START + 1500),
        next_update: at(START + 90_000),
        distribution_point_url: url.map(str::to_owned),
        entries: entries.to_vec(),
    };
    plan.prepare().unwrap().sign(&authorities.key).unwrap().into_der()
}

fn every_reason() -> Vec<CrlEntry> {
    let entry =
        |reason: &RevocationReason| CrlEntry { serial: serial(0xe0 - reason.code()), revoked_at: at(START + 1400), reason: *reason };
    RevocationReason::ALL.iter().map(entry).collect()
}

#[test]
fn a_list_comes_back_and_verifies() {
    let authorities = Authorities::new(&["dns:*"]);
    let mut entries = every_reason();
    let der = list(&authorities, &entries, Some(CRL_URL));
    let crl = Crl::from_der(&der).unwrap();
    entries.sort_by_key(|entry| entry.serial);
    assert_eq!(crl.entries(), entries);
    assert_eq!((crl.number(), crl.this_update(), crl.next_update()), (300, at(START + 1500), at(START + 90_000)));
    assert_eq!(crl.distribution_point_url(), Some(CRL_URL));
    assert!(crl.verify(authorities.issuer.public_key()).is_ok());
    assert!(crl.verify(authorities.root.public_key()).is_err());
    let mut damaged = der.clone();
    let spot = damaged.windows(16).position(|window| window == [0xe0; 16]).unwrap();
    damaged[spot] ^= 1;
    assert!(Crl::from_der(&damaged).unwrap().verify(authorities.issuer.public_key()).is_err());
    assert!(Crl::from_der(&[&der[..], &[0]].concat()).is_err());
}

#[test]
fn openssl_reads_and_verifies_the_list() {
    let openssl = Openssl::new();
    let authorities = Authorities::new(&["dns:*"]);
    openssl.pem("issuer.pem", &[authorities.issuer.der()]);
    openssl.file("list.pem", pem::encode(pem::X509_CRL, &list(&authorities, &every_reason(), Some(CRL_URL))));
    assert!(openssl.ok("crl -in list.pem -noout -verify -CAfile issuer.pem").contains("verify OK"));
    let text = openssl.ok("crl -in list.pem -noout -text");
    for expected in [
        "Version 2 (0x1)",
        "X509v3 CRL Number: \n                300",
        "X509v3 Issuing Distribution Point: critical",
        "URI:http://pki.test/c/1.crl",
        "Only User Certificates",
        "Key Compromise",
        "Privilege Withdrawn",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(text.matches("Serial Number:").count(), RevocationReason::ALL.len());
    // RFC 5280 section 5.3.1: unspecified is left out.
    assert_eq!(text.matches("X509v3 CRL Reason Code").count(), RevocationReason::ALL.len() - 1);
    let empty = list(&authorities, &[], None);
    openssl.file("empty.pem", pem::encode(pem::X509_CRL, &empty));
    assert!(openssl.ok("crl -in empty.pem -noout -text -verify -CAfile issuer.pem").contains("No Revoked Certificates"));
    assert!(Crl::from_der(&empty).unwrap().entries().is_empty());
}

#[test]
fn a_verifier_that_looks_at_the_list_refuses_what_is_in_it() {
    let openssl = Openssl::new();
    let authorities = Authorities::new(&["dns:*"]);
    openssl.pem("root.pem", &[authorities.root.der()]);
    openssl.pem("issuer.pem", &[authorities.issuer.der()]);
    openssl.pem("leaf.pem", &[&authorities.leaf(MemoryKey::new().public_key(), &["a.acme.example"], None)]);
    let verdict = |entries: &[CrlEntry], url| {
        openssl.file("list.pem", pem::encode(pem::X509_CRL, &list(&authorities, entries, url)));
        openssl
            .run(&format!("verify -x509_strict -attime {NOW} -CAfile root.pem -untrusted issuer.pem -crl_check -CRLfile list.pem leaf.pem"))
    };
    // The leaf's serial number is 77...77.
    let revoked = CrlEntry { serial: serial(0x77), revoked_at: at(START + 1400), reason: RevocationReason::KeyCompromise };
    let (valid, said) = verdict(&[revoked], Some(CRL_URL));
    assert!(!valid && said.contains("certificate revoked"), "{said}");
    let (valid, said) = verdict(&[CrlEntry { serial: serial(0x76), ..revoked }], Some(CRL_URL));
    assert!(valid, "{said}");
    assert!(verdict(&[], None).0);
    // A list for other certificates says nothing about this one.
    assert!(!verdict(&[], Some("http://pki.test/c/2.crl")).0);
}
