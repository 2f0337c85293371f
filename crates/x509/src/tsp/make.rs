//! From a request over the exact bytes to be signed to a token.

use super::info::{Accuracy, Info};
use super::{ID_CT_TST_INFO, TimestampRequest};
use crate::cms::{CmsPlan, Content, PreparedCms};
use crate::problem::Problem;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_domain::{Serial, Timestamp};
use const_oid::ObjectIdentifier;

/// What a token is to say.
#[derive(Clone, Copy, Debug)]
pub struct TokenPlan<'a> {
    /// What was asked for.
    pub request: &'a TimestampRequest,
    /// The authority's certificates, DER: its own first.
    pub chain: &'a [Vec<u8>],
    /// The kind of signature.
    pub algorithm: SignatureAlgorithm,
    /// The authority's policy; that of the request, if it names one, is for the caller to compare.
    pub policy: ObjectIdentifier,
    /// A number that the authority never uses again: random bits.
    pub serial: Serial,
    /// The time, of which whole seconds are written.
    pub at: Timestamp,
    /// How exact it is: at least a second, for fractions are cut off.
    pub accuracy: Accuracy,
}

/// A token that lacks its signature.
pub struct PreparedToken(PreparedCms);

impl TokenPlan<'_> {
    /// Writes what is to be signed.
    ///
    /// # Errors
    /// A [`Problem`]: `accuracy`, `certificate` or `algorithm` if what was given cannot be.
    pub fn prepare(&self) -> Result<PreparedToken, Problem> {
        if self.accuracy.seconds == 0 || self.accuracy.millis > 999 {
            return Err(Problem::new("accuracy", "the time has whole seconds: it is not more exact than one second"));
        }
        let info = Info {
            policy: self.policy,
            imprint: self.request.imprint.clone(),
            serial: self.serial.der_octets(),
            at: self.at.whole_second(),
            accuracy: Some(self.accuracy),
            nonce: self.request.nonce.clone(),
        };
        let info = info.to_der();
        let plan = CmsPlan {
            chain: self.chain,
            with_chain: self.request.certificates,
            algorithm: self.algorithm,
            content_type: ID_CT_TST_INFO,
            content: Content::Attached(&info),
            signing_time: Some(self.at),
            attributes: &[],
        };
        plan.prepare().map(PreparedToken)
    }
}

impl PreparedToken {
    /// The exact message to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        self.0.to_be_signed()
    }
    /// The token, DER of its `ContentInfo`.
    ///
    /// # Errors
    /// A [`Problem`] `signature` if it was not made over [`Self::to_be_signed`] with the authority's key.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Problem> {
        self.0.finish(signature)
    }
}
