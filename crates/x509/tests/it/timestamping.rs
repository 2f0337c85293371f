//! Timestamps made here against `openssl ts`, and those of `openssl ts` here.

use crate::pki::{EMAIL_PROTECTION, Identity, Profile, authority, signer, time_stamper, tlv};
use crate::support::Openssl;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Serial, Timestamp};
use chancery_x509::hash::digest;
use chancery_x509::tsp::{
    Accuracy, Failure, Imprint, LARGEST_REQUEST, TimestampRequest, TimestampToken, TokenPlan, TokenWish, granted, rejected, token_of,
    verify_token,
};
use chancery_x509::{Problem, cms};
use const_oid::ObjectIdentifier;

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
const DATA: &[u8] = b"what is stamped";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00.750Z").unwrap()
}

struct Authority {
    root: Identity,
    identity: Identity,
    algorithm: SignatureAlgorithm,
}

impl Authority {
    fn new(algorithm: SignatureAlgorithm) -> Self {
        Self::with(algorithm, time_stamper("Time"))
    }
    fn with(algorithm: SignatureAlgorithm, profile: Profile<'_>) -> Self {
        let kinds = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048, KeyAlgorithm::MlDsa65];
        let kind = kinds.into_iter().find(|kind| algorithm.fits(*kind)).unwrap();
        let root = Identity::root(authority("Time Root"), KeyAlgorithm::EcP256);
        Self { identity: root.issue(profile, kind), root, algorithm }
    }
    fn token(&self, request: &TimestampRequest) -> Vec<u8> {
        let chain = [self.identity.certificate.clone()];
        let (serial, accuracy) = (Serial::from_slice(&[0xa5; 16]).unwrap(), Accuracy { seconds: 2, millis: 500 });
        let plan = TokenPlan { request, chain: &chain, algorithm: self.algorithm, policy: POLICY, serial, at: now(), accuracy };
        let prepared = plan.prepare().unwrap();
        let signature = self.identity.sign(self.algorithm, prepared.to_be_signed());
        prepared.finish(&signature).unwrap()
    }
    fn verify(&self, token: &[u8], data: &[u8], nonce: Option<&[u8]>, at: Timestamp) -> Result<TimestampToken, Vec<&'static str>> {
        let wish = TokenWish { imprint: Imprint::Of(data), nonce, roots: &[&self.root.certificate], now: at };
        verify_token(token, &wish).map_err(|problems: Vec<Problem>| problems.iter().map(|problem| problem.code).collect())
    }
    fn files(&self) -> Openssl {
        let openssl = Openssl::new();
        openssl.pem("root.pem", &[&self.root.certificate]);
        openssl.pem("tsa.pem", &[&self.identity.certificate]);
        openssl.file("tsa.key", chancery_x509::pem::encode("PRIVATE KEY", &self.identity.pkcs8));
        openssl.file("data", DATA);
        openssl
    }
}

fn request() -> TimestampRequest {
    let imprint = digest(DigestAlgorithm::Sha384, DATA);
    TimestampRequest { imprint, policy: Some(POLICY), nonce: Some(vec![0, 0x80, 1]), certificates: true }
}

#[test]
fn each_kind_of_key_stamps() {
    for algorithm in SignatureAlgorithm::ALL {
        let authority = Authority::new(algorithm);
        let token = authority.verify(&authority.token(&request()), DATA, Some(&[0, 0x80, 1]), now()).unwrap();
        assert_eq!((token.at, token.accuracy), (now().whole_second(), Some(Accuracy { seconds: 2, millis: 500 })));
        assert_eq!((token.policy, token.imprint, token.chain.len()), (POLICY, request().imprint, 2));
        assert_eq!(token.serial, Serial::from_slice(&[0xa5; 16]).unwrap().der_octets());
    }
}

#[test]
fn openssl_accepts_our_answers_to_its_queries_and_refuses_them_changed() {
    for algorithm in SignatureAlgorithm::ALL {
        // OpenSSL 3.0 knows no ML-DSA; its timestamps rest on PKCS#7, which knows neither EdDSA nor PSS.
        if matches!(algorithm, SignatureAlgorithm::Ed25519 | SignatureAlgorithm::MlDsa65 | SignatureAlgorithm::RsaPssSha256) {
            continue;
        }
        let authority = Authority::new(algorithm);
        let openssl = authority.files();
        openssl.file("other", b"something else");
        for (options, certificates) in
            [("-sha256 -cert", true), ("-sha512", false), ("-sha384 -no_nonce -cert -tspolicy 1.3.6.1.4.1.32473.1", true)]
        {
            openssl.ok(&format!("ts -query -data data {options} -out query.tsq"));
            let query = TimestampRequest::from_der(&openssl.read("query.tsq")).unwrap();
            assert_eq!((query.certificates, query.nonce.is_none()), (certificates, options.contains("no_nonce")));
            let response = granted(&authority.token(&query));
            let verify = |response: &[u8], data: &str| {
                openssl.file("response.tsr", response);
                openssl.run(&format!("ts -verify -{data} -in response.tsr -CAfile root.pem -untrusted tsa.pem"))
            };
            let (accepted, said) = verify(&response, "queryfile query.tsq");
            assert!(accepted, "{algorithm:?} {options}: {said}");
            assert!(verify(&response, "data data").0);
            assert!(!verify(&response, "data other").0);
            // The signature, and what the timestamp says.
            let imprint = query.imprint.as_bytes();
            let start = response.windows(imprint.len()).position(|window| window == imprint).unwrap();
            for at in (0..8).map(|n| response.len() - 1 - n * 7).chain((0..8).map(|n| start + n * 9)) {
                let mut flipped = response.clone();
                flipped[at] ^= 1;
                assert!(!verify(&flipped, "queryfile query.tsq").0, "{algorithm:?} byte {at} of {}", response.len());
            }
        }
    }
}

