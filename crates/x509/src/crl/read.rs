//! A `TBSCertList` taken apart (RFC 5280 section 5.1.2), as strictly as lists made here allow.

use super::CrlEntry;
use crate::extension::{RawExtension, authority_key};
use crate::name::GeneralName;
use chancery_domain::Serial;
use chancery_domain::certificate::RevocationReason;
use const_oid::db::rfc5280::{ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_CRL_NUMBER, ID_CE_CRL_REASONS, ID_CE_ISSUING_DISTRIBUTION_POINT};
use der::asn1::{AnyRef, ContextSpecific, IntRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::time::Time;

/// What is signed of a list.
pub(crate) struct Tbs<'a> {
    pub(crate) algorithm_der: &'a [u8],
    pub(crate) issuer_der: &'a [u8],
    pub(crate) this_update: Time,
    pub(crate) next_update: Time,
    pub(crate) entries: Vec<CrlEntry>,
    pub(crate) authority_key_identifier: Option<&'a [u8]>,
    pub(crate) number: u64,
    pub(crate) distribution_point_url: Option<String>,
}

impl<'a> Tbs<'a> {
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let tbs = reader.sequence(|inside| {
            if u8::decode(inside)? != 1 {
                return Err(Tag::Integer.value_error().into());
            }
            let mut tbs = Self {
                algorithm_der: inside.tlv_bytes()?,
                issuer_der: inside.tlv_bytes()?,
                this_update: Time::decode(inside)?,
                next_update: Time::decode(inside)?,
                entries: Vec::new(),
                authority_key_identifier: None,
                number: 0,
                distribution_point_url: None,
            };
            if Tag::peek(inside)? == Tag::Sequence {
                inside.sequence(|list| {
                    while !list.is_finished() {
                        tbs.entries.push(entry(list)?);
                    }
                    if tbs.entries.is_empty() { Err(Tag::Sequence.length_error().into()) } else { Ok::<_, der::Error>(()) }
                })?;
            }
            let extensions = ContextSpecific::<AnyRef<'a>>::decode_explicit(inside, TagNumber(0))?;
            tbs.read_extensions(extensions.ok_or_else(|| Tag::Sequence.value_error())?.value)?;
            Ok::<_, der::Error>(tbs)
        })?;
        reader.finish()?;
        Ok(tbs)
    }

    /// Each at most once, the number there, and nothing that is not understood: an unknown scope would hide revocations.
    fn read_extensions(&mut self, extensions: AnyRef<'a>) -> Result<(), der::Error> {
        extensions.tag().assert_eq(Tag::Sequence)?;
        let mut reader = SliceReader::new(extensions.value())?;
        let mut seen = Vec::new();
        while !reader.is_finished() {
            let RawExtension { id, critical, value } = RawExtension::decode(&mut reader)?;
            if seen.contains(&id) {
                return Err(Tag::Sequence.non_canonical_error().into());
            }
            seen.push(id);
            match (id, critical) {
                (ID_CE_AUTHORITY_KEY_IDENTIFIER, false) => self.authority_key_identifier = authority_key(value)?,
                (ID_CE_CRL_NUMBER, false) => self.number = u64::from_der(value)?,
                (ID_CE_ISSUING_DISTRIBUTION_POINT, true) => self.distribution_point_url = Some(user_certificates_of(value)?),
                _ => return Err(Tag::ObjectIdentifier.value_error().into()),
            }
        }
        if seen.contains(&ID_CE_CRL_NUMBER) { Ok(()) } else { Err(Tag::Integer.value_error().into()) }
    }
}

fn entry<'a>(reader: &mut impl Reader<'a>) -> Result<CrlEntry, der::Error> {
    reader.sequence(|inside| {
        let serial = serial(IntRef::decode(inside)?)?;
        let revoked_at = crate::time::from_x509(Time::decode(inside)?);
        let mut reason = RevocationReason::Unspecified;
        if !inside.is_finished() {
            reason = inside.sequence(|extensions| {
                let extension = RawExtension::decode(extensions)?;
                let [0x0a, 1, code] = extension.value else { return Err(Tag::Enumerated.value_error().into()) };
                let known = RevocationReason::from_code(i64::from(*code)).filter(|_| extension.id == ID_CE_CRL_REASONS);
                known.ok_or_else(|| der::Error::from(Tag::Enumerated.value_error()))
            })?;
        }
        Ok(CrlEntry { serial, revoked_at, reason })
    })
}

fn serial(number: IntRef<'_>) -> Result<Serial, der::Error> {
    Serial::from_der_octets(number.as_bytes()).map_err(|_| Tag::Integer.value_error().into())
}

/// `IssuingDistributionPoint` with one URL and onlyContainsUserCerts, nothing else (RFC 5280 section 5.2.5).
fn user_certificates_of(value: &[u8]) -> Result<String, der::Error> {
    let refused = || der::Error::from(Tag::Sequence.value_error());
    let fields = Vec::<AnyRef<'_>>::from_der(value)?;
    let [point, users] = fields.as_slice() else { return Err(refused()) };
    let constructed = |number| Tag::ContextSpecific { constructed: true, number: TagNumber(number) };
    let only_users = users.tag() == Tag::ContextSpecific { constructed: false, number: TagNumber(1) } && users.value() == [0xff];
    let full_name = AnyRef::from_der(point.value())?;
    if !only_users || point.tag() != constructed(0) || full_name.tag() != constructed(0) {
        return Err(refused());
    }
    let mut names = SliceReader::new(full_name.value())?;
    let name = GeneralName::decode(&mut names)?;
    names.finish()?;
    let GeneralName::Uri(url) = name else { return Err(refused()) };
    String::from_utf8(url.to_vec()).map_err(|_| refused())
}
