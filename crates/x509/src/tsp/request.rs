//! `TimeStampReq` (RFC 3161 section 2.4.1).

use super::response::Failure;
use super::{LARGEST_REQUEST, info};
use crate::der_in::Values;
use crate::der_out::{BOOLEAN, DerOut, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use chancery_domain::enforced;
use chancery_domain::signature::Digest;
use const_oid::ObjectIdentifier;

/// A request for a timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampRequest {
    /// The digest of what is to be stamped.
    pub imprint: Digest,
    /// The policy that is asked for, if any.
    pub policy: Option<ObjectIdentifier>,
    /// Content octets of an INTEGER that is to come back.
    pub nonce: Option<Vec<u8>>,
    /// Whether the token is to hold the authority's certificates.
    pub certificates: bool,
}

impl TimestampRequest {
    /// Reads a request with nothing after it.
    ///
    /// # Errors
    /// What to answer ([`super::rejected`]).
    pub fn from_der(der: &[u8]) -> Result<Self, Failure> {
        if der.len() > LARGEST_REQUEST && enforced!("tsp.request-length") {
            return Err(Failure::BadRequest);
        }
        let mut fields = Values::inside(SEQUENCE, der).map_err(|_| Failure::BadDataFormat)?;
        if fields.read::<u8>() != Ok(1) {
            return Err(Failure::BadRequest);
        }
        let imprint = info::imprint(&mut fields).map_err(|_| Failure::BadDataFormat)?.ok_or(Failure::BadAlgorithm)?;
        let mut read = || -> Result<Self, der::Error> {
            let policy = if fields.tag() == Some(OBJECT_IDENTIFIER) { Some(fields.read()?) } else { None };
            let nonce = info::nonce(&mut fields)?;
            // FALSE is the default, which DER does not write.
            let certificates = fields.take_if(BOOLEAN)?;
            if certificates.is_some_and(|content| content != [0xff]) {
                return Err(der::Tag::Boolean.non_canonical_error().into());
            }
            Ok(Self { imprint: imprint.clone(), policy, nonce, certificates: certificates.is_some() })
        };
        let request = read().map_err(|_| Failure::BadDataFormat)?;
        // What is left is extensions, of which none is known.
        if fields.is_finished() { Ok(request) } else { Err(Failure::UnacceptedExtension) }
    }
    /// The encoded request.
    pub fn to_der(&self) -> Vec<u8> {
        DerOut::document(128, |out| {
            out.nested(SEQUENCE, |out| {
                out.unsigned(1);
                info::write_imprint(out, &self.imprint);
                if let Some(policy) = self.policy {
                    out.oid(policy);
                }
                if let Some(nonce) = &self.nonce {
                    out.value(INTEGER, nonce);
                }
                if self.certificates {
                    out.yes(BOOLEAN);
                }
            });
        })
    }
}
