//! A SignedData taken apart, and put together: what is read is written anew and compared, so that no byte can vary unseen.

use super::algorithms::digest_identified;
use super::attributes::{self, Attribute};
use super::{ID_DATA, ID_INDIRECT_DATA, ID_SIGNED_DATA, LARGEST, LARGEST_ENVELOPE};
use crate::certificate::Certificate;
use crate::der_in::Values;
use crate::der_out::{DerOut, INTEGER, OCTET_STRING, SEQUENCE, SET, context_constructed};
use crate::path::MOST_CERTIFICATES;
use crate::problem::Problem;
use chancery_domain::enforced;
use chancery_domain::signature::DigestAlgorithm;
use const_oid::ObjectIdentifier;

const CONTENT: u8 = context_constructed(0);
const CERTIFICATES: u8 = context_constructed(0);
const SIGNED_ATTRIBUTES: u8 = context_constructed(0);
const UNSIGNED_ATTRIBUTES: u8 = context_constructed(1);

/// A SignedData of one signer; nothing in it is verified but its form.
pub struct SignedData<'a> {
    pub(super) parts: Parts<'a>,
    pub(super) digest_algorithm: DigestAlgorithm,
    pub(super) signed: Vec<Attribute<'a>>,
    pub(super) unsigned: Vec<Attribute<'a>>,
}

/// Where the content is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encapsulated<'a> {
    /// Elsewhere.
    Nothing,
    /// In an OCTET STRING.
    Octets(&'a [u8]),
    /// A SEQUENCE as it is (PKCS#7 version 1.5, RFC 2315 section 7): tag and length are not part of what is digested.
    Sequence(&'a [u8]),
}

/// The fields as they are written, one after the other.
#[derive(Clone)]
pub(super) struct Parts<'a> {
    pub(super) version: u8,
    pub(super) digest_identifier: &'a [u8],
    pub(super) content_type: ObjectIdentifier,
    pub(super) content: Encapsulated<'a>,
    pub(super) certificates: Vec<&'a [u8]>,
    /// Encoded `Name` and content octets of the serial number.
    pub(super) signer: (&'a [u8], &'a [u8]),
    /// The content of the SET OF.
    pub(super) signed: &'a [u8],
    pub(super) signature_identifier: &'a [u8],
    pub(super) signature: &'a [u8],
    /// The content of the SET OF; absent if empty.
    pub(super) unsigned: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Reads a `ContentInfo` with SignedData in it and nothing after it.
    ///
    /// # Errors
    /// A [`Problem`] `form` that says what is not as it should be.
    pub fn from_der(der: &'a [u8]) -> Result<Self, Problem> {
        if der.len() > LARGEST {
            return Err(form(format!("longer than {LARGEST} bytes")));
        }
        let parts = Parts::read(der).map_err(|error| form(format!("not a SignedData of one signer in DER: {error}")))?;
        let content = match parts.content {
            Encapsulated::Nothing => 0,
            Encapsulated::Octets(content) | Encapsulated::Sequence(content) => content.len(),
        };
        if der.len() - content > LARGEST_ENVELOPE {
            return Err(form(format!("more than {LARGEST_ENVELOPE} bytes besides the content")));
        }
        // RFC 5652 section 5.1: 3 for another content than data; PKCS#7 knows 1 alone.
        let typed = parts.content_type != ID_DATA && !matches!(parts.content, Encapsulated::Sequence(_));
        if parts.version != if typed { 3 } else { 1 } {
            return Err(form(format!("version {} does not go with its content", parts.version)));
        }
        if parts.to_der() != der {
            return Err(form("not in the one encoding that DER allows"));
        }
        let digest_algorithm = digest_identified(parts.digest_identifier)
            .ok_or_else(|| Problem::new("algorithm", "the digest algorithm is none of SHA-256, SHA-384 and SHA-512"))?;
        let (signed, unsigned) = (attributes::read(parts.signed).map_err(form)?, attributes::read(parts.unsigned).map_err(form)?);
        Ok(Self { parts, digest_algorithm, signed, unsigned })
    }
    /// What kind of content is signed.
    pub const fn content_type(&self) -> ObjectIdentifier {
        self.parts.content_type
    }
    /// The content, if it is attached; of PKCS#7's SEQUENCE what is inside, which is what is digested.
    pub const fn content(&self) -> Option<&'a [u8]> {
        match self.parts.content {
            Encapsulated::Nothing => None,
            Encapsulated::Octets(content) | Encapsulated::Sequence(content) => Some(content),
        }
    }
    /// The digest that the content is signed by.
    pub const fn digest_algorithm(&self) -> DigestAlgorithm {
        self.digest_algorithm
    }
    /// The certificates that came along, DER.
    pub fn certificates(&self) -> &[&'a [u8]] {
        &self.parts.certificates
    }
    /// The signature's octets: what a timestamp is over.
    pub const fn signature(&self) -> &'a [u8] {
        self.parts.signature
    }
    /// The values of an unsigned attribute, DER.
    pub fn unsigned(&self, id: ObjectIdentifier) -> &[&'a [u8]] {
        self.unsigned.iter().find(|attribute| attribute.id == id).map(|attribute| attribute.values.as_slice()).unwrap_or_default()
    }
    /// Which unsigned attributes there are.
    pub fn unsigned_kinds(&self) -> impl Iterator<Item = ObjectIdentifier> + '_ {
        self.unsigned.iter().map(|attribute| attribute.id)
    }
    /// The only value of a signed attribute, DER; `None` without one, or with several.
    pub fn signed(&self, id: ObjectIdentifier) -> Option<&'a [u8]> {
        attributes::value(&self.signed, id).ok().flatten()
    }
    /// The one certificate that the signer names by issuer and serial number.
    pub(super) fn signer(&self) -> Result<&'a [u8], Problem> {
        let (issuer, serial) = self.parts.signer;
        let named = |der: &&&[u8]| {
            Certificate::from_der(der).is_ok_and(|certificate| certificate.tbs.issuer_der == issuer && certificate.tbs.serial == serial)
        };
        let mut found = self.parts.certificates.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(certificate), None) => Ok(certificate),
            _ => Err(Problem::new(
                "certificate",
                "the signer's certificate is not there, or there are two with its issuer and serial number",
            )),
        }
    }
}

