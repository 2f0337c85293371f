//! Distinguished names: the issuer's byte for byte, the subject's short, plain and of the attributes that are written here.

use super::{Expected, Lint, Linted, rule};
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use der::asn1::Utf8StringRef;
use der::{Decode, Tag, Tagged};
use x509_cert::name::Name;

pub(super) const ISSUER: Lint = Lint { code: "issuer-name", source: "RFC 5280 section 4.1.2.4", check: issuer };
pub(super) const SUBJECT: Lint =
    Lint { code: "subject-name", source: "RFC 5280 section 4.1.2.6 and appendix A.1 (upper bounds)", check: subject };

fn issuer(linted: &Linted<'_>) -> Result<(), String> {
    let expected = linted.expected.issuer().map_or(linted.tbs.subject_der, |issuer| issuer.subject_der());
    rule(linted.tbs.issuer_der == expected, || "the issuer's name is not the encoding of the issuer's subject".to_owned())
}

fn subject(linted: &Linted<'_>) -> Result<(), String> {
    let name = Name::from_der(linted.tbs.subject_der).map_err(|error| format!("unreadable: {error}"))?;
    let authority = !linted.expected.is_leaf();
    let (mut common_names, mut organizations) = (0, 0);
    for attribute in name.iter() {
        match attribute.oid {
            COMMON_NAME => common_names += 1,
            ORGANIZATION_NAME if authority => organizations += 1,
            other => return Err(format!("attribute {other} has no place here")),
        }
        rule(attribute.value.tag() == Tag::Utf8String, || "an attribute is no UTF8String".to_owned())?;
        let text = attribute.value.decode_as::<Utf8StringRef<'_>>().map_err(|error| format!("unreadable: {error}"))?;
        let length = text.as_str().chars().count();
        rule((1..=64).contains(&length), || format!("an attribute has {length} characters, between 1 and 64 are allowed"))?;
        rule(!text.as_str().chars().any(char::is_control), || "an attribute contains control characters".to_owned())?;
    }
    rule(common_names <= 1 && organizations <= 1, || "an attribute stands there twice".to_owned())?;
    rule(common_names == 1 || matches!(linted.expected, Expected::Leaf { .. }), || "an authority has a common name".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::{codes, intermediate, leaf, root};

    #[test]
    fn the_issuer_is_named_as_it_names_itself() {
        assert!(codes(intermediate()).is_empty());
        // The same text as PrintableString is another encoding.
        assert_eq!(codes(leaf().replaced(b"\x0c\x11Acme Intermediate", b"\x13\x11Acme Intermediate")), ["issuer-name"]);
        assert_eq!(codes(root().with(|fields| fields.issuer_der = b"\x30\x00")), ["issuer-name"]);
    }

    #[test]
    fn subjects_are_short_and_plain() {
        let long = [&b"\x30\x4e\x31\x4c\x30\x4a\x06\x03\x55\x04\x03\x0c\x43"[..], &[b'a'; 67]].concat();
        let cases: [&[u8]; 6] = [
            &long,
            b"\x30\x0b\x31\x09\x30\x07\x06\x03\x55\x04\x03\x0c\x00",
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x00",
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x06\x0c\x01\x41",
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01\x41",
            b"\x30\x00",
        ];
        for bad in cases {
            let found = codes(intermediate().with(|fields| fields.subject_der = Box::leak(bad.to_vec().into_boxed_slice())));
            assert_eq!(found, ["subject-name"], "{bad:02x?}");
        }
    }
}
