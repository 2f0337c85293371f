//! Requests as openssl makes them.

use crate::support::*;
use chancery_x509::csr::MAX_LENGTH;
use chancery_x509::{CertificationRequest, CsrError, PublicKey, pem};

const NAMES: &str = "subjectAltName=DNS:API.acme.example,IP:192.0.2.1,IP:2001:db8::1,email:ann@acme.example,URI:spiffe://acme.example/web";

fn request(openssl: &Openssl, subject: &str, options: &str) -> Vec<u8> {
    openssl.ok(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out csr.pem -subj {subject} {options}"
    ));
    openssl.read("csr.pem")
}

#[test]
fn names_key_and_common_name_are_read() {
    let openssl = Openssl::new();
    let text = request(&openssl, "/O=Acme/CN=api.acme.example", &format!("-addext {NAMES} -addext extendedKeyUsage=codeSigning"));
    let read = CertificationRequest::from_pem_or_der(&text).unwrap();
    let names: Vec<String> = read.names.iter().map(ToString::to_string).collect();
    let expected = ["dns:api.acme.example", "ip:192.0.2.1", "ip:2001:db8::1", "email:ann@acme.example", "uri:spiffe://acme.example/web"];
    assert_eq!(names, expected);
    assert_eq!(read.common_name.as_deref(), Some("api.acme.example"));
    openssl.ok("pkey -in key.pem -pubout -outform DER -out public.der");
    assert_eq!(read.public_key.spki_der(), openssl.read("public.der"));

    openssl.ok("req -in csr.pem -outform DER -out csr.der");
    let der = CertificationRequest::from_pem_or_der(&openssl.read("csr.der")).unwrap();
    assert_eq!((der.names, der.common_name), (read.names.clone(), read.common_name.clone()));
    openssl.ok("req -in csr.pem -text -newhdr -out told.pem");
    let told = CertificationRequest::from_pem_or_der(&openssl.read("told.pem")).unwrap();
    assert_eq!(told.public_key, read.public_key);
}

/// openssl signs with SHA-256 whatever the key, unless told otherwise.
#[test]
fn the_hashes_in_use_are_read() {
    let openssl = Openssl::new();
    let curve = |name: &str| format!("ec -pkeyopt ec_paramgen_curve:{name}");
    let (p256, p384, rsa) = (curve("P-256"), curve("P-384"), "rsa:2048".to_owned());
    for (kind, digests) in
        [(&p256, &["-batch", "-sha256", "-sha384"][..]), (&p384, &["-batch", "-sha256", "-sha384"]), (&rsa, &["-sha384", "-sha512"])]
    {
        for digest in digests {
            openssl.ok(&format!("req -new -newkey {kind} {digest} -nodes -keyout key.pem -out csr.pem -subj /CN=a.b"));
            let csr = openssl.read("csr.pem");
            let read = CertificationRequest::from_pem_or_der(&csr).unwrap_or_else(|error| panic!("{kind} {digest}: {error}"));
            assert_eq!(read.common_name.as_deref(), Some("a.b"));
            // One bit of the signature, and it is not believed.
            let mut damaged = pem::decode(std::str::from_utf8(&csr).unwrap()).unwrap().remove(0).der.to_vec();
            *damaged.last_mut().unwrap() ^= 1;
            assert_eq!(CertificationRequest::from_pem_or_der(&damaged).unwrap_err(), CsrError::Signature, "{kind} {digest}");
        }
    }
}

#[test]
fn names_are_never_inferred_from_the_subject() {
    let openssl = Openssl::new();
    for common_name in ["api.acme.example", "ann@acme.example"] {
        let read = CertificationRequest::from_pem_or_der(&request(&openssl, &format!("/CN={common_name}"), "-batch")).unwrap();
        assert!(read.names.is_empty());
        assert_eq!(read.common_name.as_deref(), Some(common_name));
    }
    let nameless = CertificationRequest::from_pem_or_der(&request(&openssl, "/", "-batch")).unwrap();
    assert_eq!(nameless.common_name, None);
}

#[test]
fn envelopes_are_strict() {
    let openssl = Openssl::new();
    let text = String::from_utf8(request(&openssl, "/CN=a.b", "-batch")).unwrap();
    let refused = |bytes: &[u8]| CertificationRequest::from_pem_or_der(bytes).unwrap_err();
    assert_eq!(refused(text.repeat(2).as_bytes()), CsrError::Blocks(2));
    let with_key = format!("{text}{}", String::from_utf8(openssl.read("key.pem")).unwrap());
    assert_eq!(refused(with_key.as_bytes()), CsrError::Blocks(2));
    let relabelled = text.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    assert_eq!(refused(relabelled.as_bytes()), CsrError::Label("CERTIFICATE".into()));
    assert_eq!(refused(b"nothing"), CsrError::Pem(pem::PemError::Absent));
    assert_eq!(refused(b""), CsrError::Pem(pem::PemError::Absent));
    assert_eq!(refused(&vec![0x30; MAX_LENGTH + 1]), CsrError::TooLong);
    assert_eq!(refused(&vec![0x30; MAX_LENGTH]), CsrError::Malformed("certificationRequest"));
}

#[test]
fn key_identifiers_are_truncated_sha256() {
    let openssl = Openssl::new();
    request(&openssl, "/CN=a.b", "-batch");
    openssl.ok("pkey -in key.pem -pubout -outform DER -out public.der");
    let spki = openssl.read("public.der");
    openssl.file("bits", &spki[26..]);
    let hash = openssl.ok("dgst -sha256 -r bits");
    let key = PublicKey::from_spki_der(&spki).unwrap();
    let identifier: String = key.key_identifier().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(identifier, hash[..40]);
    assert!(PublicKey::from_spki_der(&[&spki[..], &[0]].concat()).is_err());
}
