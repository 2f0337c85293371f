//! Certificate serial numbers: 128 random bits where they are made here (CA/B BR 7.1 asks for 64; THREATS 12), whatever
//! RFC 5280 section 4.1.2.2 allows where they come from elsewhere.

use crate::port::Entropy;
use std::fmt;
use std::str::FromStr;

/// A positive serial number of at most 20 octets, most significant first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial([u8; LONGEST]);

/// RFC 5280 section 4.1.2.2.
const LONGEST: usize = 20;
/// Those made here are of this length, and shorter ones are written with leading zeros.
const OWN: usize = 16;

/// A text that is no serial number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a serial number: give 32 lower-case hexadecimal digits, with leading zeros if it is shorter, or up to 40 if it is longer")]
pub struct BadSerial;

impl Serial {
    /// Draws a serial; zero is not positive and is drawn again.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; OWN];
        while bytes == [0; OWN] {
            entropy.fill(&mut bytes);
        }
        Self::padded(&bytes)
    }
    /// A serial as stored: see [`Serial::as_bytes`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, BadSerial> {
        let canonical = bytes.len() == OWN || (OWN + 1..=LONGEST).contains(&bytes.len()) && bytes.first() != Some(&0);
        if canonical { Ok(Self::padded(bytes)) } else { Err(BadSerial) }
    }
    /// The content octets of a DER INTEGER, from anywhere: refused if it is not positive or longer than 20 octets.
    pub fn from_der_octets(octets: &[u8]) -> Result<Self, BadSerial> {
        let positive = octets.first().is_some_and(|first| first & 0x80 == 0);
        let significant = octets.iter().position(|b| *b != 0).and_then(|start| octets.get(start..));
        let significant = significant.filter(|octets| positive && octets.len() <= LONGEST);
        significant.map(Self::padded).ok_or(BadSerial)
    }
    fn padded(bytes: &[u8]) -> Self {
        let mut octets = [0; LONGEST];
        octets.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
        Self(octets)
    }
    /// Its bytes, most significant first, unsigned: 16 of them, or as many as it takes if that is more.
    pub fn as_bytes(&self) -> &[u8] {
        let start = self.0.iter().position(|b| *b != 0).unwrap_or(LONGEST);
        self.0.get(start.min(LONGEST - OWN)..).unwrap_or_default()
    }
    /// The content octets of its DER INTEGER: minimal, with a leading zero where the top bit is set.
    pub fn der_octets(&self) -> Vec<u8> {
        let start = self.0.iter().position(|b| *b != 0).unwrap_or(LONGEST - 1);
        let significant = self.0.get(start..).unwrap_or_default();
        let mut octets = Vec::with_capacity(LONGEST + 1);
        if significant.first().is_some_and(|b| b & 0x80 != 0) {
            octets.push(0);
        }
        octets.extend_from_slice(significant);
        octets
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
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
        if !text.len().is_multiple_of(2) || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(BadSerial);
        }
        let byte = |at| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(BadSerial);
        let bytes = (0..text.len().min(2 * LONGEST + 2)).step_by(2).map(byte).collect::<Result<Vec<_>, _>>()?;
        Self::from_slice(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_octets_are_minimal_and_positive() {
        let serial = |n: u128| Serial::from_slice(&n.to_be_bytes()).unwrap();
        assert_eq!(serial(0x7f).der_octets(), [0x7f]);
        assert_eq!(serial(0x80).der_octets(), [0, 0x80]);
        assert_eq!(serial(u128::MAX).der_octets().len(), 17);
        assert_eq!(serial(1).to_string().parse::<Serial>(), Ok(serial(1)));
    }

    #[test]
    fn those_from_elsewhere_have_one_form_each() {
        for octets in [vec![1], vec![0, 0x80], vec![0x7f; 16], vec![0x7f; 17], [vec![0], vec![0xff; 20]].concat()] {
            let serial = Serial::from_der_octets(&octets).unwrap();
            assert_eq!(serial.der_octets(), octets);
            assert_eq!(Serial::from_slice(serial.as_bytes()), Ok(serial));
            assert_eq!(serial.to_string().parse::<Serial>(), Ok(serial));
        }
        for bad in [vec![], vec![0], vec![0x80], vec![0xff; 16], vec![1; 21], [vec![0], vec![0xff; 21]].concat()] {
            assert_eq!(Serial::from_der_octets(&bad), Err(BadSerial), "{bad:02x?}");
        }
        for bad in ["", "01", &"0".repeat(34), &"f".repeat(42), &"f".repeat(33), &"F".repeat(32), &"é".repeat(16)] {
            assert_eq!(bad.parse::<Serial>(), Err(BadSerial), "{bad}");
        }
    }
}
