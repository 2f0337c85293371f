//! Verifying: strictly, with nothing but the trusted keys and roots (THREATS 22).

use super::algorithm;
use super::header::Header;
use crate::base64url;
use crate::signer;
use crate::{Problem, Trust, Verified};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::signature::DigestAlgorithm;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::Purpose;
use chancery_x509::hash;

/// Longest JWS that is read, in bytes. A detached payload may have any length.
pub const LONGEST: usize = 32 * 1024 * 1024;

/// A JWS that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedJws {
    /// Who signed, and what.
    pub signature: Verified,
    /// What was signed.
    pub payload: Vec<u8>,
    /// `typ` of the header.
    pub typ: Option<String>,
    /// `cty` of the header.
    pub cty: Option<String>,
}

/// Verifies a JWS, and its payload where that is detached. With `x5c` the signer's certificate must lead to a trusted root and be good
/// for one of the purposes; without it, one of the trusted keys must have signed.
///
/// # Errors
/// Everything that is wrong with it, as far as one fault does not hide the other.
pub fn verify(
    jws: &[u8],
    detached: Option<&[u8]>,
    trust: &Trust,
    purposes: &[Purpose],
    at: Timestamp,
) -> Result<VerifiedJws, Vec<Problem>> {
    let parts = Parts::of(jws).map_err(|problem| vec![problem])?;
    let header = Header::read(parts.header).map_err(|problem| vec![problem])?;
    let payload = payload(&header, parts.payload, detached).map_err(|problem| vec![problem])?;
    let signing_input = signing_input(&header, &parts, &payload);
    let signature =
        base64url::decode(parts.signature).and_then(|bytes| algorithm::from_jose(header.algorithm, &bytes)).ok_or_else(|| {
            let kind = algorithm::name(header.algorithm);
            vec![Problem::new("jws-signature", format!("the third part is no {kind} signature in base64url"))]
        })?;
    let judged = signer::Judged { trust, purposes, at, digest: hash::digest(DigestAlgorithm::Sha256, &payload) };
    let message = signer::Message { algorithm: header.algorithm, content: signer::Content::Whole(&signing_input), signature: &signature };
    let verified = match header.certificates.split_first() {
        Some((certificate, others)) => {
            thumbprint(&header, certificate).map_err(|problem| vec![problem])?;
            signer::with_certificate(&message, certificate, others, &judged)?
        }
        None if header.thumbprint.is_some() && enforced!("jws.thumbprint-alone") => {
            let message = "the header names a certificate by its thumbprint but has none: it cannot be looked for";
            return Err(vec![Problem::new("jws-key", message)]);
        }
        None => signer::with_trusted_key(&message, &judged)?,
    };
    Ok(VerifiedJws { signature: verified, payload, typ: header.typ, cty: header.cty })
}

/// The three parts, still encoded.
struct Parts<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(jws: &'a [u8]) -> Result<Self, Problem> {
        if jws.len() > LONGEST && enforced!("jws.length") {
            return Err(Problem::new("jws-form", format!("{} bytes are too many, {LONGEST} are the most", jws.len())));
        }
        let mut parts = jws.split(|byte| *byte == b'.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None) => Ok(Self { header, payload, signature }),
            _ => Err(Problem::new("jws-form", "not three parts with full stops between them: only the compact form of JWS is read")),
        }
    }
}

/// The payload as it is signed for.
fn payload(header: &Header, part: &[u8], detached: Option<&[u8]>) -> Result<Vec<u8>, Problem> {
    match detached {
        Some(_) if !part.is_empty() => Err(Problem::new(
            "jws-payload",
            "it carries its payload, and another one was given: give none, and read the one that it carries",
        )),
        Some(detached) => Ok(detached.to_vec()),
        // RFC 7797 section 5.2: what may stand between two full stops, and means the same everywhere.
        None if header.unencoded => match part.iter().all(|byte| (0x20..=0x7e).contains(byte)) {
            true => Ok(part.to_vec()),
            false => Err(Problem::new("jws-payload", "the payload that it carries unencoded is not printable ASCII")),
        },
        None => base64url::decode(part).ok_or_else(|| Problem::new("jws-payload", "the second part is not base64url without padding")),
    }
}

/// RFC 7515 section 5.2 step 8, RFC 7797 section 3.
fn signing_input(header: &Header, parts: &Parts<'_>, payload: &[u8]) -> Vec<u8> {
    let mut input = [parts.header, b"."].concat();
    match header.unencoded {
        true => input.extend_from_slice(payload),
        false => input.extend_from_slice(base64url::encode(payload).as_bytes()),
    }
    input
}

fn thumbprint(header: &Header, certificate: &[u8]) -> Result<(), Problem> {
    let found = digest(&SHA256, certificate);
    let other = header.thumbprint.as_ref().is_some_and(|thumbprint| thumbprint != found.as_ref());
    if other && enforced!("jws.thumbprint") {
        return Err(Problem::new("jws-key", "\"x5t#S256\" is not the thumbprint of the first certificate in \"x5c\""));
    }
    Ok(())
}
