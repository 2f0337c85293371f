//! ECDSA signatures in their two forms: DER, as X.509 has them, and r and s side by side, as JOSE and HTTP signatures have them (RFC 7518 section 3.4, RFC 9421 section 3.3.4).

use der::asn1::{Uint, UintRef};
use der::{Decode, Encode, Reader, SliceReader};

/// `r || s`, each of `octets` bytes, from an Ecdsa-Sig-Value (RFC 3279 section 2.2.3); `None` if it is no such DER or too large.
pub fn to_fixed(der: &[u8], octets: usize) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(der).ok()?;
    let (r, s) = reader.sequence(|inside| Ok::<_, der::Error>((UintRef::decode(inside)?, UintRef::decode(inside)?))).ok()?;
    reader.finish().ok()?;
    let mut fixed = Vec::with_capacity(2 * octets);
    for number in [r, s] {
        let bytes = number.as_bytes();
        fixed.resize(fixed.len() + octets.checked_sub(bytes.len())?, 0);
        fixed.extend_from_slice(bytes);
    }
    Some(fixed)
}

/// An Ecdsa-Sig-Value from `r || s`, each of `octets` bytes; `None` if it has another length.
pub fn from_fixed(fixed: &[u8], octets: usize) -> Option<Vec<u8>> {
    if fixed.len() != 2 * octets {
        return None;
    }
    let (r, s) = fixed.split_at_checked(octets)?;
    vec![Uint::new(r).ok()?, Uint::new(s).ok()?].to_der().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_forms_say_the_same() {
        for octets in [32, 48] {
            for (r, s) in [(0x01, 0x7f), (0x80, 0xff), (0x00, 0x01), (0xff, 0x00)] {
                // Leading zeros of either length.
                for zeros in [0, 1, octets - 1, octets] {
                    let number = |first| [vec![0; zeros], vec![first; octets - zeros]].concat();
                    let fixed = [number(r), number(s)].concat();
                    assert_eq!(to_fixed(&from_fixed(&fixed, octets).unwrap(), octets), Some(fixed));
                }
            }
            for length in [0, 1, octets, 2 * octets - 1, 2 * octets + 1] {
                assert_eq!(from_fixed(&vec![1; length], octets), None);
            }
        }
    }

    #[test]
    fn only_der_of_two_numbers_is_read() {
        assert_eq!(to_fixed(&[0x30, 6, 2, 1, 1, 2, 1, 2], 2), Some(vec![0, 1, 0, 2]));
        let wrong: [&[u8]; 8] = [
            &[],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 6, 2, 1, 1, 2, 1, 2, 0],
            &[0x30, 9, 2, 1, 1, 2, 1, 2, 2, 1, 3],
            // Negative, too long a form, three bytes where two are the most.
            &[0x30, 6, 2, 1, 0x81, 2, 1, 2],
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 2],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2],
            &[0x30, 8, 2, 3, 1, 1, 1, 2, 1, 2],
        ];
        for der in wrong {
            assert_eq!(to_fixed(der, 2), None, "{der:02x?}");
        }
    }
}
