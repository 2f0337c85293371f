//! JWS in every form and with every algorithm, before jwcrypto.

use crate::support::*;
use chancery_domain::signature::{JwsSyntax, SignatureAlgorithm};
use chancery_formats::jws::{self, Serialization, Wish};
use chancery_formats::{MakeError, Trust};
use chancery_x509::{Purpose, Signer};
use serde_json::{Value, json};

const FORMS: [Serialization; 3] = [Serialization::Compact, Serialization::Detached, Serialization::DetachedUnencoded];
/// With a full stop and bytes that no text has.
const PAYLOAD: &[u8] = b"pay.load \x00\xff\xfe $.02";
pub(crate) const PURPOSES: &[Purpose] = &[Purpose::CodeSigning];

pub(crate) fn made(algorithm: SignatureAlgorithm, form: Serialization) -> String {
    written(algorithm, form, JwsSyntax::Compact)
}

fn written(algorithm: SignatureAlgorithm, form: Serialization, syntax: JwsSyntax) -> String {
    let signer = member(algorithm);
    let wish = Wish { typ: Some("application/example"), cty: Some("application/octet-stream"), serialization: form, syntax };
    let prepared = jws::prepare(&signer.certified(algorithm), &wish, PAYLOAD).unwrap();
    let signature = signer.key.sign_as(algorithm, prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

fn detached(form: Serialization) -> Option<&'static [u8]> {
    (form != Serialization::Compact).then_some(PAYLOAD)
}

/// What jwcrypto says of each: the token, the name of its algorithm, the public key, the detached payload.
fn judged(cases: &[(String, SignatureAlgorithm, String, Option<Vec<u8>>)]) -> Vec<bool> {
    let folder = Folder::new();
    let case = |(token, algorithm, pem, detached): &(String, SignatureAlgorithm, String, Option<Vec<u8>>)| json!({ "token": token, "alg": jws::name(*algorithm), "pem": pem, "detached": detached });
    folder.file("cases.json", serde_json::to_vec(&cases.iter().map(case).collect::<Vec<_>>()).unwrap());
    let script = r#"
import json
from jwcrypto import jwk, jws
def judge(case):
    key = jwk.JWK.from_pem(case["pem"].encode())
    token = jws.JWS()
    token.allowed_algs = [case["alg"]]
    try:
        token.deserialize(case["token"])
        if case["detached"] is None:
            token.verify(key)
        else:
            token.verify(key, detached_payload=bytes(case["detached"]))
        return True
    except Exception as error:
        return False
print(json.dumps([judge(case) for case in json.load(open("cases.json"))]))
"#;
    let (ok, said) = folder.python(script, &[]);
    assert!(ok, "{said}");
    serde_json::from_str(&said).unwrap()
}

/// The same with one character changed to its neighbour in the alphabet, at some places of each part.
fn tampered(token: &str) -> Vec<String> {
    let changed = |place: usize| {
        let mut bytes = token.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let ends: Vec<usize> = token.match_indices('.').map(|(place, _)| place).collect();
    let places = [4, ends[0] / 2, ends[0] - 2, ends[0] + 3, ends[1] + 2, (ends[1] + token.len()) / 2, token.len() - 3];
    let mut all: Vec<_> = places.into_iter().filter(|place| token.as_bytes()[*place] != b'.').map(changed).collect();
    all.extend([token[..token.len() - 4].to_owned(), format!("{token}AAAA")]);
    all
}

#[test]
fn jwcrypto_accepts_each_and_refuses_it_tampered_and_so_do_we() {
    let mut cases = Vec::new();
    let mut whole = Vec::new();
    for algorithm in SignatureAlgorithm::ALL {
        for form in FORMS {
            let token = made(algorithm, form);
            let signer = member(algorithm);
            let verify = |token: &str, detached: Option<&[u8]>| jws::verify(token.as_bytes(), detached, &HOUSE.trust(), PURPOSES, now());
            let verified = verify(&token, detached(form)).unwrap_or_else(|problems| panic!("{algorithm:?} {form:?}: {problems:?}"));
            assert_eq!((verified.payload.as_slice(), verified.signature.algorithm), (PAYLOAD, algorithm));
            assert_eq!(verified.typ.as_deref(), Some("application/example"));
            assert_eq!(verified.cty.as_deref(), Some("application/octet-stream"));
            assert_eq!(verified.signature.chain, [signer.chain.clone(), vec![HOUSE.root.clone()]].concat());
            assert_eq!(verified.signature.subject, "CN=builds.acme.example");
            let leaf = chancery_x509::pem::encode(chancery_x509::pem::CERTIFICATE, &signer.chain[0]);
            let detached: Option<Vec<u8>> = detached(form).map(<[u8]>::to_vec);
            for key in [signer.pem(), leaf] {
                cases.push((token.clone(), algorithm, key, detached.clone()));
                whole.push(true);
            }
            for wrong in tampered(&token) {
                assert!(verify(&wrong, detached.as_deref()).is_err(), "{algorithm:?} {form:?} {wrong}");
                cases.push((wrong, algorithm, signer.pem(), detached.clone()));
                whole.push(false);
            }
            if let Some(other) = detached.map(|payload| [payload, b"!".to_vec()].concat()) {
                assert_eq!(codes(verify(&token, Some(&other))), ["signature"]);
                cases.push((token, algorithm, signer.pem(), Some(other)));
                whole.push(false);
            }
        }
    }
    assert_eq!(judged(&cases), whole);
}

/// Each member of the object with one character changed, and each left out.
fn tampered_json(token: &str) -> Vec<String> {
    let whole: Value = serde_json::from_str(token).unwrap();
    let mut all = Vec::new();
    let at = |value: &Value| if value.get("signatures").is_some() { "/signatures/0/" } else { "/" };
    let places = [format!("{}protected", at(&whole)), format!("{}signature", at(&whole)), "/payload".to_owned()];
    for place in places.iter().filter(|place| whole.pointer(place).is_some()) {
        let text = whole.pointer(place).unwrap().as_str().unwrap().to_owned();
        for at in [4, text.len() / 2, text.len() - 3] {
            let mut changed = whole.clone();
            let letter = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            *changed.pointer_mut(place).unwrap() = format!("{}{letter}{}", &text[..at], &text[at + 1..]).into();
            all.push(changed.to_string());
        }
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut without = whole.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        all.push(without.to_string());
    }
    all
}

#[test]
fn jwcrypto_accepts_json_flattened_and_general_and_refuses_it_tampered_and_so_do_we() {
    let (mut cases, mut whole) = (Vec::new(), Vec::new());
    for algorithm in SignatureAlgorithm::ALL {
        for form in FORMS {
            for syntax in [JwsSyntax::Flattened, JwsSyntax::General] {
                let token = written(algorithm, form, syntax);
                let signer = member(algorithm);
                let verify = |token: &str| jws::verify(token.as_bytes(), detached(form), &HOUSE.trust(), PURPOSES, now());
                let verified = verify(&token).unwrap_or_else(|problems| panic!("{algorithm:?} {form:?} {syntax:?}: {problems:?}"));
                assert_eq!((verified.payload.as_slice(), verified.signature.algorithm, verified.others.len()), (PAYLOAD, algorithm, 0));
                let object: Value = serde_json::from_str(&token).unwrap();
                assert_eq!(object.get("payload").is_some(), form == Serialization::Compact);
                assert_eq!(object.get("signatures").is_some(), syntax == JwsSyntax::General);
                let detached: Option<Vec<u8>> = detached(form).map(<[u8]>::to_vec);
                cases.push((token.clone(), algorithm, signer.pem(), detached.clone()));
                whole.push(true);
                for wrong in tampered_json(&token) {
                    assert!(verify(&wrong).is_err(), "{algorithm:?} {form:?} {syntax:?} {wrong}");
                    cases.push((wrong, algorithm, signer.pem(), detached.clone()));
                    whole.push(false);
                }
            }
        }
    }
    assert_eq!(judged(&cases), whole);
}

/// Every one of several signatures holds, or none counts; beside what is signed there is nothing.
#[test]
fn of_several_signatures_each_holds_and_nothing_unsigned_stands_beside() {
    let token = |algorithm, form| -> Value { serde_json::from_str(&written(algorithm, form, JwsSyntax::General)).unwrap() };
    let (mut both, second) =
        (token(SignatureAlgorithm::EcdsaP256Sha256, Serialization::Compact), token(SignatureAlgorithm::Ed25519, Serialization::Compact));
    both["signatures"].as_array_mut().unwrap().push(second["signatures"][0].clone());
    let verify = |value: &Value, detached| jws::verify(value.to_string().as_bytes(), detached, &HOUSE.trust(), PURPOSES, now());
    let verified = verify(&both, None).unwrap();
    assert_eq!(
        (verified.signature.algorithm, verified.others[0].algorithm),
        (SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::Ed25519)
    );
    let mut damaged = both.clone();
    damaged["signatures"][1]["signature"] = damaged["signatures"][0]["signature"].clone();
    assert_eq!(codes(verify(&damaged, None)), ["signature"]);
    let mut mixed = token(SignatureAlgorithm::EcdsaP256Sha256, Serialization::Detached);
    let unencoded = token(SignatureAlgorithm::EcdsaP256Sha256, Serialization::DetachedUnencoded);
    mixed["signatures"].as_array_mut().unwrap().push(unencoded["signatures"][0].clone());
    assert_eq!(codes(verify(&mixed, Some(PAYLOAD))), ["jws-header"]);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = both.clone();
        change(&mut value);
        codes(verify(&value, None))
    };
    assert_eq!(changed(&|value| value["header"] = json!({ "kid": "x" })), ["jws-form"]);
    assert_eq!(changed(&|value| value["signatures"][0]["header"] = json!({ "kid": "x" })), ["jws-form"]);
    assert_eq!(changed(&|value| value["protected"] = value["signatures"][0]["protected"].clone()), ["jws-form"]);
    assert_eq!(changed(&|value| value["signatures"] = json!([])), ["jws-form"]);
    assert_eq!(changed(&|value| value["signatures"] = vec![value["signatures"][0].clone(); jws::SIGNATURES + 1].into()), ["jws-form"]);
    assert_eq!(changed(&|value| value["signatures"] = json!({})), ["jws-form"]);
    assert_eq!(changed(&|value| value["payload"] = json!(1)), ["jws-form"]);
    let twice = both.to_string().replacen('{', "{\"payload\":\"\",", 1);
    assert_eq!(codes(jws::verify(twice.as_bytes(), None, &HOUSE.trust(), PURPOSES, now())), ["jws-form"]);
}

#[test]
fn what_jwcrypto_makes_verifies_here_with_its_key_and_with_no_other() {
    let folder = Folder::new();
    let script = r#"
import json
from jwcrypto import jwk, jws
kinds = [("ES256", dict(kty="EC", crv="P-256")), ("ES384", dict(kty="EC", crv="P-384")), ("Ed25519", dict(kty="OKP", crv="Ed25519")),
         ("RS256", dict(kty="RSA", size=2048)), ("PS256", dict(kty="RSA", size=3072)), ("ML-DSA-65", dict(kty="AKP", alg="ML-DSA-65"))]
made = []
for alg, wish in kinds:
    key = jwk.JWK.generate(**wish)
    for header in [{"alg": alg, "kid": "any"}, {"alg": alg, "b64": False, "crit": ["b64"]}]:
        token = jws.JWS(b"pay load")
        token.allowed_algs = [alg]
        token.add_signature(key, None, json.dumps(header))
        made.append([alg, key.export_to_pem().decode(), token.serialize(compact=True)])
        token.detach_payload()
        made.append([alg, key.export_to_pem().decode(), token.serialize(compact=True)])
print(json.dumps(made))
"#;
    let (ok, said) = folder.python(script, &[]);
    assert!(ok, "{said}");
    let made: Vec<[String; 3]> = serde_json::from_str(&said).unwrap();
    assert_eq!(made.len(), 4 * SignatureAlgorithm::ALL.len());
    let key = |pem: &str| chancery_x509::pem::decode(pem).unwrap()[0].der.to_vec();
    for (number, [name, pem, token]) in made.iter().enumerate() {
        let detached = (number % 2 == 1).then_some(b"pay load".as_slice());
        let others: Vec<_> = made.iter().filter(|other| other[1] != *pem).map(|other| key(&other[1])).collect();
        let verify = |keys| jws::verify(token.as_bytes(), detached, &Trust { keys, ..HOUSE.trust() }, PURPOSES, now());
        let verified = verify([others.clone(), vec![key(pem)]].concat()).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        assert_eq!(verified.payload, b"pay load");
        assert_eq!(jws::name(verified.signature.algorithm), name);
        assert!(verified.signature.chain.is_empty());
        assert!(verified.signature.subject.starts_with("sha256:"), "{}", verified.signature.subject);
        assert!(verify(others).is_err(), "{name}");
    }
}

#[test]
fn the_header_is_what_the_registers_say() {
    let token = made(SignatureAlgorithm::EcdsaP256Sha256, Serialization::DetachedUnencoded);
    let header = base64url(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header).unwrap();
    let members: Vec<_> = header.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["alg", "b64", "crit", "cty", "typ", "x5c", "x5t#S256"]);
    assert_eq!((&header["alg"], &header["b64"], &header["crit"]), (&json!("ES256"), &json!(false), &json!(["b64"])));
    assert_eq!(header["x5c"].as_array().unwrap().len(), 2);
}