#[test]
fn tokens_of_openssl_verify_here() {
    let config = "[tsa]\ndefault_tsa = t\n[t]\nserial = ./serial\ndefault_policy = 1.3.6.1.4.1.32473.1\ndigests = sha256, sha384, sha512\n\
                  accuracy = secs:1, millisecs:500, microsecs:100\nordering = yes\ntsa_name = yes\ness_cert_id_chain = no\n";
    for algorithm in [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256] {
        let authority = Authority::new(algorithm);
        let openssl = authority.files();
        let answer = |digest: &str, alg: &str| {
            openssl.file("tsa.cnf", format!("{config}signer_digest = {digest}\ness_cert_id_alg = {alg}\n"));
            openssl.file("serial", "0A");
            openssl.file("query.tsq", request().to_der());
            openssl.ok("ts -reply -queryfile query.tsq -config tsa.cnf -section t -signer tsa.pem -inkey tsa.key -out response.tsr");
            token_of(&openssl.read("response.tsr")).unwrap().to_vec()
        };
        let usual = if algorithm == SignatureAlgorithm::EcdsaP384Sha384 { "sha384" } else { "sha256" };
        // RSA over other digests is common among timestamping authorities.
        let digests = if algorithm == SignatureAlgorithm::RsaPkcs1Sha256 { vec!["sha256", "sha384", "sha512"] } else { vec![usual] };
        for digest in digests {
            let token = answer(digest, "sha256");
            let later = Timestamp::parse("2040-01-01T00:00:00Z").unwrap();
            let found = authority.verify(&token, DATA, Some(&[0, 0x80, 1]), later).unwrap();
            assert_eq!((found.policy, found.accuracy), (POLICY, Some(Accuracy { seconds: 1, millis: 501 })));
            assert_eq!(authority.verify(&token, b"other", None, later), Err(vec!["imprint"]));
            assert_eq!(authority.verify(&token, DATA, Some(&[1]), later), Err(vec!["nonce"]));
            assert_eq!(authority.verify(&token, DATA, None, found.at.before(std::time::Duration::from_secs(1))), Err(vec!["time"]));
        }
        // The certificate named by its SHA-1 alone (RFC 2634) is not named.
        assert_eq!(authority.verify(&answer(usual, "sha1"), DATA, None, now()), Err(vec!["attributes"]));
    }
}

#[test]
fn openssl_reads_our_rejections_and_we_its() {
    let openssl = Openssl::new();
    for failure in Failure::ALL {
        openssl.file("response.tsr", rejected(failure, "the clock, or so"));
        let text = openssl.ok("ts -reply -in response.tsr -text");
        assert!(text.contains("Status: Rejected.") && text.contains("the clock, or so"), "{text}");
        let said = token_of(&openssl.read("response.tsr")).unwrap_err();
        assert_eq!(said.code, "timestamp.rejected");
        assert!(said.message.contains(failure.as_str()) && said.message.contains("the clock, or so"), "{said}");
    }
    openssl.file("response.tsr", rejected(Failure::TimeNotAvailable, "no"));
    assert!(openssl.ok("ts -reply -in response.tsr -text").contains("time source is not available"));
    let authority = Authority::new(SignatureAlgorithm::EcdsaP256Sha256);
    let openssl = authority.files();
    openssl.file("tsa.cnf", "[t]\nserial = ./serial\ndefault_policy = 1.2.3\ndigests = sha256\nsigner_digest = sha256\n");
    openssl.file("serial", "0A");
    openssl.file("query.tsq", request().to_der());
    openssl.run("ts -reply -queryfile query.tsq -config tsa.cnf -section t -signer tsa.pem -inkey tsa.key -out response.tsr");
    assert_eq!(token_of(&openssl.read("response.tsr")).unwrap_err().code, "timestamp.rejected");
}

