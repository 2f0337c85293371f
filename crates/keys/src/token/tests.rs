//! Tokens: text and back, and everything that is no token.

use super::*;
use crate::doubles::{ONE, OTHER, Seeded};

const ID: TokenId = TokenId::from_bytes([3; 16]);

fn token(kind: TokenKind) -> Token {
    Token::generate(kind, ONE, ID, &Seeded::new(1))
}

#[test]
fn text_and_back() {
    for (kind, prefix) in [(TokenKind::Bearer, "chyt_"), (TokenKind::Enrolment, "chye_")] {
        let made = token(kind);
        let text = made.expose();
        assert!(text.starts_with(prefix) && text.len() == 96, "{}", text.len());
        let parsed = Token::parse(&text).ok().unwrap();
        assert_eq!((parsed.kind(), parsed.tenant(), parsed.id()), (kind, ONE, ID));
        assert_eq!(parsed.secret.expose(), made.secret.expose());
        assert!(parsed.matches(&made.hash()));
    }
}

#[test]
fn the_checksum_is_crc_32() {
    // Computed with zlib's crc32 over "chyt_" and 64 zero bytes.
    assert_eq!(crc32(TokenKind::Bearer, &[0; 64]), 0x790bed5f);
}

#[test]
fn no_changed_cut_or_extended_text_parses() {
    let text = token(TokenKind::Bearer).expose();
    for at in 0..text.len() {
        for replacement in ["A", "z", "-", "=", " ", "\u{e9}"] {
            let changed = format!("{}{replacement}{}", &text[..at], &text[at + 1..]);
            assert!(changed == *text || Token::parse(&changed).is_err(), "position {at} as {replacement:?}");
        }
        assert!(Token::parse(&text[..at]).is_err(), "cut to {at}");
    }
    assert!(Token::parse(&format!("{}A", *text)).is_err());
    assert!(Token::parse(&text.replace("chyt_", "chye_")).is_err());
}

#[test]
fn a_refusal_does_not_repeat_the_text() {
    let text = token(TokenKind::Bearer).expose();
    let cut = &text[..90];
    let error = Token::parse(cut).err().unwrap();
    assert!(!format!("{error} {error:?}").contains(&cut[5..20])); // I9
}

#[test]
fn the_hash_belongs_to_one_token() {
    let one = token(TokenKind::Bearer);
    let with = |kind, tenant, id| Token { kind, tenant, id, secret: SecretKey::filled_by(|s| *s = *one.secret.expose()) };
    assert!(with(TokenKind::Bearer, ONE, ID).matches(&one.hash()));
    assert!(!with(TokenKind::Enrolment, ONE, ID).matches(&one.hash()));
    assert!(!with(TokenKind::Bearer, OTHER, ID).matches(&one.hash()));
    assert!(!with(TokenKind::Bearer, ONE, TokenId::from_bytes([4; 16])).matches(&one.hash()));
    for bit in 0..256 {
        let mut stored = one.hash();
        stored[bit / 8] ^= 1 << (bit % 8);
        assert!(!one.matches(&stored), "bit {bit}");
    }
    assert!(!one.matches(&[]) && !one.matches(&one.hash()[..31]));
}
