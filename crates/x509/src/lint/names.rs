//! Subject alternative names: there, canonical, each once, critical when they alone name the subject, and within the issuer's constraints.

use super::{Lint, Linted, rule};
use crate::certificate::Tbs;
use chancery_domain::name::SubjectName;
use const_oid::db::rfc4519;
use der::Decode;
use x509_cert::name::Name;

pub(super) const ALTERNATIVE_NAMES: Lint =
    Lint { code: "alternative-names", source: "RFC 5280 section 4.2.1.6; CA/B Baseline Requirements section 7.1.2.7.12", check: present };
pub(super) const CRITICAL: Lint = Lint { code: "alternative-names-critical", source: "RFC 5280 section 4.2.1.6", check: critical };
pub(super) const COMMON_NAME: Lint = Lint { code: "common-name", source: "CA/B Baseline Requirements section 7.1.4.3", check: common_name };
pub(super) const WITHIN_CONSTRAINTS: Lint =
    Lint { code: "names-within-constraints", source: "RFC 5280 section 4.2.1.10", check: within_constraints };

/// The alternative names in their one canonical form, sorted; anything else is an error.
pub(super) fn read(tbs: &Tbs<'_>) -> Result<Vec<SubjectName>, String> {
    let Some(found) = &tbs.extensions.alternative_names else { return Ok(Vec::new()) };
    let mut names: Vec<SubjectName> = Vec::with_capacity(found.value.len());
    for general in &found.value {
        let name = general.subject_name().map_err(|error| error.to_string())?;
        let same = match &name {
            SubjectName::Dns(text) | SubjectName::Email(text) | SubjectName::Uri(text) => general.is_text(text),
            SubjectName::Ip(_) => true,
        };
        rule(same, || format!("{name} is not written in its canonical form"))?;
        rule(names.last().is_none_or(|last| *last < name), || format!("{name} is out of order or repeated"))?;
        names.push(name);
    }
    Ok(names)
}

fn present(linted: &Linted<'_>) -> Result<(), String> {
    let found = linted.tbs.extensions.alternative_names.is_some();
    if !linted.expected.is_leaf() {
        return rule(!found, || "an authority has none".to_owned());
    }
    let names = linted.names.as_ref().map_err(Clone::clone)?;
    // THREATS 14: no names would mean any name to some.
    rule(!names.is_empty(), || "a certificate names at least one".to_owned())
}

fn critical(linted: &Linted<'_>) -> Result<(), String> {
    let Some(found) = &linted.tbs.extensions.alternative_names else { return Ok(()) };
    let no_subject = linted.tbs.subject_der == [0x30, 0];
    rule(found.critical == no_subject, || "it is critical exactly when the subject is empty".to_owned())
}

fn common_name(linted: &Linted<'_>) -> Result<(), String> {
    let (true, Ok(names)) = (linted.expected.is_leaf(), &linted.names) else { return Ok(()) };
    if linted.tbs.subject_der == [0x30, 0] {
        return Ok(());
    }
    let subject = Name::from_der(linted.tbs.subject_der).map_err(|error| error.to_string())?;
    let common = subject.iter().find(|attribute| attribute.oid == rfc4519::COMMON_NAME).map(|attribute| attribute.value.value());
    let listed = |name: &SubjectName| matches!(name, SubjectName::Dns(text) | SubjectName::Email(text) if Some(text.as_bytes()) == common);
    rule(names.iter().any(listed), || "it is not one of the alternative names".to_owned())
}

/// Checked against the issuer's certificate itself, whatever was planned for it (THREATS 16).
fn within_constraints(linted: &Linted<'_>) -> Result<(), String> {
    let (Some(issuer), Ok(names)) = (linted.expected.issuer(), &linted.names) else { return Ok(()) };
    match names.iter().find(|name| !issuer.permits(name)) {
        Some(name) => Err(format!("{name} lies outside the issuer's name constraints")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::{codes, intermediate, leaf};

    const SAN: &[u8] = b"\x06\x03\x55\x1d\x11";

    #[test]
    fn names_are_there_canonical_and_within() {
        assert!(codes(leaf()).is_empty());
        assert_eq!(codes(leaf().without(SAN)), ["alternative-names", "common-name"]);
        assert_eq!(codes(leaf().replaced(b"\x82\x0ea.acme.example", b"\x82\x0eA.acme.example")), ["alternative-names"]);
        assert_eq!(codes(leaf().replaced(b"\x82\x0ea.acme.example", b"\x82\x0ez.acme.example")), ["alternative-names"]);
        assert_eq!(codes(leaf().replaced(b"\x82\x0eb.acme.example", b"\x82\x0ea.acme.example")), ["alternative-names"]);
        assert_eq!(codes(leaf().replaced(b"\x82\x0eb.acme.example", b"\x88\x0eb.acme.example")), ["alternative-names"]);
        assert_eq!(codes(leaf().replaced(b"\x82\x0eb.acme.example", b"\x82\x0eb.evil.example")), ["names-within-constraints"]);
        assert_eq!(codes(leaf().replaced(b"\x0c\x0ea.acme.example", b"\x0c\x0ec.acme.example")), ["common-name"]);
        let named = b"\x30\x12\x06\x03\x55\x1d\x11\x04\x0b\x30\x09\x82\x07a.b.com";
        assert_eq!(codes(intermediate().with(|fields| fields.extensions_der.extend_from_slice(named))), ["alternative-names"]);
    }

    #[test]
    fn critical_exactly_when_the_subject_is_empty() {
        assert_eq!(codes(leaf().with(|fields| fields.subject_der = b"\x30\x00")), ["alternative-names-critical"]);
        assert_eq!(codes(leaf().made_critical(SAN)), ["alternative-names-critical"]);
        assert!(codes(leaf().made_critical(SAN).with(|fields| fields.subject_der = b"\x30\x00")).is_empty());
    }
}
