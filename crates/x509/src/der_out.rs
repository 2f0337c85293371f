//! Writes DER: tag, length, value, nested by closures so that code reads like the ASN.1 module it follows.

use const_oid::ObjectIdentifier;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// A context-specific tag around a primitive value.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// A context-specific tag around a constructed value.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// DER under construction.
pub(crate) struct DerOut(Vec<u8>);

impl DerOut {
    /// Writes one document with room for `capacity` bytes.
    pub(crate) fn document(capacity: usize, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut out = Self(Vec::with_capacity(capacity));
        write(&mut out);
        out.0
    }
    /// A value whose content the closure writes.
    pub(crate) fn nested(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.0.push(tag);
        let start = self.0.len();
        write(self);
        let (octets, used) = length_octets(self.0.len() - start);
        self.0.splice(start..start, octets.into_iter().take(used));
    }
    /// A value with this content.
    pub(crate) fn value(&mut self, tag: u8, content: &[u8]) {
        let (octets, used) = length_octets(content.len());
        self.0.push(tag);
        self.0.extend(octets.into_iter().take(used));
        self.0.extend_from_slice(content);
    }
    /// Whole encoded values, as they are.
    pub(crate) fn raw(&mut self, der: &[u8]) {
        self.0.extend_from_slice(der);
    }
    /// An object identifier.
    pub(crate) fn oid(&mut self, oid: ObjectIdentifier) {
        self.value(OBJECT_IDENTIFIER, oid.as_bytes());
    }
    /// BOOLEAN TRUE; FALSE is everywhere a default here and is never written.
    pub(crate) fn yes(&mut self, tag: u8) {
        self.value(tag, &[0xff]);
    }
    /// A non-negative INTEGER, minimal.
    pub(crate) fn unsigned(&mut self, number: u64) {
        let bytes = number.to_be_bytes();
        let skip = bytes.iter().take(7).take_while(|b| **b == 0).count();
        let significant = bytes.get(skip..).unwrap_or_default();
        self.nested(INTEGER, |out| {
            if significant.first().is_some_and(|b| b & 0x80 != 0) {
                out.raw(&[0]);
            }
            out.raw(significant);
        });
    }
    /// A BIT STRING of whole octets.
    pub(crate) fn bits(&mut self, octets: &[u8]) {
        self.nested(BIT_STRING, |out| {
            out.raw(&[0]);
            out.raw(octets);
        });
    }
}

/// The length octets (X.690 section 10.1: definite, shortest) and how many of the array they are.
fn length_octets(length: usize) -> ([u8; 9], usize) {
    let big_endian = (length as u64).to_be_bytes();
    let skip = big_endian.iter().take(7).take_while(|b| **b == 0).count();
    // In the long form their number goes first.
    let lead = (length > 127).then_some(0x88 - skip as u8);
    let mut octets = [0; 9];
    let mut used = 0;
    for (slot, octet) in octets.iter_mut().zip(lead.into_iter().chain(big_endian.into_iter().skip(skip))) {
        *slot = octet;
        used += 1;
    }
    (octets, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_shortest_and_numbers_minimal() {
        for (length, head) in [(0, vec![4, 0]), (127, vec![4, 127]), (128, vec![4, 0x81, 128]), (256, vec![4, 0x82, 1, 0])] {
            let content = vec![7; length];
            let der = DerOut::document(0, |out| out.value(OCTET_STRING, &content));
            assert_eq!(der[..head.len()], head);
            assert_eq!(DerOut::document(0, |out| out.nested(OCTET_STRING, |out| out.raw(&content))), der);
        }
        for (number, der) in [(0, vec![2, 1, 0]), (127, vec![2, 1, 127]), (128, vec![2, 2, 0, 128]), (256, vec![2, 2, 1, 0])] {
            assert_eq!(DerOut::document(0, |out| out.unsigned(number)), der);
        }
        assert_eq!(DerOut::document(0, |out| out.unsigned(u64::MAX)).len(), 11);
    }
}
