//! Certificates taken apart, borrowing from their DER (RFC 5280 section 4.1).

use crate::extension::Extensions;
use crate::prepared::SignedParts;
use der::asn1::IntRef;
use der::{Decode, Reader, SliceReader, Tag, TagMode, TagNumber};
use x509_cert::time::Validity;

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
    /// (RFC 5280 section 4.1.1.2).
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, der::Error> {
        let parts = SignedParts::from_der(der)?;
        let tbs = Tbs::from_der(parts.tbs_der)?;
        if tbs.algorithm_der != parts.algorithm_der {
            return Err(Tag::Sequence.value_error().into());
        }
        Ok(Self { parts, tbs })
    }
}