fn base64url(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn nothing_is_given_out_with_another_ones_signature() {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let signer = member(algorithm);
    let prepare = || jws::prepare(&signer.certified(algorithm), &Wish::default(), PAYLOAD).unwrap();
    let stranger = HOUSE.member(signer.key.public_key().algorithm());
    let foreign = stranger.key.sign_as(algorithm, prepare().to_be_signed());
    assert_eq!(prepare().finish(&foreign), Err(MakeError::Signature));
    let elsewhere = signer.key.sign_as(algorithm, b"something else");
    assert_eq!(prepare().finish(&elsewhere), Err(MakeError::Signature));
    let mismatch = jws::prepare(&signer.certified(SignatureAlgorithm::Ed25519), &Wish::default(), PAYLOAD);
    assert_eq!(mismatch.unwrap_err(), MakeError::Algorithm { key: "ec-p256", algorithm: "ed25519" });
    let long = vec![0; jws::LONGEST / 2 + 1];
    assert!(matches!(jws::prepare(&signer.certified(algorithm), &Wish::default(), &long), Err(MakeError::TooLong { .. })));
    let detached = Wish { serialization: Serialization::Detached, ..Wish::default() };
    assert!(jws::prepare(&signer.certified(algorithm), &detached, &long).is_ok());
}
