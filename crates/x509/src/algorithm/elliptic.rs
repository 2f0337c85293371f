//! Keys on NIST curves: a named curve, the uncompressed form, a point of the curve (RFC 5480; CVE-2020-0601).

use crate::key::BadKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey};
use chancery_domain::key::KeyAlgorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{SECP_256_R_1, SECP_384_R_1};
use der::asn1::AnyRef;
use der::{Tag, Tagged};

/// RFC 5480 section 2: a named curve and nothing else; section 2.2: here the uncompressed form only.
pub(super) fn parse(parameters: Option<AnyRef<'_>>, point: &[u8]) -> Result<(KeyAlgorithm, ParsedPublicKey), BadKey> {
    let parameters = parameters.ok_or(BadKey::ImplicitCurve)?;
    if parameters.tag() != Tag::ObjectIdentifier {
        return Err(BadKey::ExplicitCurve);
    }
    let curve: ObjectIdentifier = parameters.decode_as().map_err(|_| BadKey::NotDer)?;
    let (algorithm, verification, name, length) = match curve {
        SECP_256_R_1 => (KeyAlgorithm::EcP256, &ECDSA_P256_SHA256_ASN1, "P-256", 65),
        SECP_384_R_1 => (KeyAlgorithm::EcP384, &ECDSA_P384_SHA384_ASN1, "P-384", 97),
        other => return Err(BadKey::Curve(other.to_string())),
    };
    if point.len() != length || point.first() != Some(&0x04) {
        return Err(BadKey::PointForm { curve: name, octets: length });
    }
    // Both curves have cofactor 1: whatever is on them and not at infinity has the full order.
    let key = ParsedPublicKey::new(verification, point).map_err(|_| BadKey::NotOnCurve(name))?;
    Ok((algorithm, key))
}

/// The first coordinate of an uncompressed point, which its negative has, too.
pub(super) fn abscissa(point: &[u8]) -> Option<&[u8]> {
    let (form, coordinates) = point.split_first()?;
    coordinates.split_at_checked(coordinates.len() / 2).map(|(first, _)| first).filter(|_| *form == 0x04)
}