fn form(message: impl Into<String>) -> Problem {
    Problem::new("form", message)
}

fn refused() -> der::Error {
    der::Tag::Sequence.value_error().into()
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, der::Error> {
        let mut info = Values::inside(SEQUENCE, der)?;
        if info.read::<ObjectIdentifier>()? != ID_SIGNED_DATA {
            return Err(refused());
        }
        let mut fields = Values::inside(SEQUENCE, info.take(context_constructed(0))?)?;
        info.finish()?;
        let version = fields.read()?;
        let digest_identifier = fields.take(SET)?;
        let mut encapsulated = Values::of(fields.take(SEQUENCE)?)?;
        let content_type = encapsulated.read()?;
        let content = encapsulated.take_if(CONTENT)?.map(|wrapped| Self::content(content_type, wrapped)).transpose()?;
        encapsulated.finish()?;
        let mut bag = Values::of(fields.take_if(CERTIFICATES)?.unwrap_or_default())?;
        let mut certificates = Vec::new();
        while !bag.is_finished() && certificates.len() <= MOST_CERTIFICATES {
            certificates.push(bag.whole_of(SEQUENCE)?);
        }
        bag.finish()?;
        let mut info = Values::inside(SEQUENCE, fields.take(SET)?)?;
        fields.finish()?;
        if info.read::<u8>()? != 1 {
            return Err(refused());
        }
        let mut name = Values::of(info.take(SEQUENCE)?)?;
        let signer = (name.whole_of(SEQUENCE)?, name.take(INTEGER)?);
        name.finish()?;
        if info.whole()? != digest_identifier {
            return Err(refused());
        }
        let signed = info.take(SIGNED_ATTRIBUTES)?;
        let signature_identifier = info.whole_of(SEQUENCE)?;
        let signature = info.take(OCTET_STRING)?;
        let unsigned = info.take_if(UNSIGNED_ATTRIBUTES)?.unwrap_or_default();
        info.finish()?;
        Ok(Self {
            version,
            digest_identifier,
            content_type,
            content: content.unwrap_or(Encapsulated::Nothing),
            certificates,
            signer,
            signed,
            signature_identifier,
            signature,
            unsigned,
        })
    }

    /// Each kind of content in its one form: Authenticode's as PKCS#7 has it, all others in an OCTET STRING.
    fn content(content_type: ObjectIdentifier, wrapped: &'a [u8]) -> Result<Encapsulated<'a>, der::Error> {
        let mut inside = Values::of(wrapped)?;
        let as_sequence = if enforced!("cms.form") { content_type == ID_INDIRECT_DATA } else { inside.tag() == Some(SEQUENCE) };
        let content = match as_sequence {
            false => Encapsulated::Octets(inside.take(OCTET_STRING)?),
            true => Encapsulated::Sequence(inside.take(SEQUENCE)?),
        };
        inside.finish()?;
        Ok(content)
    }

    /// The encoded `ContentInfo`.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let certificates: usize = self.certificates.iter().map(|der| der.len()).sum();
        DerOut::document(2048 + certificates, |out| {
            out.nested(SEQUENCE, |out| {
                out.oid(ID_SIGNED_DATA);
                out.nested(context_constructed(0), |out| out.nested(SEQUENCE, |out| self.write(out)));
            });
        })
    }

    fn write(&self, out: &mut DerOut) {
        out.unsigned(self.version.into());
        out.value(SET, self.digest_identifier);
        out.nested(SEQUENCE, |out| {
            out.oid(self.content_type);
            match self.content {
                Encapsulated::Nothing => {}
                Encapsulated::Octets(content) => out.nested(CONTENT, |out| out.value(OCTET_STRING, content)),
                Encapsulated::Sequence(content) => out.nested(CONTENT, |out| out.value(SEQUENCE, content)),
            }
        });
        if !self.certificates.is_empty() {
            out.nested(CERTIFICATES, |out| self.certificates.iter().for_each(|der| out.raw(der)));
        }
        out.nested(SET, |out| {
            out.nested(SEQUENCE, |out| {
                out.unsigned(1);
                out.nested(SEQUENCE, |out| {
                    out.raw(self.signer.0);
                    out.value(INTEGER, self.signer.1);
                });
                out.raw(self.digest_identifier);
                out.value(SIGNED_ATTRIBUTES, self.signed);
                out.raw(self.signature_identifier);
                out.value(OCTET_STRING, self.signature);
                if !self.unsigned.is_empty() {
                    out.value(UNSIGNED_ATTRIBUTES, self.unsigned);
                }
            });
        });
    }
}
