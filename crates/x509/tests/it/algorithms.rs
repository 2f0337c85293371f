//! Every kind of key as root, intermediate, list signer, subject and requester, before judges that share no code with us: openssl,
//! and for ML-DSA, which openssl 3.0 does not know, Python's `cryptography`.

use crate::hostile_csr::Csr;
use crate::support::*;
use chancery_domain::certificate::RevocationReason;
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{
    CertificatePlan, CertificationRequest, Crl, CrlEntry, CrlPlan, IssuerCertificate, IssuerError, PublicKey, Signer, pem, prove_key_pair,
    verify_chain,
};

const NOW: i64 = START + 2000;

/// Verifies files, pairs of a document and the certificate of who signed it (of a request, the request itself).
const JUDGE: &str = r#"
import sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa

def load(name):
    data = open(name, "rb").read()
    if name.endswith(".csr"):
        csr = x509.load_der_x509_csr(data)
        return csr, csr.tbs_certrequest_bytes
    if name.endswith(".crl"):
        crl = x509.load_der_x509_crl(data)
        return crl, crl.tbs_certlist_bytes
    certificate = x509.load_der_x509_certificate(data)
    return certificate, certificate.tbs_certificate_bytes

for document, signer in zip(sys.argv[1::2], sys.argv[2::2]):
    (signed, tbs), key = load(document), load(signer)[0].public_key()
    oid, signature = signed.signature_algorithm_oid.dotted_string, signed.signature
    if isinstance(key, mldsa.MLDSA65PublicKey):
        assert oid == "2.16.840.1.101.3.4.3.18", oid
        key.verify(signature, tbs)
    elif isinstance(key, ed25519.Ed25519PublicKey):
        assert oid == "1.3.101.112", oid
        key.verify(signature, tbs)
    elif isinstance(key, rsa.RSAPublicKey):
        assert oid == "1.2.840.113549.1.1.11", oid
        key.verify(signature, tbs, padding.PKCS1v15(), hashes.SHA256())
    else:
        digest, expected = {256: (hashes.SHA256(), "1.2.840.10045.4.3.2"), 384: (hashes.SHA384(), "1.2.840.10045.4.3.3")}[key.key_size]
        assert oid == expected, oid
        key.verify(signature, tbs, ec.ECDSA(digest))
    print("verified", document)
"#;

/// One hierarchy of one kind of key, with a leaf of every kind below it.
struct House {
    authorities: Authorities,
    crl: Vec<u8>,
    /// The leaf's kind, its request and its certificate.
    leaves: Vec<(KeyAlgorithm, Vec<u8>, Vec<u8>)>,
}

fn issuers() -> impl Iterator<Item = KeyAlgorithm> {
    KeyAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.may_issue())
}

fn request(algorithm: KeyAlgorithm) -> Vec<u8> {
    let key = MemoryKey::numbered(algorithm, 3);
    Csr::of(&key).signed(&key)
}

impl House {
    fn of(algorithm: KeyAlgorithm) -> Self {
        let [root_key, key] = [1, 2].map(|number| MemoryKey::numbered(algorithm, number));
        prove_key_pair(&key).unwrap();
        let authorities = Authorities::with_keys(root_key, key, &["dns:*.acme.example"]);
        let leaf = |kind| {
            let csr = request(kind);
            let read = CertificationRequest::from_pem_or_der(&csr).unwrap();
            assert_eq!(read.public_key.algorithm(), kind);
            let certificate = authorities.leaf(&read.public_key, &["a.acme.example"], None);
            (kind, csr, certificate)
        };
        let leaves = KeyAlgorithm::ALL.into_iter().map(leaf).collect();
        let revoked = CrlEntry { serial: serial(0x55), revoked_at: at(START + 1400), reason: RevocationReason::KeyCompromise };
        let plan = CrlPlan {
            issuer: &authorities.issuer,
            number: 1,
            this_update: at(START + 1500),
            next_update: at(START + 90_000),
            distribution_point_url: None,
            entries: vec![revoked],
        };
        let crl = plan.prepare().unwrap().sign(&authorities.key).unwrap().into_der();
        Self { authorities, crl, leaves }
    }
}

