//! What a certificate may be used for: leaves never sign certificates, authorities sign those and CRLs (THREATS 15, 16).

use super::{Expected, Lint, Linted, rule};
use crate::extension::{CA_KEY_USAGE, ID_KP_DOCUMENT_SIGNING, NULL_DER, leaf_key_usage};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH, ID_KP_TIME_STAMPING,
};

pub(super) const KNOWN_EXTENSIONS: Lint =
    Lint { code: "known-extensions", source: "Chancery: nothing is signed that is not understood", check: known };
pub(super) const LEAF: Lint = Lint { code: "leaf-purpose", source: "RFC 5280 sections 4.2.1.3, 4.2.1.9 and 4.2.1.12", check: leaf };
pub(super) const AUTHORITY: Lint = Lint { code: "authority-purpose", source: "RFC 5280 sections 4.2.1.3 and 4.2.1.9", check: authority };
pub(super) const ALONE: Lint = Lint { code: "lone-purpose", source: "RFC 3161 section 2.3; RFC 6960 section 4.2.2.2", check: alone };
pub(super) const PATH_LENGTH: Lint = Lint { code: "path-length", source: "RFC 5280 section 4.2.1.9", check: path_length };
pub(super) const CONSTRAINTS: Lint = Lint { code: "name-constraints", source: "RFC 5280 section 4.2.1.10", check: constraints };

fn known(linted: &Linted<'_>) -> Result<(), String> {
    match linted.tbs.extensions.unknown.first() {
        Some(unknown) => Err(format!("extension {} is none that is written here", unknown.value)),
        None => Ok(()),
    }
}

fn leaf(linted: &Linted<'_>) -> Result<(), String> {
    if !linted.expected.is_leaf() {
        return Ok(());
    }
    let extensions = &linted.tbs.extensions;
    rule(extensions.basic_constraints.is_none(), || "basicConstraints has no place here".to_owned())?;
    rule(extensions.name_constraints.is_none(), || "nameConstraints has no place here".to_owned())?;
    let purposes = extensions.extended_key_usage.as_ref().map(|found| found.value.as_slice()).unwrap_or_default();
    let offered = purposes.iter().all(|purpose| OFFERED.contains(purpose));
    rule(!purposes.is_empty() && offered, || "extendedKeyUsage names none, or one that is not offered".to_owned())?;
    let expected = leaf_key_usage(purposes, linted.expected.key().algorithm());
    let usage = extensions.key_usage.as_ref().is_some_and(|found| found.critical && found.value == expected);
    rule(usage, || "keyUsage is not critical with exactly what its purposes and its key need".to_owned())
}

const OFFERED: [ObjectIdentifier; 7] = [
    ID_KP_SERVER_AUTH,
    ID_KP_CLIENT_AUTH,
    ID_KP_EMAIL_PROTECTION,
    ID_KP_CODE_SIGNING,
    ID_KP_DOCUMENT_SIGNING,
    ID_KP_OCSP_SIGNING,
    ID_KP_TIME_STAMPING,
];

/// Timestamps and answers about revocation: the only purpose; critical for the former, without check for the latter.
fn alone(linted: &Linted<'_>) -> Result<(), String> {
    let extensions = &linted.tbs.extensions;
    let purposes = extensions.extended_key_usage.as_ref();
    let has = |purpose| purposes.is_some_and(|found| found.value.contains(&purpose));
    let (stamps, answers) = (has(ID_KP_TIME_STAMPING), has(ID_KP_OCSP_SIGNING));
    let alone = !(stamps || answers) || purposes.is_some_and(|found| found.value.len() == 1);
    rule(alone, || "timeStamping and OCSPSigning stand alone".to_owned())?;
    rule(purposes.is_none_or(|found| found.critical == stamps), || "extendedKeyUsage is critical for timeStamping only".to_owned())?;
    let unchecked = extensions.ocsp_no_check.as_ref().map(|found| (found.critical, found.value));
    rule(unchecked == answers.then_some((false, NULL_DER)), || "ocsp-nocheck goes with OCSPSigning, and with nothing else".to_owned())
}

fn authority(linted: &Linted<'_>) -> Result<(), String> {
    if linted.expected.is_leaf() {
        return Ok(());
    }
    let extensions = &linted.tbs.extensions;
    let basic = extensions.basic_constraints.as_ref().is_some_and(|found| found.critical && found.value.ca);
    rule(basic, || "basicConstraints is not critical with CA:TRUE".to_owned())?;
    let usage = extensions.key_usage.as_ref().is_some_and(|found| found.critical && found.value == CA_KEY_USAGE);
    rule(usage, || "keyUsage is not critical with keyCertSign and cRLSign alone".to_owned())?;
    rule(extensions.extended_key_usage.is_none(), || "extendedKeyUsage has no place here".to_owned())
}

fn path_length(linted: &Linted<'_>) -> Result<(), String> {
    let Expected::Intermediate { issuer, .. } = linted.expected else { return Ok(()) };
    let own = linted.tbs.extensions.basic_constraints.as_ref().and_then(|found| found.value.path_len_constraint);
    let fits = issuer.path_length().is_none_or(|above| own.is_some_and(|own| own < above));
    rule(fits, || "the issuer's pathLenConstraint allows no authority with this path length below it".to_owned())
}