#[test]
fn requests_are_read_strictly() {
    let der = request().to_der();
    assert_eq!(TimestampRequest::from_der(&der), Ok(request()));
    for end in 0..der.len() {
        assert!(TimestampRequest::from_der(&der[..end]).is_err());
    }
    assert_eq!(TimestampRequest::from_der(&[&der[..], &[0]].concat()), Err(Failure::BadDataFormat));
    assert_eq!(TimestampRequest::from_der(&vec![0; LARGEST_REQUEST + 1]), Err(Failure::BadRequest));
    let imprint = tlv(0x30, &[b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01", &tlv(4, &[&[7; 32]])]);
    let read = |parts: &[&[u8]]| TimestampRequest::from_der(&tlv(0x30, parts)).map(|_| ());
    assert_eq!(read(&[&[2, 1, 1], &imprint]), Ok(()));
    assert_eq!(read(&[&[2, 1, 2], &imprint]), Err(Failure::BadRequest));
    assert_eq!(read(&[&[2, 1, 1], &imprint, &[1, 1, 0]]), Err(Failure::BadDataFormat));
    assert_eq!(read(&[&[2, 1, 1], &imprint, &[0xa0, 0]]), Err(Failure::UnacceptedExtension));
    assert_eq!(read(&[&[2, 1, 1], &imprint, &tlv(2, &[&[1; 65]])]), Err(Failure::BadDataFormat));
    let short = tlv(0x30, &[b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01", &tlv(4, &[&[7; 31]])]);
    assert_eq!(read(&[&[2, 1, 1], &short]), Err(Failure::BadDataFormat));
    let sha1 = tlv(0x30, &[b"\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00", &tlv(4, &[&[7; 20]])]);
    assert_eq!(read(&[&[2, 1, 1], &sha1]), Err(Failure::BadAlgorithm));
    // As long as may be, and one more: only the length is judged then.
    let padded = |more: usize| tlv(0x30, &[&[2, 1, 1], &imprint, &tlv(0xa0, &[&vec![0; LARGEST_REQUEST - 60 + more]])]);
    assert_eq!(padded(0).len(), LARGEST_REQUEST);
    assert_eq!(TimestampRequest::from_der(&padded(0)), Err(Failure::UnacceptedExtension));
    assert_eq!(TimestampRequest::from_der(&padded(1)), Err(Failure::BadRequest));
}

#[test]
fn a_token_is_refused_for_what_is_wrong_with_it() {
    let authority = Authority::new(SignatureAlgorithm::Ed25519);
    let token = authority.token(&request());
    assert_eq!(authority.verify(&token, DATA, None, now()).map(|_| ()), Ok(()));
    for bit in 0..token.len() * 8 {
        let mut flipped = token.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(authority.verify(&flipped, DATA, None, now()).is_err(), "bit {bit} of {} bytes", token.len());
    }
    for end in 0..token.len() {
        assert!(authority.verify(&token[..end], DATA, None, now()).is_err());
    }
    let mailer = Authority::with(SignatureAlgorithm::Ed25519, signer("Mail", &[EMAIL_PROTECTION]));
    assert_eq!(mailer.verify(&mailer.token(&request()), DATA, None, now()).map(|_| ()), Err(vec!["purpose"]));
    let elsewhere = Authority::new(SignatureAlgorithm::EcdsaP384Sha384);
    assert_eq!(
        authority.verify(&elsewhere.token(&TimestampRequest { certificates: false, ..request() }), DATA, None, now()),
        Err(vec!["certificate"])
    );
    let loose = cms::with_unsigned(&token, POLICY, &[5, 0]).unwrap();
    assert_eq!(authority.verify(&loose, DATA, None, now()), Err(vec!["attributes"]));
    // A document's signature is no timestamp, whatever its content looks like.
    let chain = [authority.identity.certificate.clone()];
    let content = cms::SignedData::from_der(&token).unwrap().content().unwrap();
    let plan = cms::CmsPlan {
        chain: &chain,
        with_chain: true,
        algorithm: authority.algorithm,
        content_type: cms::ID_DATA,
        content: cms::Content::Attached(content),
        signing_time: None,
        attributes: &[],
    };
    let prepared = plan.prepare().unwrap();
    let signature = authority.identity.sign(authority.algorithm, prepared.to_be_signed());
    assert_eq!(authority.verify(&prepared.finish(&signature).unwrap(), DATA, None, now()), Err(vec!["content-type"]));
    let exact = TokenPlan {
        request: &request(),
        chain: &chain,
        algorithm: authority.algorithm,
        policy: POLICY,
        serial: Serial::from_slice(&[1; 16]).unwrap(),
        at: now(),
        accuracy: Accuracy { seconds: 0, millis: 999 },
    };
    assert_eq!(exact.prepare().err().unwrap().code, "accuracy");
}
