//! base64 and base64url of exactly one spelling: no padding where none belongs, no bits left over, no white space (RFC 4648 section 3.5).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

/// base64url without padding (RFC 7515 section 2).
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding; `None` for any other spelling.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// base64 with padding (RFC 4648 section 4).
pub(crate) fn encode_padded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 with padding; `None` for any other spelling.
pub(crate) fn decode_padded(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Reads base64url with padding, which some write where the alphabet is left open.
pub(crate) fn decode_url_padded(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        for length in 0..20 {
            let bytes: Vec<u8> = (0..length).map(|n| 0xff - n * 7).collect();
            assert_eq!(decode(encode(&bytes).as_bytes()), Some(bytes.clone()));
            assert_eq!(decode_padded(encode_padded(&bytes).as_bytes()), Some(bytes));
        }
        // Bits left over, padding, the other alphabet, white space, a length that cannot be.
        for wrong in ["AB", "_x", "AA==", "AA=", "A+A", "A/A", "AA ", " AA", "A\nA", "A", "AAAAA", "AA.", "\u{ff21}A"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
        for wrong in ["AA", "AB==", "AA=", "A-A=", "AA==\n", "AA==AA=="] {
            assert_eq!(decode_padded(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