#[test]
fn chains_of_every_kind_hold_for_us() {
    let mut chains = 0;
    for algorithm in issuers() {
        let House { authorities, crl, leaves } = House::of(algorithm);
        for (_, _, leaf) in &leaves {
            verify_chain(leaf, &[authorities.issuer.der()], authorities.root.der(), at(NOW)).unwrap();
            chains += 1;
        }
        assert!(Crl::from_der(&crl).unwrap().verify(authorities.issuer.public_key()).is_ok());
        let mut damaged = leaves[0].2.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(verify_chain(&damaged, &[authorities.issuer.der()], authorities.root.der(), at(NOW)).is_err());
    }
    assert_eq!(chains, 42);
}

#[test]
fn openssl_accepts_every_kind_that_it_knows() {
    let (mut chains, mut requests, mut lists) = (0, 0, 0);
    for algorithm in issuers().filter(|algorithm| *algorithm != KeyAlgorithm::MlDsa65) {
        let openssl = Openssl::new();
        let House { authorities, crl, leaves } = House::of(algorithm);
        openssl.pem("root.pem", &[authorities.root.der()]);
        openssl.pem("issuer.pem", &[authorities.issuer.der()]);
        openssl.file("list.pem", pem::encode(pem::X509_CRL, &crl));
        assert!(openssl.ok("crl -in list.pem -noout -verify -CAfile issuer.pem").contains("verify OK"));
        lists += 1;
        for (kind, csr, leaf) in leaves.iter().filter(|(kind, _, _)| *kind != KeyAlgorithm::MlDsa65) {
            openssl.pem("leaf.pem", &[leaf]);
            let strict =
                format!("verify -x509_strict -attime {NOW} -CAfile root.pem -untrusted issuer.pem -crl_check -CRLfile list.pem leaf.pem");
            openssl.ok(&strict);
            chains += 1;
            openssl.file("request.der", csr);
            assert!(openssl.ok("req -inform DER -in request.der -verify -noout").contains("verify OK"), "{kind:?}");
            requests += 1;
        }
    }
    assert_eq!((chains, requests, lists), (30, 30, 5));
}

#[test]
fn an_implementation_that_knows_them_all_accepts_them_all() {
    let folder = Openssl::new();
    let mut pairs = Vec::new();
    for algorithm in issuers() {
        let House { authorities, crl, leaves } = House::of(algorithm);
        let name = |what: &str| format!("{}-{what}", algorithm.as_str());
        let [root, issuer] = ["root.cer", "issuer.cer"].map(name);
        folder.file(&root, authorities.root.der());
        folder.file(&issuer, authorities.issuer.der());
        folder.file(&name("list.crl"), crl);
        pairs.extend([root.clone(), root.clone(), issuer.clone(), root, name("list.crl"), issuer.clone()]);
        for (kind, csr, leaf) in leaves {
            let [request, certificate] = ["csr", "cer"].map(|suffix| name(&format!("{}.{suffix}", kind.as_str())));
            folder.file(&request, csr);
            folder.file(&certificate, leaf);
            pairs.extend([request.clone(), request, certificate, issuer.clone()]);
        }
    }
    let arguments: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let (accepted, said) = python(&folder, JUDGE, &arguments);
    assert!(accepted, "{said}");
    // Six hierarchies of three documents, and below each seven requests and seven certificates.
    assert_eq!(said.lines().filter(|line| line.starts_with("verified")).count(), 6 * 3 + 6 * 14);
    // It does look: one bit of a signature, and it refuses.
    let mut damaged = folder.read("ml-dsa-65-ml-dsa-65.cer");
    *damaged.last_mut().unwrap() ^= 1;
    folder.file("damaged.cer", damaged);
    let (accepted, said) = python(&folder, JUDGE, &["damaged.cer", "ml-dsa-65-issuer.cer"]);
    assert!(!accepted && said.contains("InvalidSignature"), "{said}");
}

