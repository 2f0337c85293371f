//! Extensions taken apart (RFC 5280 section 4.2): each known one once, in its own type.

use crate::constraints::Constraints;
use crate::name::{self, GeneralName};
use chancery_domain::enforced;
use chancery_domain::key::KeyAlgorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::DB;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_CRL_DISTRIBUTION_POINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_NAME_CONSTRAINTS, ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER, ID_KP_EMAIL_PROTECTION, ID_PE_AUTHORITY_INFO_ACCESS,
};
use der::asn1::{AnyRef, BitStringRef, OctetStringRef};
use der::{Decode, DecodeValue, ErrorKind, FixedTag, Header, Reader, Tag, TagNumber, Tagged};
use x509_cert::ext::pkix::BasicConstraints;

/// The keyUsage bits of an authority: keyCertSign and cRLSign.
pub(crate) const CA_KEY_USAGE: [u8; 4] = [0x03, 0x02, 0x01, 0x06];

/// The keyUsage bits of a leaf with these purposes and this kind of key, as a BIT STRING.
///
/// digitalSignature always; contentCommitment for documents (RFC 9336 section 3); for e-mail what lets others encrypt to it:
/// keyEncipherment with RSA, keyAgreement on the NIST curves (CA/Browser Forum S/MIME Baseline Requirements section 7.1.2.3 e).
pub(crate) fn leaf_key_usage(purposes: &[ObjectIdentifier], algorithm: KeyAlgorithm) -> [u8; 4] {
    const DIGITAL_SIGNATURE: u8 = 0x80;
    const CONTENT_COMMITMENT: u8 = 0x40;
    const KEY_ENCIPHERMENT: u8 = 0x20;
    const KEY_AGREEMENT: u8 = 0x08;
    let mut bits = DIGITAL_SIGNATURE;
    if purposes.contains(&ID_KP_DOCUMENT_SIGNING) {
        bits |= CONTENT_COMMITMENT;
    }
    if purposes.contains(&ID_KP_EMAIL_PROTECTION) {
        bits |= match algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => KEY_ENCIPHERMENT,
            KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => KEY_AGREEMENT,
            KeyAlgorithm::Ed25519 | KeyAlgorithm::MlDsa65 => 0,
        };
    }
    // DER: trailing zero bits of a named list are left out (X.690 section 11.2.2).
    [0x03, 0x02, u8::try_from(bits.trailing_zeros()).unwrap_or(0), bits]
}

/// NULL, the content of id-pkix-ocsp-nocheck.
pub(crate) const NULL_DER: &[u8] = &[0x05, 0x00];
/// Documents (RFC 9336).
pub(crate) const ID_KP_DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
/// Whose revocation need not be asked for (RFC 6960 section 4.2.2.2.1).
pub(crate) const ID_PKIX_OCSP_NOCHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");

/// What an extension is called in RFC 5280, or its number.
pub(crate) fn named(id: ObjectIdentifier) -> String {
    DB.by_oid(&id).map_or_else(|| id.to_string(), |name| name.trim_start_matches("id-ce-").to_owned())
}

/// Most extensions of a certificate: each that is not known is compared with all before it.
pub(crate) const MOST_EXTENSIONS: usize = 64;

/// An extension that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    /// Whether whoever does not understand it must refuse.
    pub(crate) critical: bool,
    /// Its content.
    pub(crate) value: T,
}

/// The extensions of a certificate.
#[derive(Default)]
pub(crate) struct Extensions<'a> {
    pub(crate) basic_constraints: Option<Found<BasicConstraints>>,
    /// The encoded BIT STRING.
    pub(crate) key_usage: Option<Found<&'a [u8]>>,
    pub(crate) extended_key_usage: Option<Found<Vec<ObjectIdentifier>>>,
    pub(crate) alternative_names: Option<Found<Vec<GeneralName<'a>>>>,
    pub(crate) subject_key_identifier: Option<Found<&'a [u8]>>,
    /// `None` inside if it names the authority otherwise than by its key.
    pub(crate) authority_key_identifier: Option<Found<Option<&'a [u8]>>>,
    pub(crate) name_constraints: Option<Found<Constraints>>,
    /// The encoded value.
    pub(crate) crl_distribution_points: Option<Found<&'a [u8]>>,
    /// The encoded value.
    pub(crate) authority_info_access: Option<Found<&'a [u8]>>,
    /// The encoded value.
    pub(crate) ocsp_no_check: Option<Found<&'a [u8]>>,
    /// What is not known here, and whether it is critical.
    pub(crate) unknown: Vec<Found<ObjectIdentifier>>,
}

