//! Requests that try to get more than they may, or to be read differently by two readers (THREATS 15, 23).

use crate::support::*;
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{CertificationRequest, Signer};

const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const CN: &[u8] = b"\x55\x04\x03";
const EXTENSION_REQUEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";
const CHALLENGE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07";
const SAN: &[u8] = b"\x55\x1d\x11";
const BASIC: &[u8] = b"\x55\x1d\x13";

/// A request, field by field.
pub(crate) struct Csr {
    pub(crate) version: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) attributes: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
}

pub(crate) fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&tlv(6, &[id]), critical, &tlv(4, &[value])])
}

pub(crate) fn attribute(id: &[u8], values: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, &[id]), &tlv(0x31, values)])
}

pub(crate) fn extension_request(extensions: &[&[u8]]) -> Vec<u8> {
    attribute(EXTENSION_REQUEST, &[&tlv(0x30, extensions)])
}

pub(crate) fn names(names: &[&[u8]]) -> Vec<u8> {
    extension(SAN, false, &tlv(0x30, names))
}

/// The `AlgorithmIdentifier`s, written down a second time from the RFCs that define them.
pub(crate) fn signature_algorithm(key: KeyAlgorithm) -> &'static [u8] {
    match key {
        KeyAlgorithm::EcP256 => ECDSA_SHA256,
        KeyAlgorithm::EcP384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        KeyAlgorithm::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
        KeyAlgorithm::MlDsa65 => b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12",
        _ => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
    }
}

fn rdn(id: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
    tlv(0x31, &[&tlv(0x30, &[&tlv(6, &[id]), &tlv(tag, &[text])])])
}

impl Csr {
    pub(crate) fn of(key: &MemoryKey) -> Self {
        Self {
            version: vec![2, 1, 0],
            subject: tlv(0x30, &[&rdn(CN, 0x0c, b"a.acme.example")]),
            spki: key.public_key().spki_der().to_vec(),
            attributes: extension_request(&[&names(&[&tlv(0x82, &[b"a.acme.example"])])]),
            algorithm: signature_algorithm(key.public_key().algorithm()).to_vec(),
        }
    }
    pub(crate) fn signed(&self, key: &MemoryKey) -> Vec<u8> {
        tlv(0x30, &[&self.content(key)])
    }
    fn info(&self) -> Vec<u8> {
        tlv(0x30, &[&self.version, &self.subject, &self.spki, &tlv(0xa0, &[&self.attributes])])
    }
    fn content(&self, key: &MemoryKey) -> Vec<u8> {
        let info = self.info();
        let signature = key.sign(&info).unwrap();
        [info, self.algorithm.clone(), tlv(3, &[&[0], &signature])].concat()
    }
}

fn refusal(change: impl FnOnce(&mut Csr)) -> String {
    let key = MemoryKey::new();
    let mut csr = Csr::of(&key);
    change(&mut csr);
    match CertificationRequest::from_pem_or_der(&csr.signed(&key)) {
        Ok(read) => panic!("accepted: {read:?}"),
        Err(error) => error.to_string(),
    }
}

fn refused(expected: &str, change: impl FnOnce(&mut Csr)) {
    let said = refusal(change);
    assert!(said.contains(expected), "expected {expected:?}, got {said:?}");
}

