//! Ed25519 keys: canonical encodings of points that have not a small order (RFC 8032 sections 5.1.2 and 5.1.3).

use crate::key::BadKey;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use chancery_domain::enforced;
use chancery_domain::key::KeyAlgorithm;
use num_bigint::BigUint;
use std::sync::LazyLock;

/// The field's prime 2^255 - 19, and the curve's constant d = -121665/121666 in it.
struct Field {
    prime: BigUint,
    d: BigUint,
}

static FIELD: LazyLock<Field> = LazyLock::new(|| {
    let prime = (BigUint::from(1_u8) << 255_u32) - 19_u8;
    // Fermat: x^(p-2) is 1/x.
    let inverse = BigUint::from(121_666_u32).modpow(&(&prime - 2_u8), &prime);
    let d = (&prime - 121_665_u32) * inverse % &prime;
    Field { prime, d }
});

pub(super) fn parse(key: &[u8]) -> Result<ParsedPublicKey, BadKey> {
    let Ok(octets) = <[u8; 32]>::try_from(key) else {
        return Err(BadKey::Length { octets: key.len(), expected: 32, algorithm: KeyAlgorithm::Ed25519.as_str() });
    };
    check(octets)?;
    ParsedPublicKey::new(&ED25519, octets).map_err(|_| BadKey::Refused)
}

/// A key without the sign of x, in which it differs from its negative.
pub(super) fn without_sign(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = <[u8; 32]>::try_from(key).ok()?;
    *key.last_mut()? &= 0x7f;
    Some(key.to_vec())
}

/// Little-endian y with the sign of x in the topmost bit. Verifiers differ in what they do with keys that fail here, so that one
/// signature would hold for one of them and not for another; a key of small order lets anyone sign.
fn check(mut octets: [u8; 32]) -> Result<(), BadKey> {
    let Field { prime, d } = &*FIELD;
    if let Some(top) = octets.last_mut() {
        *top &= 0x7f;
    }
    let y = BigUint::from_bytes_le(&octets);
    if y >= *prime && enforced!("key.canonical") {
        return Err(BadKey::Edwards("not the canonical encoding of a point"));
    }
    let one = BigUint::from(1_u8);
    let square = &y * &y % prime;
    // x = 0 needs no sign; x^2 = (y^2 - 1) / (d y^2 + 1) is found to be a square from the product, whose divisor is never 0.
    let product = (&square + prime - &one) * (d * &square + &one) % prime;
    let zero = BigUint::ZERO;
    let root_exists = product == zero || product.modpow(&((prime - &one) >> 1_u32), prime) == one;
    if !root_exists && enforced!("key.edwards-point") {
        return Err(BadKey::Edwards("not a point of the curve"));
    }
    // Orders 1 and 2: x = 0; order 4: y = 0; order 8: twice the point has y = 0, which is d y^4 + 2 y^2 = 1.
    let doubled = (d * &square % prime * &square + &square + &square) % prime;
    if (product == zero || y == zero || doubled == one) && enforced!("key.small-order") {
        return Err(BadKey::Edwards("a point of small order, whose signatures anyone can make"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    fn octets(hex: &str) -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(byte)
    }

    fn refusal(octets: [u8; 32]) -> String {
        check(octets).unwrap_err().to_string()
    }

    #[test]
    fn real_keys_pass() {
        for seed in 0..50 {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
            assert_eq!(check(pair.public_key().as_ref().try_into().unwrap()), Ok(()), "{seed}");
        }
    }

    #[test]
    fn the_eight_points_of_small_order_are_known() {
        // The y of each, as other libraries list them; orders 1, 2, 4, 8 and 8.
        let listed = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ];
        for hex in listed {
            for sign in [0, 0x80] {
                let mut point = octets(hex);
                point[31] |= sign;
                assert!(refusal(point).contains("small order"), "{hex} {sign}");
            }
        }
    }

    #[test]
    fn other_encodings_and_other_numbers_are_no_points() {
        // y = p, p + 1 (which are 0 and 1) and 2^255 - 1, with either sign
        for low in [0xed, 0xee, 0xff] {
            for top in [0x7f, 0xff] {
                let mut point = [0xff; 32];
                (point[0], point[31]) = (low, top);
                assert!(refusal(point).contains("canonical"), "{low} {top}");
            }
        }
        // RFC 8032 section 5.1.3 by hand: (y^2 - 1) / (d y^2 + 1) is no square for y = 2, 7, 8 and 11.
        let off = (2..12).filter(|y| {
            let mut point = [0; 32];
            point[0] = *y;
            check(point).is_err_and(|error| error.to_string().contains("not a point"))
        });
        assert_eq!(off.collect::<Vec<u8>>(), [2, 7, 8, 11]);
    }
}
