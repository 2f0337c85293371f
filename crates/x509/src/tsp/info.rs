//! `TSTInfo` (RFC 3161 section 2.4.2): what a timestamp says.

use crate::cms::{digest_identified, digest_identifier};
use crate::der_in::Values;
use crate::der_out::{BOOLEAN, DerOut, GENERALIZED_TIME, INTEGER, OCTET_STRING, SEQUENCE, context, context_constructed};
use crate::time;
use chancery_domain::Timestamp;
use chancery_domain::signature::Digest;
use const_oid::ObjectIdentifier;
use der::Decode;
use der::asn1::IntRef;

/// Longest nonce and serial number, in octets.
const LONGEST_NUMBER: usize = 64;

/// How exact a time is: the real one lies no further from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Accuracy {
    /// Whole seconds.
    pub seconds: u32,
    /// Milliseconds besides, below 1000.
    pub millis: u16,
}

pub(super) struct Info {
    pub(super) policy: ObjectIdentifier,
    pub(super) imprint: Digest,
    pub(super) serial: Vec<u8>,
    pub(super) at: Timestamp,
    pub(super) accuracy: Option<Accuracy>,
    pub(super) nonce: Option<Vec<u8>>,
}

impl Info {
    pub(super) fn to_der(&self) -> Vec<u8> {
        DerOut::document(160, |out| {
            out.nested(SEQUENCE, |out| {
                out.unsigned(1);
                out.oid(self.policy);
                write_imprint(out, &self.imprint);
                out.value(INTEGER, &self.serial);
                time::write_generalized(out, self.at);
                if let Some(accuracy) = self.accuracy {
                    accuracy.write(out);
                }
                if let Some(nonce) = &self.nonce {
                    out.value(INTEGER, nonce);
                }
            });
        })
    }

    pub(super) fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let mut fields = Values::inside(SEQUENCE, der)?;
        if fields.read::<u8>()? != 1 {
            return Err(refused());
        }
        let policy = fields.read()?;
        let imprint = imprint(&mut fields)?.ok_or_else(refused)?;
        let serial = number(fields.whole_of(INTEGER)?)?;
        let at = time::read_generalized(fields.take(GENERALIZED_TIME)?).ok_or_else(refused)?;
        let accuracy = fields.take_if(SEQUENCE)?.map(Accuracy::read).transpose()?;
        if fields.take_if(BOOLEAN)?.is_some_and(|ordering| ordering != [0xff]) {
            return Err(refused());
        }
        let nonce = nonce(&mut fields)?;
        // The authority's name, which its certificate says better.
        fields.take_if(context_constructed(0))?;
        fields.finish()?;
        Ok(Self { policy, imprint, serial, at, accuracy, nonce })
    }
}

impl Accuracy {
    fn write(self, out: &mut DerOut) {
        out.nested(SEQUENCE, |out| {
            if self.seconds > 0 {
                out.unsigned(self.seconds.into());
            }
            if self.millis > 0 {
                let number = DerOut::document(4, |out| out.unsigned(self.millis.into()));
                out.value(context(0), number.get(2..).unwrap_or_default());
            }
        });
    }
    fn read(content: &[u8]) -> Result<Self, der::Error> {
        let mut fields = Values::of(content)?;
        let seconds = if fields.tag() == Some(INTEGER) { fields.read()? } else { 0 };
        let part = |content: Option<&[u8]>| match content {
            None => Ok(0),
            Some([number]) if *number < 0x80 => Ok(u16::from(*number)),
            Some([high, low]) if *high < 0x80 => Ok(u16::from(*high) << 8 | u16::from(*low)),
            Some(_) => Err(refused()),
        };
        let (millis, micros) = (part(fields.take_if(context(0))?)?, part(fields.take_if(context(1))?)?);
        fields.finish()?;
        if millis > 999 || micros > 999 {
            return Err(refused());
        }
        // Rounded up: it is not more exact than it says.
        Ok(Self { seconds, millis: millis + u16::from(micros > 0) })
    }
}

fn refused() -> der::Error {
    der::Tag::Sequence.value_error().into()
}

/// `MessageImprint ::= SEQUENCE { hashAlgorithm, hashedMessage }`; `None` for a hash that is not believed.
pub(super) fn imprint(fields: &mut Values<'_>) -> Result<Option<Digest>, der::Error> {
    let mut inside = Values::of(fields.take(SEQUENCE)?)?;
    let algorithm = digest_identified(inside.whole_of(SEQUENCE)?);
    let bytes = inside.take(OCTET_STRING)?;
    inside.finish()?;
    algorithm.map(|algorithm| Digest::new(algorithm, bytes).map_err(|_| refused())).transpose()
}

pub(super) fn write_imprint(out: &mut DerOut, imprint: &Digest) {
    out.nested(SEQUENCE, |out| {
        out.raw(digest_identifier(imprint.algorithm()));
        out.value(OCTET_STRING, imprint.as_bytes());
    });
}

/// The content octets of the nonce, if there is one.
pub(super) fn nonce(fields: &mut Values<'_>) -> Result<Option<Vec<u8>>, der::Error> {
    if fields.tag() == Some(INTEGER) { number(fields.whole()?).map(Some) } else { Ok(None) }
}

fn number(whole: &[u8]) -> Result<Vec<u8>, der::Error> {
    IntRef::from_der(whole)?;
    let content = Values::of(whole)?.take(INTEGER)?;
    if content.len() <= LONGEST_NUMBER { Ok(content.to_vec()) } else { Err(refused()) }
}