fn with_extensions(extensions: &'static [&'static dyn Fn() -> Vec<u8>]) -> impl FnOnce(&mut Csr) {
    move |csr| {
        let made: Vec<Vec<u8>> = extensions.iter().map(|make| make()).collect();
        csr.attributes = extension_request(&made.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}

fn with_name(tag: u8, content: &'static [u8]) -> impl FnOnce(&mut Csr) {
    move |csr| csr.attributes = extension_request(&[&names(&[&tlv(tag, &[content])])])
}

#[test]
fn the_untouched_request_is_accepted() {
    let key = MemoryKey::new();
    let read = CertificationRequest::from_pem_or_der(&Csr::of(&key).signed(&key)).unwrap();
    assert_eq!(read.names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["dns:a.acme.example"]);
}

#[test]
fn authority_is_not_to_be_had() {
    refused("CA:TRUE", with_extensions(&[&|| extension(BASIC, true, &[0x30, 3, 1, 1, 0xff])]));
    refused("CA:TRUE", with_extensions(&[&|| extension(BASIC, false, &[0x30, 6, 1, 1, 0xff, 2, 1, 0])]));
    // TRUE written as 01 is BER, and CA:TRUE to a lenient reader.
    refused("basicConstraints", with_extensions(&[&|| extension(BASIC, true, &[0x30, 3, 1, 1, 1])]));
    let key = MemoryKey::new();
    let mut modest = Csr::of(&key);
    modest.attributes = extension_request(&[&extension(BASIC, true, &[0x30, 0])]);
    assert!(CertificationRequest::from_pem_or_der(&modest.signed(&key)).is_ok());
}

#[test]
fn nothing_stands_there_twice() {
    let one: &dyn Fn() -> Vec<u8> = &|| names(&[&tlv(0x82, &[b"a.acme.example"])]);
    refused("2.5.29.17 stands there more than once", |csr| {
        csr.attributes = extension_request(&[&one(), &names(&[&tlv(0x82, &[b"evil.example"])])]);
    });
    refused("1.2.840.113549.1.9.14 stands there more than once", |csr| {
        csr.attributes = [extension_request(&[&one()]), extension_request(&[&one()])].concat();
    });
    refused("1.2.840.113549.1.9.14 stands there more than once", |csr| {
        let list = tlv(0x30, &[&one()]);
        csr.attributes = attribute(EXTENSION_REQUEST, &[&list, &list]);
    });
    refused("1.2.840.113549.1.9.7 stands there more than once", |csr| {
        let challenge = attribute(CHALLENGE, &[&tlv(0x0c, &[b"x"])]);
        csr.attributes = [challenge.clone(), challenge].concat();
    });
    refused("commonName: stands there more than once", |csr| {
        csr.subject = tlv(0x30, &[&rdn(CN, 0x0c, b"a.acme.example"), &rdn(CN, 0x0c, b"evil.example")]);
    });
}

#[test]
fn common_names_are_plain_text() {
    refused("commonName: contains a NUL", |csr| csr.subject = tlv(0x30, &[&rdn(CN, 0x0c, b"a.acme.example\0.evil.example")]));
    refused("commonName: empty", |csr| csr.subject = tlv(0x30, &[&rdn(CN, 0x0c, b"")]));
    refused("subject", |csr| csr.subject = tlv(0x30, &[&rdn(CN, 0x0c, &[0xff, 0xfe])]));
    refused("commonName: no text", |csr| csr.subject = tlv(0x30, &[&rdn(CN, 0x04, b"a.acme.example")]));
}

#[test]
fn names_are_of_the_four_kinds_and_well_formed() {
    refused("otherName names are not supported", |csr| {
        let upn = tlv(0xa0, &[&tlv(6, &[b"\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03"]), &tlv(0xa0, &[&tlv(0x0c, &[b"root@acme"])])]);
        csr.attributes = extension_request(&[&names(&[&upn])]);
    });
    refused("directoryName names are not supported", with_name(0xa4, &[0x30, 0]));
    refused("registeredID names are not supported", with_name(0x88, &[0x2a, 3]));
    refused("subjectAltName: not DER", with_name(0x89, b"x"));
    refused("subjectAltName: empty", with_extensions(&[&|| names(&[])]));
    refused("a dNSName contains a NUL", with_name(0x82, b"a.acme.example\0.evil.example"));
    refused("a dNSName contains octets that are not ASCII", with_name(0x82, "bücher.example".as_bytes()));
    refused("a dNSName contains octets that are not ASCII", with_name(0x82, &[b'a', 0xff, b'.', b'b']));
    refused("a dNSName is malformed", with_name(0x82, b"a..example"));
    refused("a dNSName is malformed", with_name(0x82, b"10.0.0.1"));
    refused("a dNSName is malformed", with_name(0x82, b""));
    refused("iPAddress is malformed", with_name(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]));
    refused("rfc822Name", with_name(0x81, b"a@b@c.example"));
    refused("a uniformResourceIdentifier is malformed", with_name(0x86, b"http://user@acme.example/"));
}

#[test]
fn keys_are_uncompressed_points_on_the_named_curve() {
    let ec = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    let p256 = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    let spki = |algorithm: &[u8], point: &[u8]| tlv(0x30, &[&tlv(0x30, &[algorithm]), &tlv(3, &[&[0], point])]);
    let key = MemoryKey::new();
    let point = key.public_key().spki_der()[26..].to_vec();
    let with = |spki: Vec<u8>| move |csr: &mut Csr| csr.spki = spki;
    let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
    refused("not an uncompressed P-256 point", with(spki(&[&ec[..], p256].concat(), &compressed)));
    let hybrid = [&[6 + (point[64] & 1)], &point[1..]].concat();
    refused("not an uncompressed P-256 point", with(spki(&[&ec[..], p256].concat(), &hybrid)));
    refused("not an uncompressed P-256 point", with(spki(&[&ec[..], p256].concat(), &[0])));
    let mut off = point.clone();
    off[64] ^= 1;
    refused("the point is not on P-256", with(spki(&[&ec[..], p256].concat(), &off)));
    refused("explicit curve parameters", with(spki(&[&ec[..], &tlv(0x30, &[&[2, 1, 1]])].concat(), &point)));
    refused("explicit curve parameters", with(spki(&[&ec[..], &[5, 0]].concat(), &point)));
    refused("name the curve", with(spki(ec, &point)));
    refused("not an uncompressed P-384 point", with(spki(&[&ec[..], b"\x06\x05\x2b\x81\x04\x00\x22"].concat(), &point)));
    refused("curve 1.3.132.0.35 is not supported", with(spki(&[&ec[..], b"\x06\x05\x2b\x81\x04\x00\x23"].concat(), &point)));
    refused("1.3.101.110 is not supported", with(spki(b"\x06\x03\x2b\x65\x6e", &[7; 32])));
    refused("not a whole number of octets", with(tlv(0x30, &[&tlv(0x30, &[ec, p256]), &tlv(3, &[&[1], &[0xfe]])])));
}

#[test]
fn real_keys_of_other_kinds_and_curves_are_refused() {
    let openssl = Openssl::new();
    for (options, expected) in [
        ("-newkey rsa:1024", "1024 bits, use 3072"),
        ("-newkey rsa:2047", "2047 bits, use 3072"),
        ("-newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3", "publicExponent"),
        (
            "-newkey rsa:2048 -sha1",
            "with sha256WithRSAEncryption, sha384WithRSAEncryption or sha512WithRSAEncryption, and NULL: SHA-1 is broken",
        ),
        ("-newkey rsa:2048 -md5", "MD5 is broken"),
        ("-newkey rsa:2048 -sha224", "for a rsa-2048 key sign with sha256WithRSAEncryption"),
        ("-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048", "1.2.840.113549.1.1.10 is not supported"),
        ("-newkey rsa:2048 -sigopt rsa_padding_mode:pss", "RSASSA-PSS is not read here"),
        ("-newkey ed448", "1.3.101.113 is not supported"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:secp521r1", "curve 1.3.132.0.35 is not supported"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -sha512", "for a ec-p384 key sign with ecdsa-with-SHA256 or ecdsa-with-SHA384"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", "curve 1.3.132.0.10 is not supported"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -pkeyopt ec_param_enc:explicit", "explicit curve parameters"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -sha1", "SHA-1 is broken"),
    ] {
        openssl.ok(&format!("req -new {options} -nodes -keyout key.pem -out csr.pem -subj /CN=a.b"));
        let said = CertificationRequest::from_pem_or_der(&openssl.read("csr.pem")).unwrap_err().to_string();
        assert!(said.contains(expected), "{options}: {said}");
    }
}

#[test]
fn the_signature_proves_possession() {
    let (key, other) = (MemoryKey::new(), MemoryKey::new());
    let refused = |der: &[u8], expected: &str| {
        let said = CertificationRequest::from_pem_or_der(der).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    refused(&Csr::of(&key).signed(&other), "signature: does not verify");
    let good = Csr::of(&key).signed(&key);
    let spot = good.windows(14).position(|window| window == b"a.acme.example").unwrap();
    let mut changed = good.clone();
    changed[spot] = b'b';
    refused(&changed, "signature: does not verify");
    let info = Csr::of(&key).info();
    for zero in [&tlv(0x30, &[&[2, 1, 0, 2, 1, 0]]), &vec![0; 64], &vec![]] {
        refused(&tlv(0x30, &[&info, ECDSA_SHA256, &tlv(3, &[&[0], zero])]), "signature: does not verify");
    }
    let none = Csr { algorithm: tlv(0x30, &[&tlv(6, &[b"\x2a\x03"])]), ..Csr::of(&key) };
    refused(&none.signed(&key), "signatureAlgorithm");
}

#[test]
fn only_der_and_nothing_after_it() {
    let key = MemoryKey::new();
    let good = Csr::of(&key).signed(&key);
    let malformed = |der: &[u8]| CertificationRequest::from_pem_or_der(der).unwrap_err().to_string();
    assert!(malformed(&[&good[..], &[0]].concat()).contains("certificationRequest: not DER"));
    assert!(malformed(&good[..good.len() - 1]).contains("certificationRequest: not DER"));
    // Long enough for a length in two octets, whatever the length of the signature.
    let long = Csr { subject: tlv(0x30, &[&rdn(CN, 0x0c, &[b'a'; 40])]), ..Csr::of(&key) };
    let content = long.content(&key);
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    assert!(CertificationRequest::from_pem_or_der(&[&[0x30, 0x82], &length[..], &content].concat()).is_ok());
    // A length in more octets than needed, and the indefinite form of BER.
    assert!(malformed(&[&[0x30, 0x83, 0], &length[..], &content].concat()).contains("certificationRequest: not DER"));
    assert!(malformed(&[&[0x30, 0x80], &content[..], &[0, 0]].concat()).contains("certificationRequest: not DER"));
    refused("version", |csr| csr.version = vec![2, 1, 1]);
    refused("version", |csr| csr.version = vec![2, 2, 0, 0]);
    refused("certificationRequestInfo", |csr| csr.attributes.push(0));
    refused("extensionRequest: not DER", with_extensions(&[&|| tlv(0x30, &[&tlv(6, &[SAN]), &[1, 1, 0], &tlv(4, &[&[0x30, 0]])])]));
    refused("extensionRequest: not DER", |csr| csr.attributes = attribute(EXTENSION_REQUEST, &[&[5, 0]]));
    refused("subjectAltName: not DER", with_extensions(&[&|| extension(SAN, false, &[0x30, 0, 0])]));
    for cut in 0..good.len() {
        assert!(CertificationRequest::from_pem_or_der(&good[..cut]).is_err());
    }
}
