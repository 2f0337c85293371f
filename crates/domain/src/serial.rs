//! Certificate serial numbers: 128 random bits (CA/B BR 7.1 asks for 64; THREATS 12).

use crate::port::Entropy;
use std::fmt;
use std::str::FromStr;

/// A positive serial number of exactly 128 random bits (RFC 5280 section 4.1.2.2 allows 20 octets).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial([u8; 16]);

/// A text that is no serial number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a serial number: give 32 lower-case hexadecimal digits")]
pub struct BadSerial;

impl Serial {
    /// Draws a serial; zero is not positive and is drawn again.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        while bytes == [0; 16] {
            entropy.fill(&mut bytes);
        }
        Self(bytes)
    }
    /// A serial as stored.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, BadSerial> {
        bytes.try_into().map(Self).map_err(|_| BadSerial)
    }
    /// Its 16 bytes, most significant first, unsigned.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
    /// The content octets of its DER INTEGER: minimal, with a leading zero where the top bit is set.
    pub fn der_octets(&self) -> Vec<u8> {
        let start = self.0.iter().position(|b| *b != 0).unwrap_or(15);
        let significant = self.0.get(start..).unwrap_or_default();
        let mut octets = Vec::with_capacity(17);
        if significant.first().is_some_and(|b| b & 0x80 != 0) {
            octets.push(0);
        }
        octets.extend_from_slice(significant);
        octets
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = BadSerial;
    fn from_str(text: &str) -> Result<Self, BadSerial> {
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(BadSerial);
        }
        u128::from_str_radix(text, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| BadSerial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_octets_are_minimal_and_positive() {
        let serial = |n: u128| Serial(n.to_be_bytes());
        assert_eq!(serial(0x7f).der_octets(), [0x7f]);
        assert_eq!(serial(0x80).der_octets(), [0, 0x80]);
        assert_eq!(serial(u128::MAX).der_octets().len(), 17);
        assert_eq!(serial(1).to_string().parse::<Serial>(), Ok(serial(1)));
    }
}
