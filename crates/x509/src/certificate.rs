//! Certificates taken apart, borrowing from their DER (RFC 5280 section 4.1).

use crate::extension::Extensions;
use crate::prepared::SignedParts;
use chancery_domain::enforced;
use der::asn1::IntRef;
use der::{Decode, ErrorKind, Reader, SliceReader, Tag, TagMode, TagNumber};
use x509_cert::time::Validity;

/// Longest certificate that is read, in bytes.
pub(crate) const LARGEST_CERTIFICATE: usize = 64 << 10;

/// What is signed of a version 3 certificate.
pub(crate) struct Tbs<'a> {
    /// Content octets of the serial number.
    pub(crate) serial: &'a [u8],
    /// Encoded `AlgorithmIdentifier`.
    pub(crate) algorithm_der: &'a [u8],
    /// Encoded `Name`.
    pub(crate) issuer_der: &'a [u8],
    /// First and last second.
    pub(crate) validity: Validity,
    /// Encoded `Name`.
    pub(crate) subject_der: &'a [u8],
    /// Encoded `SubjectPublicKeyInfo`.
    pub(crate) spki_der: &'a [u8],
    /// The extensions.
    pub(crate) extensions: Extensions<'a>,
}

/// A certificate.
pub(crate) struct Certificate<'a> {
    pub(crate) parts: SignedParts<'a>,
    pub(crate) tbs: Tbs<'a>,
}

impl<'a> Tbs<'a> {
    /// Takes it apart. Other versions than 3 and unique identifiers (RFC 5280 section 4.1.2.8) are refused.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let tbs = reader.sequence(|inside| {
            if inside.context_specific::<u8>(TagNumber(0), TagMode::Explicit)? != Some(2) {
                return Err(Tag::Integer.value_error().into());
            }
            Ok::<_, der::Error>(Self {
                serial: IntRef::decode(inside)?.as_bytes(),
                algorithm_der: inside.tlv_bytes()?,
                issuer_der: inside.tlv_bytes()?,
                validity: Validity::decode(inside)?,
                subject_der: inside.tlv_bytes()?,
                spki_der: inside.tlv_bytes()?,
                extensions: inside.context_specific(TagNumber(3), TagMode::Explicit)?.ok_or_else(|| Tag::Sequence.value_error())?,
            })
        })?;
        reader.finish()?;
        Ok(tbs)
    }
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart; nothing is verified but its form, and that the two algorithm identifiers agree
    /// (RFC 5280 section 4.1.1.2). Longer than [`LARGEST_CERTIFICATE`] it is refused unread.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, der::Error> {
        if der.len() > LARGEST_CERTIFICATE && enforced!("certificate.length") {
            return Err(ErrorKind::Overlength.into());
        }
        let parts = SignedParts::from_der(der)?;
        let tbs = Tbs::from_der(parts.tbs_der)?;
        if tbs.algorithm_der != parts.algorithm_der {
            return Err(Tag::Sequence.value_error().into());
        }
        Ok(Self { parts, tbs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der_out::{DerOut, OCTET_STRING, SEQUENCE};
    use crate::lint::fixture::{codes, leaf};
    use der::asn1::AnyRef;

    /// An extension of an unknown kind with so many bytes in it.
    fn unknown(number: u8, bytes: usize) -> Vec<u8> {
        DerOut::document(0, |out| {
            out.nested(SEQUENCE, |out| {
                out.raw(&[6, 5, 0x2b, 0x86, 0x48, 0x86, number]);
                out.value(OCTET_STRING, &vec![0; bytes]);
            });
        })
    }

    #[test]
    fn one_with_more_extensions_than_any_needs_is_refused() {
        let is_read_with = |total: usize| {
            let padded = leaf().with(|fields| {
                let own =
                    Vec::<AnyRef<'_>>::from_der(&DerOut::document(0, |out| out.value(SEQUENCE, &fields.extensions_der))).unwrap().len();
                (own..total).for_each(|number| fields.extensions_der.extend(unknown(u8::try_from(number).unwrap(), 0)));
            });
            Certificate::from_der(&padded.signed()).is_ok()
        };
        assert_eq!([0, 64, 65].map(is_read_with), [true, true, false]);
    }

    #[test]
    fn one_that_is_longer_than_any_needs_to_be_is_refused() {
        let plain = leaf().signed().len();
        // Its signature's length varies by some bytes.
        for (length, is_read) in [(65_400, true), (65_660, false)] {
            let der = leaf().with(|fields| fields.extensions_der.extend(unknown(1, length - plain))).signed();
            assert!(der.len().abs_diff(65_536) < 160);
            assert_eq!(Certificate::from_der(&der).is_ok(), is_read, "{}", der.len());
        }
    }

    #[test]
    fn what_would_not_be_read_back_is_not_signed() {
        let findings = |bytes| codes(leaf().with(|fields| fields.extensions_der.extend(unknown(1, bytes))));
        assert_eq!(findings(62 << 10), ["encoding"]);
        assert!(!findings(59 << 10).contains(&"encoding"));
    }
}
