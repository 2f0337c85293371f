//! Attributes of a signer (RFC 5652 section 5.3): written sorted, as DER wants a SET OF, and read each kind once.

use super::{ID_ALGORITHM_PROTECTION, ID_SIGNING_CERTIFICATE_V2};
use crate::cms::algorithms::digest_identified;
use crate::der_in::Values;
use crate::der_out::{DerOut, OCTET_STRING, SEQUENCE, SET, context_constructed};
use crate::hash;
use chancery_domain::signature::DigestAlgorithm;
use const_oid::ObjectIdentifier;

/// Most attributes of a signer, signed and unsigned each.
const MOST: usize = 32;

/// `Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }`; the values with tag and length.
pub(crate) struct Attribute<'a> {
    pub(crate) id: ObjectIdentifier,
    pub(crate) values: Vec<&'a [u8]>,
}

/// The encoded attribute with these encoded values.
pub(super) fn attribute(id: ObjectIdentifier, values: &[&[u8]]) -> Vec<u8> {
    DerOut::document(64, |out| {
        out.nested(SEQUENCE, |out| {
            out.oid(id);
            out.nested(SET, |out| values.iter().for_each(|value| out.raw(value)));
        });
    })
}

/// The content of a SET OF these (X.690 section 11.6: ascending by their encodings).
pub(super) fn sorted(mut encoded: Vec<Vec<u8>>) -> Vec<u8> {
    encoded.sort_unstable();
    encoded.concat()
}

/// Reads the content of a SET OF attributes: in DER's order, each kind once, each with a value.
pub(super) fn read(content: &[u8]) -> Result<Vec<Attribute<'_>>, String> {
    let malformed = |error: der::Error| format!("attributes are not in DER: {error}");
    let mut values = Values::of(content).map_err(malformed)?;
    let (mut found, mut before): (Vec<Attribute<'_>>, &[u8]) = (Vec::new(), &[]);
    while !values.is_finished() {
        let whole = values.whole().map_err(malformed)?;
        if whole <= before {
            return Err("attributes are not in ascending order, as DER wants them".to_owned());
        }
        before = whole;
        let attribute = one(whole).map_err(malformed)?;
        if attribute.values.is_empty() || found.iter().any(|earlier| earlier.id == attribute.id) || found.len() >= MOST {
            return Err(format!("an attribute stands there twice or empty, or there are more than {MOST}"));
        }
        found.push(attribute);
    }
    Ok(found)
}

fn one(whole: &[u8]) -> Result<Attribute<'_>, der::Error> {
    let mut fields = Values::inside(SEQUENCE, whole)?;
    let id = fields.read()?;
    let mut set = Values::of(fields.take(SET)?)?;
    fields.finish()?;
    let mut values = Vec::new();
    while !set.is_finished() {
        values.push(set.whole()?);
    }
    Ok(Attribute { id, values })
}

/// The only value of the attribute of this kind.
pub(super) fn value<'a>(attributes: &[Attribute<'a>], id: ObjectIdentifier) -> Result<Option<&'a [u8]>, String> {
    match attributes.iter().find(|attribute| attribute.id == id).map(|attribute| attribute.values.as_slice()) {
        None => Ok(None),
        Some([value]) => Ok(Some(value)),
        Some(values) => Err(format!("the attribute {id} has {} values", values.len())),
    }
}

/// signing-certificate-v2 of this certificate (RFC 5035 section 3): SHA-256, which is the default and not written.
pub(super) fn signing_certificate(certificate: &[u8]) -> Vec<u8> {
    let hash = hash::digest(DigestAlgorithm::Sha256, certificate);
    let value = DerOut::document(48, |out| {
        out.nested(SEQUENCE, |out| out.nested(SEQUENCE, |out| out.nested(SEQUENCE, |out| out.value(OCTET_STRING, hash.as_bytes()))));
    });
    attribute(ID_SIGNING_CERTIFICATE_V2, &[&value])
}

/// Whether this value of signing-certificate-v2 names the certificate first.
pub(super) fn names_certificate(value: &[u8], certificate: &[u8]) -> Result<bool, der::Error> {
    let mut fields = Values::inside(SEQUENCE, value)?;
    let mut identifiers = Values::of(fields.take(SEQUENCE)?)?;
    let mut first = Values::of(identifiers.take(SEQUENCE)?)?;
    let algorithm = match first.tag() {
        Some(SEQUENCE) => digest_identified(first.whole()?),
        _ => Some(DigestAlgorithm::Sha256),
    };
    let said = first.take(OCTET_STRING)?;
    Ok(algorithm.is_some_and(|algorithm| hash::digest(algorithm, certificate).as_bytes() == said))
}

/// `CMSAlgorithmProtection ::= SEQUENCE { digestAlgorithm, signatureAlgorithm [1] IMPLICIT }` (RFC 6211 section 2).
pub(super) fn algorithm_protection(digest_identifier: &[u8], signature_identifier: &[u8]) -> Vec<u8> {
    attribute(ID_ALGORITHM_PROTECTION, &[&protection(digest_identifier, signature_identifier)])
}

/// Its value.
pub(super) fn protection(digest_identifier: &[u8], signature_identifier: &[u8]) -> Vec<u8> {
    let content = Values::inside(SEQUENCE, signature_identifier).and_then(|mut fields| {
        let mut content = Vec::new();
        while !fields.is_finished() {
            content.extend_from_slice(fields.whole()?);
        }
        Ok(content)
    });
    DerOut::document(64, |out| {
        out.nested(SEQUENCE, |out| {
            out.raw(digest_identifier);
            out.value(context_constructed(1), &content.unwrap_or_default());
        });
    })
}
