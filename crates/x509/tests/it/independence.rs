//! A leaf depends on what was approved, the key, the serial number and the issuer, on nothing else of the request (THREATS 15).

use crate::hostile_csr::{Csr, attribute, extension, extension_request, names};
use crate::support::*;
use chancery_x509::{CertificatePlan, CertificationRequest, Signer};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::LazyLock;

static WORLD: LazyLock<(Authorities, MemoryKey)> = LazyLock::new(|| (Authorities::new(EVERYTHING), MemoryKey::new()));

fn leaf_for(csr: &Csr, asked: &[&str], common_name: Option<&str>, number: u8) -> Vec<u8> {
    let (authorities, key) = &*WORLD;
    let read = CertificationRequest::from_pem_or_der(&csr.signed(key)).unwrap();
    let approved = approved(asked, common_name);
    let prepared = CertificatePlan::leaf(approved, &read.public_key, serial(number), &authorities.issuer, &addresses()).unwrap();
    prepared.tbs_der().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn wishes_leave_no_trace(
        extensions in vec((0_u8..127, any::<bool>(), vec(any::<u8>(), 0..40)), 0..6),
        usage in any::<u8>(),
        wished in "[a-z]{1,10}\\.[a-z]{2,10}",
        organization in "[ -~]{1,30}",
        challenge in "[ -~]{1,20}",
    ) {
        let (_, key) = &*WORLD;
        let plain = leaf_for(&Csr::of(key), &["a.acme.example"], None, 0x55);
        let mut made: Vec<Vec<u8>> = Vec::new();
        for (number, critical, value) in &extensions {
            let id = [&b"\x2b\x06\x01\x04\x01\x83\x0f"[..], &[*number]].concat();
            let candidate = extension(&id, *critical, value);
            if !made.iter().any(|other| other[4..12] == candidate[4..12]) {
                made.push(candidate);
            }
        }
        // keyUsage, extendedKeyUsage anyExtendedKeyUsage, certificatePolicies anyPolicy, CA:FALSE, another name
        made.push(extension(b"\x55\x1d\x0f", true, &[3, 2, 0, usage]));
        made.push(extension(b"\x55\x1d\x25", true, b"\x30\x06\x06\x04\x55\x1d\x25\x00"));
        made.push(extension(b"\x55\x1d\x20", false, b"\x30\x08\x30\x06\x06\x04\x55\x1d\x20\x00"));
        made.push(extension(b"\x55\x1d\x13", true, &[0x30, 0]));
        made.push(names(&[&tlv(0x82, &[wished.as_bytes()])]));
        let list: Vec<&[u8]> = made.iter().map(Vec::as_slice).collect();
        let mut csr = Csr::of(key);
        csr.attributes = [attribute(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07", &[&tlv(0x0c, &[challenge.as_bytes()])]), extension_request(&list)].concat();
        let organization = tlv(0x31, &[&tlv(0x30, &[b"\x06\x03\x55\x04\x0a", &tlv(0x0c, &[organization.as_bytes()])])]);
        csr.subject = tlv(0x30, &[&organization]);
        prop_assert_eq!(leaf_for(&csr, &["a.acme.example"], None, 0x55), plain);
    }

    #[test]
    fn what_counts_is_all_there(number in 1_u8..=255, host in "[a-z]{1,10}\\.acme\\.example", with_common_name in any::<bool>()) {
        let (authorities, key) = &*WORLD;
        let common_name = with_common_name.then_some(host.as_str());
        let tbs = leaf_for(&Csr::of(key), &[&host], common_name, number);
        let holds = |needle: &[u8]| tbs.windows(needle.len()).any(|window| window == needle);
        prop_assert!(holds(&tlv(0x82, &[host.as_bytes()])));
        prop_assert_eq!(holds(&tlv(0x0c, &[host.as_bytes()])), with_common_name);
        prop_assert!(holds(&tlv(2, &[&serial(number).der_octets()])));
        prop_assert!(holds(key.public_key().spki_der()));
        prop_assert!(holds(authorities.issuer.subject_der()));
        prop_assert_eq!(leaf_for(&Csr::of(key), &[&host], common_name, number), tbs);
    }
}
