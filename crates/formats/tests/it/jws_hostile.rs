//! JWS that hostile signers make: the signature holds, and it is refused all the same (THREATS 22).

use crate::jws::PURPOSES;
use crate::support::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_formats::jws::{self, VerifiedJws};
use chancery_formats::{Problem, Trust};
use chancery_x509::{Purpose, Signer};
use serde_json::{Value, json};
use std::sync::LazyLock;

type Verdict = Result<VerifiedJws, Vec<Problem>>;

static SIGNER: LazyLock<Member> = LazyLock::new(|| HOUSE.member(KeyAlgorithm::EcP256));

/// ES256 by the signer over any header and any second part.
fn token(header: &str, payload: &str) -> String {
    let input = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
    let der = SIGNER.key.sign_as(SignatureAlgorithm::EcdsaP256Sha256, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(fixed(&der)))
}

/// r and s side by side, read by hand.
fn fixed(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut fixed = Vec::new();
    for _ in 0..2 {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        let number = &number[number.len().saturating_sub(32)..];
        fixed.extend(std::iter::repeat_n(0, 32 - number.len()));
        fixed.extend_from_slice(number);
        rest = after;
    }
    fixed
}

/// The trust knows both the root and the key.
fn trust() -> Trust {
    Trust { keys: vec![SIGNER.key.public_key().spki_der().to_vec()], ..HOUSE.trust() }
}

fn verify(token: &str) -> Verdict {
    jws::verify(token.as_bytes(), None, &trust(), PURPOSES, now())
}

/// What is wrong with a well-signed token that has this header.
fn refused(header: &str) -> (&'static str, String) {
    let problems = verify(&token(header, "Zm9v")).expect_err(header);
    (problems[0].code, problems[0].message.clone())
}

fn chain() -> Value {
    SIGNER.chain.iter().map(|der| STANDARD.encode(der)).collect()
}