fn constraints(linted: &Linted<'_>) -> Result<(), String> {
    let found = linted.tbs.extensions.name_constraints.as_ref();
    let Expected::Intermediate { constraints, .. } = linted.expected else {
        return rule(found.is_none(), || "only intermediates are constrained".to_owned());
    };
    let kept = found.map_or(constraints.is_empty(), |found| found.critical && found.value == **constraints);
    rule(kept, || "they are not, critical, those that were planned".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::{codes, intermediate, leaf, root};

    const BASIC: &[u8] = b"\x06\x03\x55\x1d\x13";
    const USAGE: &[u8] = b"\x06\x03\x55\x1d\x0f";
    const PURPOSES: &[u8] = b"\x06\x03\x55\x1d\x25";
    const CONSTRAINTS: &[u8] = b"\x06\x03\x55\x1d\x1e";

    #[test]
    fn leaves_are_no_authorities() {
        assert!(codes(leaf()).is_empty());
        let authority = b"\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff";
        assert_eq!(codes(leaf().with(|fields| fields.extensions_der.extend_from_slice(authority))), ["leaf-purpose"]);
        assert_eq!(codes(leaf().replaced(b"\x03\x02\x07\x80", b"\x03\x02\x02\x84")), ["leaf-purpose"]);
        assert_eq!(codes(leaf().without(USAGE)), ["leaf-purpose"]);
        assert_eq!(codes(leaf().without(PURPOSES)), ["leaf-purpose"]);
        assert_eq!(codes(leaf().replaced(b"\x2b\x06\x01\x05\x05\x07\x03\x01", b"\x2b\x06\x01\x05\x05\x07\x03\x3f")), ["leaf-purpose"]);
    }

    /// What speaks for the issuer has no other purpose, and says so in its own way.
    #[test]
    fn timestamps_and_answers_stand_alone() {
        const PURPOSE: &[u8] = b"\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
        let with = |purposes: &[u8]| {
            let extension = purposes.to_vec();
            leaf().without(PURPOSES).with(|fields| fields.extensions_der.extend_from_slice(&extension))
        };
        assert!(codes(with(PURPOSE)).is_empty());
        let stamping = b"\x30\x16\x06\x03\x55\x1d\x25\x01\x01\xff\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08";
        assert!(codes(with(stamping)).is_empty());
        let not_critical = b"\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08";
        assert_eq!(codes(with(not_critical)), ["lone-purpose"]);
        let also_server = b"\x30\x20\x06\x03\x55\x1d\x25\x01\x01\xff\x04\x16\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08";
        assert_eq!(codes(with(also_server)), ["lone-purpose"]);
        let server_critical = b"\x30\x16\x06\x03\x55\x1d\x25\x01\x01\xff\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
        assert_eq!(codes(with(server_critical)), ["lone-purpose"]);
        let answers = b"\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09";
        let no_check = b"\x30\x0f\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05\x04\x02\x05\x00";
        assert_eq!(codes(with(answers)), ["lone-purpose"]);
        assert!(codes(with(&[answers.as_slice(), no_check].concat())).is_empty());
        assert_eq!(codes(leaf().with(|fields| fields.extensions_der.extend_from_slice(no_check))), ["lone-purpose"]);
    }

    #[test]
    fn authorities_say_so_critically() {
        assert!(codes(intermediate()).is_empty());
        assert_eq!(codes(root().without(BASIC)), ["authority-purpose"]);
        assert_eq!(codes(root().without(USAGE)), ["authority-purpose"]);
        assert_eq!(codes(root().replaced(b"\x03\x02\x01\x06", b"\x03\x02\x02\x04")), ["authority-purpose"]);
        // pathLenConstraint 0 becomes 1 below a root that allows one level
        assert_eq!(codes(intermediate().replaced(b"\xff\x02\x01\x00", b"\xff\x02\x01\x01")), ["path-length"]);
    }

    #[test]
    fn authorities_have_no_other_purposes_and_roots_no_constraints() {
        let purposes = b"\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
        assert_eq!(codes(root().with(|fields| fields.extensions_der.extend_from_slice(purposes))), ["authority-purpose"]);
        let constraints = b"\x30\x14\x06\x03\x55\x1d\x1e\x01\x01\xff\x04\x0a\x30\x08\xa1\x06\x30\x04\x82\x02a.";
        assert_eq!(codes(root().with(|fields| fields.extensions_der.extend_from_slice(constraints))), ["name-constraints"]);
        assert_eq!(codes(leaf().with(|fields| fields.extensions_der.extend_from_slice(constraints))), ["leaf-purpose", "name-constraints"]);
    }

    #[test]
    fn constraints_stay_and_strangers_stay_out() {
        assert_eq!(codes(intermediate().without(CONSTRAINTS)), ["name-constraints"]);
        assert_eq!(codes(intermediate().replaced(b"acme.example", b"evil.example")), ["name-constraints"]);
        assert_eq!(codes(intermediate().replaced(b"\x55\x1d\x1e\x01\x01\xff", b"\x55\x1d\x1e")), ["name-constraints"]);
        let stranger = b"\x30\x09\x06\x03\x55\x1d\x63\x04\x02\x05\x00";
        assert_eq!(codes(leaf().with(|fields| fields.extensions_der.extend_from_slice(stranger))), ["known-extensions"]);
        let twice = b"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80";
        assert_eq!(codes(leaf().with(|fields| fields.extensions_der.extend_from_slice(twice))), ["encoding"]);
        let written_default = b"\x30\x0e\x06\x03\x55\x1d\x63\x01\x01\x00\x04\x04\x03\x02\x07\x80";
        assert_eq!(codes(leaf().with(|fields| fields.extensions_der.extend_from_slice(written_default))), ["encoding"]);
    }
}
