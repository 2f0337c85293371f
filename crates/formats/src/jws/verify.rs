//! Verifying: strictly, with nothing but the trusted keys and roots (THREATS 22).

use super::algorithm;
use super::header::Header;
use super::parts::{Parts, Signed};
use crate::base64url;
use crate::signer;
use crate::{Problem, Trust, Verified};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::signature::DigestAlgorithm;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::Purpose;
use chancery_x509::hash;

/// A JWS that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedJws {
    /// Who signed first, and what.
    pub signature: Verified,
    /// Who signed besides: each signature holds.
    pub others: Vec<Verified>,
    /// What was signed.
    pub payload: Vec<u8>,
    /// `typ` of the header.
    pub typ: Option<String>,
    /// `cty` of the header.
    pub cty: Option<String>,
}

/// Verifies a JWS, and its payload where that is detached. With `x5c` the signer's certificate must lead to a trusted root and be good
/// for one of the purposes; without it, one of the trusted keys must have signed. Of several signatures each must hold.
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
    let mut verified: Option<VerifiedJws> = None;
    let mut unencoded = None;
    for signed in &parts.signatures {
        let header = Header::read(&signed.header).map_err(|problem| vec![problem])?;
        // RFC 7797 section 3: one payload is signed in one way.
        if unencoded.is_some_and(|before| before != header.unencoded) && enforced!("jws.b64-alike") {
            return Err(vec![Problem::new("jws-header", "the headers do not agree on \"b64\"")]);
        }
        unencoded = Some(header.unencoded);
        let payload = payload(&header, &parts.payload, detached).map_err(|problem| vec![problem])?;
        let signature = one(&header, signed, &payload, trust, purposes, at)?;
        match &mut verified {
            Some(first) => first.others.push(signature),
            None => verified = Some(VerifiedJws { signature, others: Vec::new(), payload, typ: header.typ, cty: header.cty }),
        }
    }
    verified.ok_or_else(|| vec![Problem::new("jws-form", "nobody signed it")])
}

/// One signature.
fn one(
    header: &Header,
    signed: &Signed,
    payload: &[u8],
    trust: &Trust,
    purposes: &[Purpose],
    at: Timestamp,
) -> Result<Verified, Vec<Problem>> {
    let signing_input = signing_input(header, signed, payload);
    let signature =
        base64url::decode(&signed.signature).and_then(|bytes| algorithm::from_jose(header.algorithm, &bytes)).ok_or_else(|| {
            let kind = algorithm::name(header.algorithm);
            vec![Problem::new("jws-signature", format!("a signature is no {kind} signature in base64url"))]
        })?;
    let judged = signer::Judged { trust, purposes, at, digest: hash::digest(DigestAlgorithm::Sha256, payload) };
    let message = signer::Message { algorithm: header.algorithm, content: signer::Content::Whole(&signing_input), signature: &signature };
    match header.certificates.split_first() {
        Some((certificate, others)) => {
            thumbprint(header, certificate).map_err(|problem| vec![problem])?;
            signer::with_certificate(&message, certificate, others, &judged)
        }
        None if header.thumbprint.is_some() && enforced!("jws.thumbprint-alone") => {
            let message = "the header names a certificate by its thumbprint but has none: it cannot be looked for";
            Err(vec![Problem::new("jws-key", message)])
        }
        None => signer::with_trusted_key(&message, &judged),
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
        None => base64url::decode(part).ok_or_else(|| Problem::new("jws-payload", "the payload is not base64url without padding")),
    }
}

/// RFC 7515 section 5.2 step 8, RFC 7797 section 3.
fn signing_input(header: &Header, signed: &Signed, payload: &[u8]) -> Vec<u8> {
    let mut input = [signed.header.as_slice(), b"."].concat();
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
