//! Keys: the algorithm announced is the one that signs, the subject's key is the one given, and both are named by their identifiers.

use super::{Lint, Linted, rule};
use crate::algorithm::signature_algorithm;

pub(super) const SIGNATURE_ALGORITHM: Lint =
    Lint { code: "signature-algorithm", source: "RFC 5280 sections 4.1.1.2 and 4.1.2.3", check: algorithm };
pub(super) const SUBJECT_KEY: Lint = Lint { code: "subject-key", source: "RFC 5280 section 4.1.2.7", check: subject_key };
pub(super) const AUTHORITY_KEY: Lint = Lint { code: "authority-key", source: "NIST SP 800-57 part 1 table 4", check: authority_key };
pub(super) const SUBJECT_KEY_IDENTIFIER: Lint =
    Lint { code: "subject-key-identifier", source: "RFC 5280 section 4.2.1.2; RFC 7093 section 2", check: subject_identifier };
pub(super) const AUTHORITY_KEY_IDENTIFIER: Lint =
    Lint { code: "authority-key-identifier", source: "RFC 5280 section 4.2.1.1", check: authority_identifier };

/// The outer identifier is written from the same key, and `Prepared::sign` compares it.
fn algorithm(linted: &Linted<'_>) -> Result<(), String> {
    let expected = signature_algorithm(linted.expected.signing_key().algorithm());
    rule(linted.tbs.algorithm_der == expected, || "it is not that of the issuer's key".to_owned())
}

/// Whoever has a `PublicKey` has a strict one, so the same bytes are strict too (THREATS 23).
fn subject_key(linted: &Linted<'_>) -> Result<(), String> {
    let key = linted.expected.key();
    rule(linted.tbs.spki_der == key.spki_der(), || "it is not, byte for byte, the key that was given".to_owned())?;
    // Two certificates over one key would let the one stand for the other.
    let shared = linted.expected.issuer().is_some_and(|issuer| issuer.public_key() == key);
    rule(!shared, || "it is the issuer's own key".to_owned())
}

fn authority_key(linted: &Linted<'_>) -> Result<(), String> {
    let algorithm = linted.expected.key().algorithm();
    rule(linted.expected.is_leaf() || algorithm.may_issue(), || format!("{} keys are too weak for authorities", algorithm.as_str()))
}

fn subject_identifier(linted: &Linted<'_>) -> Result<(), String> {
    let found = linted.tbs.extensions.subject_key_identifier.as_ref();
    let found = found.ok_or_else(|| "absent".to_owned())?;
    rule(!found.critical, || "it must not be critical".to_owned())?;
    rule(found.value == linted.expected.key().key_identifier(), || "it is not that of the key".to_owned())
}

fn authority_identifier(linted: &Linted<'_>) -> Result<(), String> {
    let found = linted.tbs.extensions.authority_key_identifier.as_ref();
    let Some(issuer) = linted.expected.issuer() else {
        return rule(found.is_none(), || "a root needs none".to_owned());
    };
    let found = found.ok_or_else(|| "absent".to_owned())?;
    rule(!found.critical, || "it must not be critical".to_owned())?;
    rule(found.value == Some(issuer.key_identifier()), || "it is not the issuer's subjectKeyIdentifier".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::{INTERMEDIATE_KEY, codes, key, leaf, leaf_of, root};

    #[test]
    fn algorithms_and_keys_are_the_issuers_and_the_subjects() {
        assert!(codes(leaf()).is_empty());
        // ecdsa-with-SHA384
        assert_eq!(codes(leaf().replaced(&[0x3d, 4, 3, 2], &[0x3d, 4, 3, 3])), ["signature-algorithm"]);
        let stranger: &[u8] = Box::leak(key(77).spki_der().to_vec().into_boxed_slice());
        assert_eq!(codes(leaf().with(|fields| fields.spki_der = stranger)), ["subject-key"]);
        let findings = leaf_of(INTERMEDIATE_KEY).unwrap_err().findings;
        assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["subject-key"]);
    }

    #[test]
    fn identifiers_point_at_the_right_keys() {
        let own = *leaf().key.key_identifier();
        let issuers = *key(INTERMEDIATE_KEY).key_identifier();
        assert_eq!(codes(leaf().replaced(&own, &[7; 20])), ["subject-key-identifier"]);
        assert_eq!(codes(leaf().replaced(&issuers, &[7; 20])), ["authority-key-identifier"]);
        assert_eq!(codes(leaf().without(b"\x06\x03\x55\x1d\x23")), ["authority-key-identifier"]);
        assert_eq!(codes(leaf().without(b"\x06\x03\x55\x1d\x0e")), ["subject-key-identifier"]);
        let roots = *root().key.key_identifier();
        let doubled = [b"\x30\x1f\x06\x03\x55\x1d\x23\x04\x18\x30\x16\x80\x14".as_slice(), &roots].concat();
        assert_eq!(codes(root().with(|fields| fields.extensions_der.extend_from_slice(&doubled))), ["authority-key-identifier"]);
    }
}
