//! GeneralName (RFC 5280 section 4.2.1.6), read without trust and written from canonical names.

use crate::der_out::{DerOut, SEQUENCE, context};
use chancery_domain::name::{BadName, SubjectName};
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use std::net::IpAddr;

/// One GeneralName as it stands in somebody's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName<'a> {
    /// dNSName.
    Dns(&'a [u8]),
    /// rfc822Name.
    Email(&'a [u8]),
    /// uniformResourceIdentifier.
    Uri(&'a [u8]),
    /// iPAddress: 4 or 16 octets in names, 8 or 32 in constraints.
    Ip(&'a [u8]),
    /// A kind that is not offered.
    Other(&'static str),
}

/// Why a GeneralName cannot be a name of a certificate here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// A kind that is not offered.
    #[error("{0} names are not supported, use dNSName, iPAddress, rfc822Name or uniformResourceIdentifier")]
    Kind(&'static str),
    /// A NUL octet, the classic of names that end early for one reader and late for another.
    #[error("a {0} contains a NUL octet")]
    Nul(&'static str),
    /// Octets past 7F; international host names go in their xn-- form.
    #[error("a {0} contains octets that are not ASCII, write host names in their xn-- form")]
    NotAscii(&'static str),
    /// Malformed.
    #[error("a {0} is malformed: {1}")]
    Malformed(&'static str, BadName),
}

impl<'a> GeneralName<'a> {
    pub(crate) fn decode(reader: &mut impl Reader<'a>) -> Result<Self, der::Error> {
        let any = AnyRef::decode(reader)?;
        let Tag::ContextSpecific { constructed, number } = any.tag() else {
            return Err(any.tag().value_error().into());
        };
        let value = any.value();
        Ok(match (number.value(), constructed) {
            (1, false) => Self::Email(value),
            (2, false) => Self::Dns(value),
            (6, false) => Self::Uri(value),
            (7, false) => Self::Ip(value),
            (0, true) => Self::Other("otherName"),
            (3, true) => Self::Other("x400Address"),
            (4, true) => Self::Other("directoryName"),
            (5, true) => Self::Other("ediPartyName"),
            (8, false) => Self::Other("registeredID"),
            _ => return Err(any.tag().value_error().into()),
        })
    }
    /// Whether it is a name of letters written exactly so.
    pub(crate) fn is_text(self, text: &str) -> bool {
        matches!(self, Self::Dns(bytes) | Self::Email(bytes) | Self::Uri(bytes) if bytes == text.as_bytes())
    }
    /// The canonical name that it denotes.
    pub(crate) fn subject_name(self) -> Result<SubjectName, NameError> {
        let text = |kind, bytes: &'a [u8]| match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() && text.contains('\0') => Err(NameError::Nul(kind)),
            Ok(text) if text.is_ascii() => Ok(text),
            _ => Err(NameError::NotAscii(kind)),
        };
        let parsed = |kind, name: Result<SubjectName, BadName>| name.map_err(|bad| NameError::Malformed(kind, bad));
        match self {
            Self::Dns(bytes) => parsed("dNSName", SubjectName::dns(text("dNSName", bytes)?)),
            Self::Email(bytes) => parsed("rfc822Name", SubjectName::email(text("rfc822Name", bytes)?)),
            Self::Uri(bytes) => parsed("uniformResourceIdentifier", SubjectName::uri(text("uniformResourceIdentifier", bytes)?)),
            Self::Ip(octets) => ip(octets).map(SubjectName::Ip).ok_or(NameError::Malformed("iPAddress", BadName("it has 4 or 16 octets"))),
            Self::Other(kind) => Err(NameError::Kind(kind)),
        }
    }
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(octets).ok().map(IpAddr::from))
}

/// Reads `GeneralNames ::= SEQUENCE OF GeneralName`; an empty one is for the caller to judge.
pub(crate) fn read_all(der: &[u8]) -> Result<Vec<GeneralName<'_>>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    let names = reader.sequence(|inside| {
        let mut names = Vec::new();
        while !inside.is_finished() {
            names.push(GeneralName::decode(inside)?);
        }
        Ok::<_, der::Error>(names)
    })?;
    reader.finish()?;
    Ok(names)
}

/// Writes `GeneralNames`.
pub(crate) fn write_all(out: &mut DerOut, names: &[SubjectName]) {
    out.nested(SEQUENCE, |out| {
        for name in names {
            match name {
                SubjectName::Email(text) => out.value(context(1), text.as_bytes()),
                SubjectName::Dns(text) => out.value(context(2), text.as_bytes()),
                SubjectName::Uri(text) => out.value(context(6), text.as_bytes()),
                SubjectName::Ip(IpAddr::V4(ip)) => out.value(context(7), &ip.octets()),
                SubjectName::Ip(IpAddr::V6(ip)) => out.value(context(7), &ip.octets()),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_der() {
        let names: Vec<SubjectName> = ["*.a.example", "192.0.2.1", "2001:db8::1", "email:a@b.example", "uri:spiffe://b.example/w"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let der = DerOut::document(0, |out| write_all(out, &names));
        let read: Vec<_> = read_all(&der).unwrap().into_iter().map(|name| name.subject_name().unwrap()).collect();
        assert_eq!(read, names);
    }
}
