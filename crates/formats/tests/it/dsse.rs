//! Envelopes before securesystemslib, with one signature and with several.

use crate::support::*;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_formats::dsse::{self, VerifiedEnvelope, Wish};
use chancery_formats::{MakeError, Problem, Trust};
use chancery_x509::{Purpose, Signer};
use serde_json::{Value, json};

const TYPE: &str = "application/vnd.example+json";
const PAYLOAD: &[u8] = b"{\"hello\": \"w\xc3\xb6rld\"}";
pub(crate) const PURPOSES: &[Purpose] = &[Purpose::CodeSigning];

pub(crate) fn made(signer: &Member, algorithm: SignatureAlgorithm, payload_type: &str, payload: &[u8]) -> String {
    let prepared = dsse::prepare(&signer.certified(algorithm), payload_type, payload).unwrap();
    let signature = signer.key.sign_as(algorithm, prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

fn beside(signer: &Member, algorithm: SignatureAlgorithm, envelope: &str) -> String {
    let prepared = dsse::prepare_beside(&signer.certified(algorithm), envelope.as_bytes()).unwrap();
    let signature = signer.key.sign_as(algorithm, prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

fn spki(signer: &Member) -> Vec<u8> {
    signer.key.public_key().spki_der().to_vec()
}

fn with_keys(envelope: &str, keys: Vec<Vec<u8>>, threshold: usize) -> Result<VerifiedEnvelope, Vec<Problem>> {
    let trust = Trust { keys, ..Trust::default() };
    dsse::verify(envelope.as_bytes(), &Wish { trust: &trust, certificates: &[], purposes: PURPOSES, threshold, at: now() })
}

fn with_certificates(envelope: &str, certificates: &[Vec<u8>], threshold: usize) -> Result<VerifiedEnvelope, Vec<Problem>> {
    dsse::verify(envelope.as_bytes(), &Wish { trust: &HOUSE.trust(), certificates, purposes: PURPOSES, threshold, at: now() })
}

/// An envelope, the keys with their kinds, the threshold.
type Case = (String, Vec<(SignatureAlgorithm, String)>, usize);

/// What securesystemslib says of each. It does not know ML-DSA: there its PAE is
/// verified by `cryptography`.
fn judged(cases: &[Case]) -> Vec<bool> {
    let folder = Folder::new();
    let keys = |keys: &[(SignatureAlgorithm, String)]| -> Value { keys.iter().map(|(kind, pem)| json!([kind.as_str(), pem])).collect() };
    let all: Value = cases.iter().map(|(envelope, pems, threshold)| json!([envelope, keys(pems), threshold])).collect();
    folder.file("cases.json", all.to_string());
    let script = r#"
import hashlib, json
from cryptography.hazmat.primitives.serialization import load_pem_public_key, Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
schemes = {"rsa-pkcs1-sha256": "rsa-pkcs1v15-sha256", "rsa-pss-sha256": "rsassa-pss-sha256"}
def judge(text, pems, threshold):
    try:
        envelope = Envelope.from_dict(json.loads(text))
        keys = []
        for kind, pem in pems:
            public = load_pem_public_key(pem.encode())
            name = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
            if kind == "ml-dsa-65":
                public.verify(bytes.fromhex(envelope.signatures[name].signature), envelope.pae())
                return len(pems) == threshold == 1
            keys.append(SSlibKey.from_crypto(public, name, schemes.get(kind)))
        envelope.verify(keys, threshold)
        return True
    except Exception as error:
        return False
print(json.dumps([judge(*case) for case in json.load(open("cases.json"))]))
"#;
    let (ok, said) = folder.python(script, &[]);
    assert!(ok, "{said}");
    serde_json::from_str(&said).unwrap()
}

/// The envelope with one thing in it changed.
fn changed(envelope: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(envelope).unwrap();
    change(&mut value);
    value.to_string()
}

fn flipped(value: &Value) -> Value {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    STANDARD.encode(bytes).into()
}

#[test]
fn securesystemslib_accepts_each_and_refuses_it_tampered_and_so_do_we() {
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for algorithm in SignatureAlgorithm::ALL {
        let signer = member(algorithm);
        let envelope = made(&signer, algorithm, TYPE, PAYLOAD);
        let verified = with_keys(&envelope, vec![spki(&signer)], 1).unwrap();
        assert_eq!((verified.payload_type.as_str(), verified.payload.as_slice(), verified.strangers), (TYPE, PAYLOAD, 0));
        assert_eq!((verified.signatures.len(), verified.signatures[0].algorithm), (1, algorithm));
        let verified = with_certificates(&envelope, &signer.chain, 1).unwrap();
        assert_eq!(verified.signatures[0].chain, [signer.chain.clone(), vec![HOUSE.root.clone()]].concat());
        let wrong = [
            changed(&envelope, |it| it["payload"] = flipped(&it["payload"])),
            changed(&envelope, |it| it["payloadType"] = "application/vnd.example+jsoN".into()),
            changed(&envelope, |it| it["signatures"][0]["sig"] = flipped(&it["signatures"][0]["sig"])),
            changed(&envelope, |it| it["signatures"] = json!([])),
        ];
        for (text, holds) in std::iter::once((envelope, true)).chain(wrong.map(|text| (text, false))) {
            assert_eq!(with_keys(&text, vec![spki(&signer)], 1).is_ok(), holds, "{text}");
            assert_eq!(with_certificates(&text, &signer.chain, 1).is_ok(), holds, "{text}");
            cases.push((text, vec![(algorithm, signer.pem())], 1));
            expected.push(holds);
        }
    }
    assert_eq!(judged(&cases), expected);
}

#[test]
fn so_many_different_keys_as_are_asked_for_have_signed() {
    use SignatureAlgorithm::{EcdsaP256Sha256, Ed25519, MlDsa65};
    let (first, second, third) = (member(EcdsaP256Sha256), member(Ed25519), member(MlDsa65));
    let one = made(&first, EcdsaP256Sha256, TYPE, PAYLOAD);
    let two = beside(&second, Ed25519, &one);
    let three = beside(&third, MlDsa65, &two);
    let all = vec![spki(&first), spki(&second), spki(&third)];
    for (envelope, count) in [(&one, 1), (&two, 2), (&three, 3)] {
        for threshold in 0..5 {
            let verdict = with_keys(envelope, all.clone(), threshold);
            if threshold <= count {
                assert_eq!(verdict.unwrap().signatures.len(), count);
            } else {
                assert_eq!(codes(verdict), ["threshold"]);
            }
        }
    }
    // Whoever is not trusted counts for nothing, and whoever signs twice counts once.
    assert_eq!(with_keys(&three, vec![spki(&second)], 1).unwrap().strangers, 2);
    assert_eq!(codes(with_keys(&three, vec![spki(&second)], 2)), ["threshold"]);
    let twice = beside(&first, EcdsaP256Sha256, &one);
    assert_eq!(codes(with_keys(&twice, all.clone(), 2)), ["threshold"]);
    assert_eq!(with_keys(&twice, vec![spki(&first), spki(&first)], 1).unwrap().signatures.len(), 1);
    assert_eq!(codes(with_certificates(&twice, &[&first.chain[..], &first.chain[..]].concat(), 2)), ["threshold"]);
    // A signature that is said to be a trusted key's and is not spoils all of it, whatever the others are worth.
    let damaged = changed(&two, |it| it["signatures"][0]["sig"] = flipped(&it["signatures"][0]["sig"]));
    assert_eq!(codes(with_keys(&damaged, all.clone(), 1)), ["signature"]);
    assert_eq!(with_keys(&damaged, vec![spki(&second)], 1).unwrap().strangers, 1);
    let both = vec![(EcdsaP256Sha256, first.pem()), (Ed25519, second.pem())];
    let cases = [(two.clone(), both.clone(), 2), (one, both.clone(), 2), (twice, both.clone(), 2), (damaged, both, 2)];
    assert_eq!(judged(&cases), [true, false, false, false]);
}

#[test]
fn the_key_id_is_a_hint_and_no_more() {
    let (first, second) = (member(SignatureAlgorithm::EcdsaP256Sha256), member(SignatureAlgorithm::Ed25519));
    let envelope = made(&first, SignatureAlgorithm::EcdsaP256Sha256, TYPE, PAYLOAD);
    let own: Value = serde_json::from_str(&envelope).unwrap();
    let other: Value = serde_json::from_str(&made(&second, SignatureAlgorithm::Ed25519, TYPE, PAYLOAD)).unwrap();
    assert_eq!(own["signatures"][0]["keyid"].as_str().unwrap().len(), 64);
    for hint in [Value::Null, "".into(), "anything".into(), other["signatures"][0]["keyid"].clone()] {
        let text = changed(&envelope, |it| it["signatures"][0]["keyid"] = hint);
        assert!(with_keys(&text, vec![spki(&first), spki(&second)], 1).is_ok(), "{text}");
        assert_eq!(codes(with_keys(&text, vec![], 1)), ["threshold"]);
    }
    let claimed = changed(&envelope, |it| it["signatures"][0]["keyid"] = other["signatures"][0]["keyid"].clone());
    assert_eq!(codes(with_keys(&claimed, vec![spki(&second)], 1)), ["signature"]);
}

/// Ed25519 reads the whole message with every key.
#[test]
fn a_long_message_is_not_read_again_for_every_key() {
    let (algorithm, other) = (SignatureAlgorithm::Ed25519, spki(&member(SignatureAlgorithm::MlDsa65)));
    let (signer, keys) = (member(algorithm), (0..63).map(|_| MemoryKey::of(KeyAlgorithm::Ed25519).public_key().spki_der().to_vec()));
    let strangers: Vec<_> = keys.collect();
    let trusted = [&strangers[..], &[spki(&signer)]].concat();
    let sixteen = |length: usize, named: bool| {
        changed(&made(&signer, algorithm, TYPE, &vec![b'x'; length]), |it| {
            if !named {
                it["signatures"][0]["keyid"] = Value::Null;
            }
            it["signatures"] = vec![it["signatures"][0].clone(); 16].into();
        })
    };
    let (long, short) = (300_000, 20_000);
    assert_eq!(codes(with_keys(&sixteen(long, false), strangers.clone(), 1)), ["bounds"]);
    assert_eq!(codes(with_keys(&sixteen(short, false), strangers.clone(), 1)), ["threshold"]);
    assert!(with_keys(&sixteen(short, false), trusted.clone(), 1).is_ok());
    assert!(with_keys(&sixteen(long, true), trusted.clone(), 1).is_ok());
    // Named by another trusted key of its kind.
    let second = MemoryKey::of(KeyAlgorithm::Ed25519).public_key().spki_der().to_vec();
    let id = chancery_x509::hash::digest(chancery_domain::signature::DigestAlgorithm::Sha256, &second);
    let misnamed = changed(&sixteen(short, true), |it| it["signatures"][0]["keyid"] = hex::encode(id.as_bytes()).into());
    assert!(with_keys(&misnamed, vec![spki(&signer), other.clone()], 1).is_ok());
    assert_eq!(codes(with_keys(&misnamed, vec![spki(&signer), second, other], 1)), ["signature"]);
}

#[test]
fn a_certificate_must_lead_to_a_root_be_good_for_it_and_valid() {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let signer = member(algorithm);
    let envelope = made(&signer, algorithm, TYPE, PAYLOAD);
    let verify = |trust: &Trust, certificates: &[Vec<u8>], purposes, at| {
        dsse::verify(envelope.as_bytes(), &Wish { trust, certificates, purposes, threshold: 1, at })
    };
    assert!(verify(&HOUSE.trust(), &signer.chain, PURPOSES, now()).is_ok());
    assert_eq!(codes(verify(&HOUSE.trust(), &signer.chain, &[Purpose::EmailProtection], now())), ["purpose"]);
    assert_eq!(codes(verify(&HOUSE.trust(), &signer.chain, PURPOSES, at(START - 1))), ["chain"]);
    assert_eq!(codes(verify(&HOUSE.trust(), &signer.chain[..1], PURPOSES, now())), ["untrusted"]);
    assert_eq!(codes(verify(&Trust::default(), &signer.chain, PURPOSES, now())), ["untrusted"]);
    let many: Vec<_> = std::iter::repeat_n(signer.chain[0].clone(), 17).collect();
    assert_eq!(codes(verify(&HOUSE.trust(), &many, PURPOSES, now())), ["bounds"]);
    // Even where none of them is needed.
    let trust = Trust { keys: vec![spki(&signer)], ..Trust::default() };
    assert!(verify(&trust, &many[..16], PURPOSES, now()).is_ok());
    assert_eq!(codes(verify(&trust, &many, PURPOSES, now())), ["bounds"]);
}

#[test]
fn what_securesystemslib_makes_verifies_here() {
    let folder = Folder::new();
    let script = r#"
import json
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey
made = []
rsa_key = rsa.generate_private_key(65537, 2048)
for key, scheme in [(ec.generate_private_key(ec.SECP256R1()), None), (ec.generate_private_key(ec.SECP384R1()), None),
                    (ed25519.Ed25519PrivateKey.generate(), None), (rsa_key, "rsa-pkcs1v15-sha256"), (rsa_key, "rsassa-pss-sha256")]:
    public = key.public_key()
    envelope = Envelope(b"from elsewhere", "text/x-example", {})
    envelope.sign(CryptoSigner(key, SSlibKey.from_crypto(public, scheme=scheme)))
    made.append([public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), json.dumps(envelope.to_dict())])
print(json.dumps(made))
"#;
    let (ok, said) = folder.python(script, &[]);
    assert!(ok, "{said}");
    let made: Vec<[String; 2]> = serde_json::from_str(&said).unwrap();
    let kinds: Vec<_> = made
        .iter()
        .map(|[pem, envelope]| {
            let key = chancery_x509::pem::decode(pem).unwrap()[0].der.to_vec();
            let verified = with_keys(envelope, vec![key], 1).unwrap();
            assert_eq!(verified.payload, b"from elsewhere");
            verified.signatures[0].algorithm
        })
        .collect();
    assert_eq!(kinds, &SignatureAlgorithm::ALL[..5]);
}

#[test]
fn an_envelope_is_one_object_that_says_each_thing_once() {
    let signer = member(SignatureAlgorithm::EcdsaP256Sha256);
    let envelope = made(&signer, SignatureAlgorithm::EcdsaP256Sha256, TYPE, PAYLOAD);
    let verify = |text: &str| with_keys(text, vec![spki(&signer)], 1);
    assert!(verify(&changed(&envelope, |it| it["future"] = json!({ "a": 1 }))).is_ok());
    assert!(
        verify(&changed(&envelope, |it| it["payload"] = it["payload"].as_str().unwrap().replace('+', "-").replace('/', "_").into()))
            .is_ok()
    );
    let doubled = envelope.replacen('{', "{\"payload\":\"AAAA\",", 1);
    let signature = serde_json::from_str::<Value>(&envelope).unwrap()["signatures"][0].clone();
    for wrong in [
        doubled,
        format!("{envelope}{{}}"),
        format!("[{envelope}]"),
        changed(&envelope, |it| it["payload"] = Value::Null),
        changed(&envelope, |it| it["payload"] = it["payload"].as_str().unwrap().trim_end_matches('=').into()),
        changed(&envelope, |it| it["payload"] = format!("{}\n", it["payload"].as_str().unwrap()).into()),
        changed(&envelope, |it| it["payloadType"] = json!([TYPE])),
        changed(&envelope, |it| it["signatures"] = json!({})),
        changed(&envelope, |it| it["signatures"] = json!(["x"])),
        changed(&envelope, |it| it["signatures"][0]["keyid"] = json!(1)),
        changed(&envelope, |it| drop(it.as_object_mut().unwrap().remove("signatures"))),
        changed(&envelope, |it| it["signatures"] = std::iter::repeat_n(signature, 17).collect()),
        envelope.replace("\"payload\"", &format!("\"x\":{}{},\"payload\"", "[".repeat(40), "]".repeat(40))),
        " ".repeat(dsse::LONGEST) + &envelope,
    ] {
        assert_eq!(codes(verify(&wrong)), ["dsse-envelope"], "{}", &wrong[..80]);
    }
    for length in 0..envelope.len() {
        assert!(verify(&envelope[..length]).is_err(), "{length}");
    }
    for place in 0..envelope.len() {
        for bit in 0..8 {
            let mut bytes = envelope.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let trust = Trust { keys: vec![spki(&signer)], ..Trust::default() };
            let wish = Wish { trust: &trust, certificates: &[], purposes: PURPOSES, threshold: 1, at: now() };
            // The hint is not covered by the signature, nor are names of members that need not be there.
            if let Ok(verified) = dsse::verify(&bytes, &wish) {
                assert_eq!((verified.payload.as_slice(), verified.payload_type.as_str()), (PAYLOAD, TYPE));
                let text = String::from_utf8(bytes).unwrap();
                let hint = envelope.find("keyid").unwrap()..envelope.find("\",\"sig\"").unwrap();
                assert!(hint.contains(&place), "{place} {bit} {text}");
            }
        }
    }
}

#[test]
fn nothing_is_given_out_with_another_ones_signature() {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let (signer, stranger) = (member(algorithm), HOUSE.member(KeyAlgorithm::EcP256));
    let prepared = dsse::prepare(&signer.certified(algorithm), TYPE, PAYLOAD).unwrap();
    let foreign = stranger.key.sign_as(algorithm, prepared.to_be_signed());
    assert_eq!(prepared.finish(&foreign), Err(MakeError::Signature));
    let long = vec![0; dsse::LONGEST / 2 + 1];
    assert!(matches!(dsse::prepare(&signer.certified(algorithm), TYPE, &long), Err(MakeError::TooLong { .. })));
    let mut full = made(&signer, algorithm, TYPE, PAYLOAD);
    for _ in 1..dsse::MOST_SIGNATURES {
        full = beside(&signer, algorithm, &full);
    }
    assert!(with_keys(&full, vec![spki(&signer)], 1).is_ok());
    assert!(matches!(dsse::prepare_beside(&signer.certified(algorithm), full.as_bytes()), Err(MakeError::Content(_))));
    assert!(matches!(dsse::prepare_beside(&signer.certified(algorithm), b"{}"), Err(MakeError::Content(_))));
}
