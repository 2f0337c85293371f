//! Wycheproof's JWS vectors: each gives the verdict that is expected, but where it asks for an algorithm that is not taken.

use crate::jws::PURPOSES;
use crate::support::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_formats::{Trust, jws};
use serde_json::Value;

/// What became of the cases.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Valid, and accepted.
    accepted: usize,
    /// Invalid, and refused.
    refused: usize,
    /// Valid, and refused: HMAC, RSA and ECDSA with other digests, P-521.
    not_taken: usize,
    /// Invalid for what its JWK says the key is for, accepted: the trust here is in a key, and nothing else is said of it.
    restricted: usize,
}

fn number(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = if content.len() < 128 { vec![tag, length[1]] } else { vec![tag, 0x82, length[0], length[1]] };
    // Every long value here has more than 255 bytes.
    assert!(content.len() < 128 || length[0] > 0);
    [head, content.to_vec()].concat()
}

/// SubjectPublicKeyInfo of a JWK; `None` for a kind of key that the trust cannot hold.
fn spki(key: &Value) -> Option<Vec<u8>> {
    let bits = |key: &[u8]| tlv(3, &[&[0], key].concat());
    match (key["kty"].as_str().unwrap(), key["crv"].as_str()) {
        ("EC", Some("P-256")) => {
            let algorithm = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
            let point = [&[4], number(&key["x"]).as_slice(), &number(&key["y"])].concat();
            Some(tlv(0x30, &[algorithm.as_slice(), &bits(&point)].concat()))
        }
        ("RSA", _) => {
            let algorithm = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
            let positive = |name: &str| tlv(2, &[if number(&key[name])[0] > 0x7f { &[0][..] } else { &[] }, &number(&key[name])].concat());
            Some(tlv(0x30, &[algorithm.as_slice(), &bits(&tlv(0x30, &[positive("n"), positive("e")].concat()))].concat()))
        }
        _ => None,
    }
}

/// The algorithm in the header of a token that could be accepted.
fn algorithm(token: &str) -> Option<Value> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice::<Value>(&header).ok()?.get("alg").cloned()
}

#[test]
fn every_case_has_its_verdict() {
    let file = std::fs::read(tools().join("wycheproof/json_web_signature_test.json")).expect("run cargo xtask setup");
    let set: Value = serde_json::from_slice(&file).unwrap();
    let mut tally = Tally::default();
    for group in set["testGroups"].as_array().unwrap() {
        let key = if group["public"].is_null() { &group["private"] } else { &group["public"] };
        let trust = Trust { keys: spki(key).into_iter().collect(), ..Trust::default() };
        for test in group["tests"].as_array().unwrap() {
            let token = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
            let verdict = jws::verify(token.as_bytes(), None, &trust, PURPOSES, now());
            let case = format!("{} {} {}: {verdict:?}", group["comment"], test["tcId"], test["comment"]);
            match (verdict.is_ok(), test["result"].as_str().unwrap()) {
                (true, "valid") => tally.accepted += 1,
                (false, "invalid") => tally.refused += 1,
                (false, "valid") => {
                    let taken = ["ES256", "ES384", "RS256", "PS256"].map(Value::from);
                    assert!(!taken.contains(&algorithm(&token).unwrap_or_default()) || trust.keys.is_empty(), "{case}");
                    tally.not_taken += 1;
                }
                (true, "invalid") => {
                    let for_another = !key["alg"].is_null() && algorithm(&token) != Some(key["alg"].clone());
                    let for_encryption = key["use"] == "enc" || key["key_ops"] == serde_json::json!(["encrypt"]);
                    assert!(for_another || for_encryption, "{case}");
                    tally.restricted += 1;
                }
                other => panic!("{other:?} of {case}"),
            }
        }
    }
    assert_eq!(tally, Tally { accepted: 16, refused: 349, not_taken: 30, restricted: 6 });
}
