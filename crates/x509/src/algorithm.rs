//! The one place where kinds of keys and signatures are told apart: a further algorithm is one more arm in each match here.

use crate::key::BadKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use chancery_domain::key::KeyAlgorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, SECP_256_R_1};
use der::asn1::{AnyRef, UintRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use spki::SubjectPublicKeyInfoRef;

/// `AlgorithmIdentifier` of ecdsa-with-SHA256, parameters absent (RFC 5758 section 3.2).
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// The encoded `AlgorithmIdentifier` of the signatures that a key of this kind makes.
pub(crate) const fn signature_algorithm(algorithm: KeyAlgorithm) -> &'static [u8] {
    match algorithm {
        KeyAlgorithm::EcP256 => ECDSA_WITH_SHA256,
    }
}

/// Whether these octets have the form of a signature of this kind; says nothing about who made it.
pub(crate) fn is_signature_shaped(algorithm: KeyAlgorithm, signature: &[u8]) -> bool {
    match algorithm {
        KeyAlgorithm::EcP256 => is_ecdsa_value(signature, 32),
    }
}

/// The kind of a public key and its verifier, from a strict `SubjectPublicKeyInfo` (THREATS 23).
pub(crate) fn parse_key(spki: &SubjectPublicKeyInfoRef<'_>) -> Result<(KeyAlgorithm, ParsedPublicKey), BadKey> {
    let bits = spki.subject_public_key.as_bytes().ok_or(BadKey::Bits)?;
    match spki.algorithm.oid {
        ID_EC_PUBLIC_KEY => parse_p256(spki.algorithm.parameters, bits).map(|key| (KeyAlgorithm::EcP256, key)),
        other => Err(BadKey::Algorithm(other.to_string())),
    }
}

/// RFC 5480 section 2: a named curve and nothing else; section 2.2: here the uncompressed form only.
fn parse_p256(parameters: Option<AnyRef<'_>>, point: &[u8]) -> Result<ParsedPublicKey, BadKey> {
    let parameters = parameters.ok_or(BadKey::ImplicitCurve)?;
    if parameters.tag() != Tag::ObjectIdentifier {
        return Err(BadKey::ExplicitCurve);
    }
    let curve: ObjectIdentifier = parameters.decode_as().map_err(|_| BadKey::NotDer)?;
    if curve != SECP_256_R_1 {
        return Err(BadKey::Curve(curve.to_string()));
    }
    if point.len() != 65 || point.first() != Some(&0x04) {
        return Err(BadKey::PointForm);
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| BadKey::NotOnCurve)
}

/// `Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }`, both positive and no longer than the curve's order.
fn is_ecdsa_value(signature: &[u8], order_octets: usize) -> bool {
    let parse = || -> Result<bool, der::Error> {
        let mut reader = SliceReader::new(signature)?;
        let sane = reader.sequence(|inside| {
            let in_range = |number: UintRef<'_>| number.as_bytes().len() <= order_octets && number.as_bytes().iter().any(|b| *b != 0);
            Ok::<_, der::Error>(in_range(UintRef::decode(inside)?) & in_range(UintRef::decode(inside)?))
        })?;
        reader.finish()?;
        Ok(sane)
    };
    parse().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_shape() {
        assert!(is_ecdsa_value(&[0x30, 6, 2, 1, 1, 2, 1, 1], 32));
        for bad in
            [&[0x30, 6, 2, 1, 0, 2, 1, 1][..], &[0x30, 6, 2, 1, 1, 2, 1, 0x81], &[0x30, 3, 2, 1, 1], &[0x30, 6, 2, 1, 1, 2, 1, 1, 0], b""]
        {
            assert!(!is_ecdsa_value(bad, 32), "{bad:02x?}");
        }
    }
}
