//! Whether a token holds: over this digest, by a trusted authority whose certificate was good for it at its own time.

use super::ID_CT_TST_INFO;
use super::info::{Accuracy, Info};
use crate::cms::{Demand, SignedData};
use crate::path::{PathWish, Purpose, find_path};
use crate::problem::Problem;
use crate::{CertificateSummary, hash};
use chancery_domain::signature::Digest;
use chancery_domain::{Timestamp, enforced};
use const_oid::ObjectIdentifier;

/// What a token is to be over.
#[derive(Clone, Copy, Debug)]
pub enum Imprint<'a> {
    /// These bytes, digested as the token says.
    Of(&'a [u8]),
    /// Exactly this digest.
    Digest(&'a Digest),
}

/// What a token must be.
#[derive(Clone, Copy, Debug)]
pub struct TokenWish<'a> {
    /// What it is over.
    pub imprint: Imprint<'a>,
    /// The nonce that was sent, content octets.
    pub nonce: Option<&'a [u8]>,
    /// Roots of timestamping authorities, DER.
    pub roots: &'a [&'a [u8]],
    /// The time of verification: no token is later.
    pub now: Timestamp,
}

/// A token that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampToken {
    /// The time in it.
    pub at: Timestamp,
    /// How exact it is; `None` if it does not say.
    pub accuracy: Option<Accuracy>,
    /// The policy that it was given under.
    pub policy: ObjectIdentifier,
    /// Content octets of its number.
    pub serial: Vec<u8>,
    /// The digest that it is over.
    pub imprint: Digest,
    /// The subject of the authority's certificate in the style of RFC 4514.
    pub subject: String,
    /// The authority's path, DER: its certificate first, the root last.
    pub chain: Vec<Vec<u8>>,
}

/// Verifies a token, the authority's path at the token's own time. Certificates inside that have no part in the path are left aside.
///
/// # Errors
/// Every [`Problem`] of the first layer that does not hold.
pub fn verify_token(token: &[u8], wish: &TokenWish<'_>) -> Result<TimestampToken, Vec<Problem>> {
    let one = |code, message: &str| vec![Problem::new(code, message)];
    let cms = SignedData::from_der(token).map_err(|problem| vec![problem])?;
    let checked = cms.check(&Demand { content_type: ID_CT_TST_INFO, detached: None, certificate_bound: true })?;
    if cms.unsigned_kinds().next().is_some() && enforced!("tsp.unsigned") {
        return Err(one("attributes", "the token has unsigned attributes: anyone could have put them there"));
    }
    let content = cms.content().unwrap_or_default();
    let info = Info::from_der(content).map_err(|error| one("form", &format!("not a TSTInfo in DER: {error}")))?;
    let wanted = match wish.imprint {
        Imprint::Of(bytes) => hash::digest(info.imprint.algorithm(), bytes),
        Imprint::Digest(digest) => digest.clone(),
    };
    if info.imprint != wanted && enforced!("tsp.imprint") {
        return Err(one("imprint", "the token is over something else: its imprint is another digest"));
    }
    let nonce = info.nonce.as_deref();
    if wish.nonce.is_some() && wish.nonce != nonce && enforced!("tsp.nonce") {
        return Err(one("nonce", "the token does not answer this request: its nonce is another"));
    }
    if info.at > wish.now && enforced!("tsp.future") {
        return Err(one("time", &format!("the token's time {} lies after {}", info.at, wish.now)));
    }
    let path = PathWish {
        leaf: checked.certificate,
        pool: cms.certificates(),
        roots: wish.roots,
        at: info.at,
        purposes: &[Purpose::TimeStamping],
    };
    let path = find_path(&path).map_err(|problem| vec![problem])?;
    let subject = CertificateSummary::from_der(checked.certificate).map(|summary| summary.subject).unwrap_or_default();
    Ok(TimestampToken {
        at: info.at,
        accuracy: info.accuracy,
        policy: info.policy,
        serial: info.serial,
        imprint: info.imprint,
        subject,
        chain: path.into_iter().map(<[u8]>::to_vec).collect(),
    })
}
