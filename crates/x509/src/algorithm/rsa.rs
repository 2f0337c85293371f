//! RSA keys: exact sizes, sound exponents, and moduli that no known shortcut factors (THREATS 23).

use super::weak;
use crate::key::BadKey;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use chancery_domain::enforced;
use chancery_domain::key::KeyAlgorithm;
use der::asn1::{AnyRef, UintRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// The smallest exponent (FIPS 186-5 section 5.1, CA/Browser Forum BR 6.1.6).
const LEAST_EXPONENT: u64 = 65_537;
/// FIPS 186-5 allows up to 256 bits; the library verifies with 33 at most, for what lies above only serves to keep verifiers busy.
const MOST_EXPONENT_BITS: u32 = 33;

/// RFC 3279 section 2.3.1: parameters NULL, the key `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
pub(super) fn parse(parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<(KeyAlgorithm, ParsedPublicKey), BadKey> {
    let null = parameters.is_some_and(|parameters| parameters.tag() == Tag::Null && parameters.value().is_empty());
    if !null && enforced!("key.rsa-parameters") {
        return Err(BadKey::Parameters("not NULL (RFC 3279 section 2.3.1)"));
    }
    let (modulus, exponent) = numbers(key).map_err(|_| BadKey::RsaForm)?;
    check_exponent(exponent)?;
    let algorithm = size(modulus)?;
    weak::check(modulus)?;
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).map_err(|_| BadKey::Refused)?;
    Ok((algorithm, key))
}

/// The modulus of an `RSAPublicKey`.
pub(super) fn modulus(key: &[u8]) -> Option<&[u8]> {
    numbers(key).ok().map(|(modulus, _)| modulus)
}

/// Both without leading zeros.
fn numbers(key: &[u8]) -> Result<(&[u8], &[u8]), der::Error> {
    let mut reader = SliceReader::new(key)?;
    let numbers = reader.sequence(|inside| {
        let (modulus, exponent) = (UintRef::decode(inside)?, UintRef::decode(inside)?);
        Ok::<_, der::Error>((modulus.as_bytes(), exponent.as_bytes()))
    })?;
    reader.finish()?;
    Ok(numbers)
}

fn check_exponent(octets: &[u8]) -> Result<(), BadKey> {
    let exponent = octets.iter().try_fold(0_u64, |number, octet| Some(number.checked_mul(256)? | u64::from(*octet)));
    let exponent = exponent.filter(|exponent| *exponent >= LEAST_EXPONENT && exponent.checked_ilog2() < Some(MOST_EXPONENT_BITS));
    if exponent.is_some_and(|exponent| exponent % 2 == 1) || !enforced!("key.exponent") { Ok(()) } else { Err(BadKey::Exponent) }
}

/// Exactly one of three sizes: other lengths are as strong as the next smaller one and confuse hardware.
fn size(modulus: &[u8]) -> Result<KeyAlgorithm, BadKey> {
    let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    match modulus.len() * 8 - unused {
        2048 => Ok(KeyAlgorithm::Rsa2048),
        3072 => Ok(KeyAlgorithm::Rsa3072),
        4096 => Ok(KeyAlgorithm::Rsa4096),
        bits => Err(BadKey::ModulusLength(bits)),
    }
}