#[test]
fn a_plain_token_of_a_trusted_key_verifies_or_nothing_here_means_anything() {
    assert_eq!(verify(&token(r#"{"alg":"ES256"}"#, "Zm9v")).unwrap().payload, b"foo");
    assert_eq!(verify(&token(&json!({ "alg": "ES256", "x5c": chain() }).to_string(), "")).unwrap().payload, b"");
    // What is not understood and not critical is passed over (RFC 7515 section 4).
    assert!(verify(&token(r#"{"alg":"ES256","kid":"x","future":{"a":[1]}}"#, "Zm9v")).is_ok());
}

#[test]
fn an_algorithm_is_one_of_six_and_fits_the_key() {
    for name in ["none", "None", "nOnE", "HS256", "HS512", "ES512", "ES256K", "RS1", "PS512", "EdDSA", "Ed448", "ML-DSA-44", "es256", ""] {
        let (code, message) = refused(&json!({ "alg": name }).to_string());
        assert_eq!(code, "jws-algorithm", "{name}: {message}");
    }
    for name in ["RS256", "PS256", "Ed25519", "ML-DSA-65"] {
        assert_eq!(refused(&json!({ "alg": name }).to_string()).0, "key", "{name}");
        assert_eq!(refused(&json!({ "alg": name, "x5c": chain() }).to_string()).0, "signature", "{name}");
    }
    // 64 bytes are no two numbers of 48.
    assert_eq!(refused(r#"{"alg":"ES384"}"#).0, "jws-signature");
    for header in ["{}", r#"{"alg":null}"#, r#"{"alg":["ES256"]}"#, r#"{"alg":256}"#] {
        assert_eq!(refused(header).0, "jws-header");
    }
}

#[test]
fn a_key_that_it_brings_along_is_not_even_looked_at() {
    for (name, value) in [("jwk", json!({ "kty": "EC" })), ("jku", json!("https://evil.example/")), ("x5u", json!("https://evil.example/"))]
    {
        let (code, message) = refused(&json!({ "alg": "ES256", name: value }).to_string());
        assert_eq!(code, "jws-key");
        assert!(message.contains(name), "{message}");
    }
    // The same of a key that is not trusted, as its own root.
    let stranger = House::new();
    let foreign: Value = [&stranger.root].iter().map(|der| STANDARD.encode(der)).collect();
    assert_eq!(codes(verify(&token(&json!({ "alg": "ES256", "x5c": foreign }).to_string(), ""))), ["signature", "purpose"]);
    let foreign: Value = [stranger.certify(&SIGNER.key, "code-signing")].iter().map(|der| STANDARD.encode(der)).collect();
    assert_eq!(refused(&json!({ "alg": "ES256", "x5c": foreign }).to_string()).0, "untrusted");
    // Without a root and without a key nothing is believed.
    let nobody =
        |header: &Value| codes(jws::verify(token(&header.to_string(), "Zm9v").as_bytes(), None, &Trust::default(), PURPOSES, now()));
    assert_eq!(nobody(&json!({ "alg": "ES256", "x5c": chain() })), ["untrusted"]);
    assert_eq!(nobody(&json!({ "alg": "ES256" })), ["key"]);
}

#[test]
fn a_certificate_is_good_for_its_purpose_in_its_time_and_for_its_own_key() {
    let header = json!({ "alg": "ES256", "x5c": chain() }).to_string();
    let verify = |purposes, at| codes(jws::verify(token(&header, "Zm9v").as_bytes(), None, &HOUSE.trust(), purposes, at));
    assert_eq!(verify(&[Purpose::DocumentSigning], now()), ["purpose"]);
    assert_eq!(verify(PURPOSES, at(START + 2000 + i64::from(VALIDITY))), ["chain"]);
    assert_eq!(verify(PURPOSES, at(START - 1)), ["chain"]);
    // Somebody else's chain; and both at fault at once.
    let other = HOUSE.member(KeyAlgorithm::EcP256);
    let header = json!({ "alg": "ES256", "x5c": other.chain.iter().map(|der| STANDARD.encode(der)).collect::<Value>() }).to_string();
    let verify = |at| codes(jws::verify(token(&header, "Zm9v").as_bytes(), None, &HOUSE.trust(), PURPOSES, at));
    assert_eq!(verify(now()), ["signature"]);
    assert_eq!(verify(at(START - 1)), ["signature", "chain"]);
}

#[test]
fn a_certificate_that_was_revoked_by_then_is_refused() {
    let token = token(&json!({ "alg": "ES256", "x5c": chain() }).to_string(), "Zm9v");
    let verify = |crl: Vec<u8>| jws::verify(token.as_bytes(), None, &Trust { crls: vec![crl], ..HOUSE.trust() }, PURPOSES, now());
    assert!(verify(HOUSE.revoked(START + 5001)).is_ok());
    assert_eq!(codes(verify(HOUSE.revoked(START + 5000))), ["revoked"]);
    // Somebody else's list says nothing of it; one that cannot be read might have.
    assert!(verify(House::new().revoked(START + 5000)).is_ok());
    assert_eq!(codes(verify(b"nonsense".to_vec())), ["crl"]);
}

#[test]
fn certificates_and_their_thumbprint_are_well_formed_and_few() {
    for x5c in [json!([]), json!("x"), json!([1]), json!(["AA"]), json!([URL_SAFE_NO_PAD.encode([0xff; 4])]), Value::Null] {
        assert_eq!(refused(&json!({ "alg": "ES256", "x5c": x5c }).to_string()).0, "jws-header", "{x5c}");
    }
    assert_eq!(refused(&json!({ "alg": "ES256", "x5c": ["AAAA"] }).to_string()).0, "certificate");
    let many: Value = std::iter::repeat_n(STANDARD.encode(&SIGNER.chain[0]), 9).collect();
    assert!(refused(&json!({ "alg": "ES256", "x5c": many }).to_string()).1.contains("8 are the most"));
    let thumbprint = |x5c: Option<Value>, value: &str| {
        let mut header = json!({ "alg": "ES256", "x5t#S256": value });
        if let Some(x5c) = x5c {
            header["x5c"] = x5c;
        }
        refused(&header.to_string())
    };
    assert_eq!(thumbprint(Some(chain()), &URL_SAFE_NO_PAD.encode([7; 32])).0, "jws-key");
    assert_eq!(thumbprint(None, &URL_SAFE_NO_PAD.encode([7; 32])).0, "jws-key");
    for wrong in [URL_SAFE_NO_PAD.encode([7; 20]), URL_SAFE_NO_PAD.encode([7; 33]), STANDARD.encode([0xff; 32]), String::new()] {
        assert_eq!(thumbprint(Some(chain()), &wrong).0, "jws-header");
    }
}

#[test]
fn what_is_critical_is_understood_or_refused() {
    for (crit, code) in [
        (json!(["exp"]), "jws-critical"),
        (json!(["b64", "http://example.com/x"]), "jws-critical"),
        (json!([]), "jws-header"),
        (json!("b64"), "jws-header"),
        (json!([1]), "jws-critical"),
        (json!(["alg"]), "jws-header"),
        (json!(["b64", "b64"]), "jws-header"),
        (Value::Null, "jws-header"),
    ] {
        let header = json!({ "alg": "ES256", "b64": true, "exp": 1, "http://example.com/x": 1, "crit": crit }).to_string();
        assert_eq!(refused(&header).0, code, "{crit}");
    }
    assert_eq!(refused(r#"{"alg":"ES256","crit":["b64"]}"#).0, "jws-header");
    assert_eq!(refused(r#"{"alg":"ES256","b64":true}"#).0, "jws-header");
    assert_eq!(refused(r#"{"alg":"ES256","b64":false}"#).0, "jws-header");
    assert_eq!(refused(r#"{"alg":"ES256","b64":"false","crit":["b64"]}"#).0, "jws-header");
    assert_eq!(verify(&token(r#"{"alg":"ES256","b64":true,"crit":["b64"]}"#, "Zm9v")).unwrap().payload, b"foo");
    let unencoded = r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#;
    assert_eq!(verify(&token(unencoded, "Zm9v !~")).unwrap().payload, b"Zm9v !~");
    for payload in ["line\n", "\u{e9}", "a.b"] {
        assert!(verify(&token(unencoded, payload)).is_err(), "{payload}");
    }
}

#[test]
fn a_header_is_one_object_with_each_member_once_in_one_spelling() {
    for header in [
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"none","\u0061lg":"ES256"}"#,
        r#"["alg","ES256"]"#,
        r#"{"alg":"ES256"} "#,
        r#"{"alg":"ES256"}{}"#,
        "{\"alg\":\"ES256\",\"x\":\"\u{0}\"}",
        "",
    ] {
        // White space at the end is JSON.
        if header.ends_with(' ') {
            assert!(verify(&token(header, "Zm9v")).is_ok());
        } else {
            assert_eq!(refused(header).0, "jws-header", "{header}");
        }
    }
    let deep = format!(r#"{{"alg":"ES256","x":{}{}}}"#, "[".repeat(50), "]".repeat(50));
    assert!(refused(&deep).1.contains("levels"));
    let long = json!({ "alg": "ES256", "x": "x".repeat(jws::LONGEST_HEADER) }).to_string();
    assert!(refused(&long).1.contains("longer"));
    // Bits left over, padding and white space in each part, although the bytes are the same.
    let good = token(r#"{"alg":"ES256","a":"b"}"#, "Zm8");
    let (header, rest) = good.split_once('.').unwrap();
    let signature = rest.split_once('.').unwrap().1;
    for wrong in [
        format!("{header}=.Zm8.{signature}"),
        format!("{header}.Zm8=.{signature}"),
        format!("{header}.Zm9.{signature}"),
        format!("{header}.Zm8.{signature}=="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}."),
        format!(".{good}"),
        good.replacen('.', "..", 1),
        header.to_owned(),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
    ] {
        assert!(verify(&wrong).is_err(), "{wrong}");
    }
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let neighbour = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    assert_eq!(codes(verify(&format!("{}{neighbour}", &good[..good.len() - 1]))), ["jws-signature"]);
    assert!(verify(&good).is_ok());
    // The same as JSON.
    let flattened = json!({ "payload": "Zm8", "protected": header, "signature": signature }).to_string();
    assert!(verify(&flattened).is_ok());
}

#[test]
fn a_payload_is_in_it_or_beside_it_and_it_has_an_end() {
    let good = token(r#"{"alg":"ES256"}"#, "Zm9v");
    assert_eq!(codes(jws::verify(good.as_bytes(), Some(b"foo"), &trust(), PURPOSES, now())), ["jws-payload"]);
    let long = [b"a.".as_slice(), &vec![b'A'; jws::LONGEST], b".a"].concat();
    assert_eq!(codes(jws::verify(&long, None, &trust(), PURPOSES, now())), ["jws-form"]);
}

#[test]
fn every_byte_cut_off_and_every_bit_flipped_is_noticed() {
    let good = token(&json!({ "alg": "ES256", "typ": "x", "x5c": chain() }).to_string(), "Zm9v");
    assert!(verify(&good).is_ok());
    let bytes = good.as_bytes();
    for length in 0..bytes.len() {
        assert!(jws::verify(&bytes[..length], None, &trust(), PURPOSES, now()).is_err(), "{length}");
    }
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut wrong = bytes.to_vec();
            wrong[place] ^= 1 << bit;
            assert!(jws::verify(&wrong, None, &trust(), PURPOSES, now()).is_err(), "{place} {bit}");
        }
    }
}