impl Extensions<'_> {
    /// Whether keyUsage has this bit (0 is digitalSignature, 5 keyCertSign, 6 cRLSign).
    pub(crate) fn allows_usage(&self, bit: usize) -> bool {
        let bits = self.key_usage.as_ref().and_then(|found| BitStringRef::from_der(found.value).ok());
        bits.and_then(|bits| bits.get(bit)).unwrap_or(false)
    }
}

impl FixedTag for Extensions<'_> {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Extensions<'a> {
    type Error = der::Error;
    fn decode_value<R: Reader<'a>>(reader: &mut R, _: Header) -> Result<Self, der::Error> {
        let (mut extensions, mut count) = (Self::default(), 0);
        while !reader.is_finished() {
            count += 1;
            if count > MOST_EXTENSIONS && enforced!("certificate.extensions") {
                return Err(reader.error(ErrorKind::Overlength));
            }
            let extension = RawExtension::decode(reader)?;
            extensions.take(&extension)?;
        }
        Ok(extensions)
    }
}

impl<'a> Extensions<'a> {
    /// Puts an extension in its place; a second one of a kind is refused (RFC 5280 section 4.2).
    fn take(&mut self, extension: &RawExtension<'a>) -> Result<(), der::Error> {
        let RawExtension { id, critical, value } = *extension;
        match id {
            ID_CE_BASIC_CONSTRAINTS => once(&mut self.basic_constraints, critical, BasicConstraints::from_der(value)?),
            ID_CE_KEY_USAGE => once(&mut self.key_usage, critical, value),
            ID_CE_EXT_KEY_USAGE => once(&mut self.extended_key_usage, critical, Vec::from_der(value)?),
            ID_CE_SUBJECT_ALT_NAME => once(&mut self.alternative_names, critical, name::read_all(value)?),
            ID_CE_SUBJECT_KEY_IDENTIFIER => {
                once(&mut self.subject_key_identifier, critical, <&OctetStringRef>::from_der(value)?.as_bytes())
            }
            ID_CE_AUTHORITY_KEY_IDENTIFIER => once(&mut self.authority_key_identifier, critical, authority_key(value)?),
            ID_CE_NAME_CONSTRAINTS => once(&mut self.name_constraints, critical, Constraints::from_der(value)?),
            ID_CE_CRL_DISTRIBUTION_POINTS => once(&mut self.crl_distribution_points, critical, value),
            ID_PE_AUTHORITY_INFO_ACCESS => once(&mut self.authority_info_access, critical, value),
            ID_PKIX_OCSP_NOCHECK => once(&mut self.ocsp_no_check, critical, value),
            _ if self.unknown.iter().any(|known| known.value == id) => Err(Tag::Sequence.non_canonical_error().into()),
            _ => {
                self.unknown.push(Found { critical, value: id });
                Ok(())
            }
        }
    }
}

fn once<T>(place: &mut Option<Found<T>>, critical: bool, value: T) -> Result<(), der::Error> {
    match place.replace(Found { critical, value }) {
        None => Ok(()),
        Some(_) => Err(Tag::Sequence.non_canonical_error().into()),
    }
}

/// keyIdentifier of `AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, ... }`.
pub(crate) fn authority_key(value: &[u8]) -> Result<Option<&[u8]>, der::Error> {
    let key_tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
    let fields = Vec::<AnyRef<'_>>::from_der(value)?;
    Ok(fields.first().filter(|field| field.tag() == key_tag).map(|field| field.value()))
}

/// An extension as it stands in DER.
pub(crate) struct RawExtension<'a> {
    pub(crate) id: ObjectIdentifier,
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl<'a> RawExtension<'a> {
    /// Reads one; a written-out default `critical FALSE` is no DER.
    pub(crate) fn decode(reader: &mut impl Reader<'a>) -> Result<Self, der::Error> {
        reader.sequence(|inside| {
            let id = ObjectIdentifier::decode(inside)?;
            let critical = Option::<bool>::decode(inside)?;
            if critical == Some(false) {
                return Err(Tag::Boolean.non_canonical_error().into());
            }
            Ok(Self { id, critical: critical.is_some(), value: <&OctetStringRef>::decode(inside)?.as_bytes() })
        })
    }
}