#[test]
fn private_keys_are_read_by_others_and_theirs_by_us() {
    let openssl = Openssl::new();
    let generated = |algorithm| match algorithm {
        KeyAlgorithm::EcP256 => "EC -pkeyopt ec_paramgen_curve:P-256",
        KeyAlgorithm::EcP384 => "EC -pkeyopt ec_paramgen_curve:P-384",
        KeyAlgorithm::Ed25519 => "ED25519",
        KeyAlgorithm::Rsa2048 => "RSA -pkeyopt rsa_keygen_bits:2048",
        KeyAlgorithm::Rsa3072 => "RSA -pkeyopt rsa_keygen_bits:3072",
        _ => "RSA -pkeyopt rsa_keygen_bits:4096",
    };
    for algorithm in KeyAlgorithm::ALL.into_iter().filter(|algorithm| *algorithm != KeyAlgorithm::MlDsa65) {
        let ours = MemoryKey::numbered(algorithm, 3);
        openssl.file("ours.key", &ours.pkcs8);
        openssl.ok("pkey -inform DER -in ours.key -check -noout");
        openssl.ok("pkey -inform DER -in ours.key -pubout -outform DER -out ours.pub");
        assert_eq!(openssl.read("ours.pub"), ours.public_key().spki_der(), "{algorithm:?}");
        openssl.ok(&format!("genpkey -algorithm {} -outform PEM -out pem.key", generated(algorithm)));
        openssl.ok("pkcs8 -topk8 -nocrypt -in pem.key -outform DER -out theirs.key");
        openssl.ok("pkey -in pem.key -pubout -outform DER -out theirs.pub");
        let theirs = MemoryKey::from_pkcs8(&openssl.read("theirs.key"));
        assert_eq!(theirs.public_key(), &PublicKey::from_spki_der(&openssl.read("theirs.pub")).unwrap());
        assert_eq!(theirs.public_key().algorithm(), algorithm);
    }
    let ours = MemoryKey::numbered(KeyAlgorithm::MlDsa65, 3);
    openssl.file("ours.key", &ours.pkcs8);
    let exchange = r#"
from cryptography import x509
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import mldsa
public = lambda key: key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
open("ours.pub", "wb").write(public(s.load_der_private_key(open("ours.key", "rb").read(), None)))
theirs = mldsa.MLDSA65PrivateKey.generate()
open("theirs.pub", "wb").write(public(theirs))
open("theirs.key", "wb").write(theirs.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()))
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.acme.example")])
request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(theirs, None)
open("theirs.csr", "wb").write(request.public_bytes(s.Encoding.PEM))
"#;
    let (done, said) = python(&openssl, exchange, &[]);
    assert!(done, "{said}");
    assert_eq!(openssl.read("ours.pub"), ours.public_key().spki_der());
    let theirs = MemoryKey::from_pkcs8(&openssl.read("theirs.key"));
    assert_eq!(theirs.public_key().spki_der(), openssl.read("theirs.pub"));
    let request = CertificationRequest::from_pem_or_der(&openssl.read("theirs.csr")).unwrap();
    assert_eq!((&request.public_key, request.common_name.as_deref()), (theirs.public_key(), Some("a.acme.example")));
}

#[test]
fn rsa_2048_is_for_subjects_only() {
    let key = MemoryKey::numbered(KeyAlgorithm::Rsa2048, 3);
    let (not_before, not_after) = (at(START), at(END));
    let subject = chancery_x509::DistinguishedName { organization: None, common_name: "Weak".into() };
    let plan =
        chancery_x509::CaPlan { subject: &subject, key: key.public_key(), serial: serial(1), not_before, not_after, path_length: None };
    let findings = CertificatePlan::root(&plan).unwrap_err().findings;
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["authority-key"]);
    let openssl = Openssl::new();
    openssl.ok("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -outform DER -out root.cer -subj /CN=Weak -addext keyUsage=critical,keyCertSign,cRLSign");
    let refused = IssuerCertificate::from_der(&openssl.read("root.cer")).unwrap_err();
    assert_eq!(refused, IssuerError::Weak("rsa-2048"));
}
