//! Timestamps (RFC 3161): given by signers whose certificate is for nothing else, on request and into signatures of others.
//!
//! A timestamp is a signature like every other: decided, prepared, signed and recorded on the one way to them all.

use crate::failure::{Stop, deciding_anew};
use crate::realm::Realm;
use crate::sign::{Content, Document, SignRequest};
use crate::signatures;
use crate::signing_key::{Signed, TokenWish};
use crate::view::Signature;
use crate::{Caller, Chancery, Failure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::action::SignatureCreate;
use chancery_domain::decision::Reason;
use chancery_domain::signature::{DigestAlgorithm, Format};
use chancery_domain::signing::{SignerName, SigningProfile};
use chancery_domain::{SignatureId, Timestamp, enforced};
use chancery_formats::timestamp;
use chancery_store::Page;
use chancery_x509::tsp::{self, Failure as Rejection, TimestampRequest, granted, rejected};

impl Chancery {
    /// Answers a `TimeStampReq` with a `TimeStampResp`, both DER. What RFC 3161 has a reason for is rejected inside the response.
    pub async fn timestamp(&self, caller: &Caller, signer: &SignerName, query: &[u8]) -> Result<Vec<u8>, Failure> {
        deciding_anew!(self, caller => self.try_timestamp(&caller, signer, query))
    }

    async fn try_timestamp(&self, caller: &Caller, name: &SignerName, query: &[u8]) -> Result<Vec<u8>, Stop> {
        let realm = &caller.realm;
        let (permit, signer) = self.permit_on::<SignatureCreate, _>(caller, realm.signer(name).await?).await?;
        if let Some(done) = caller.done_before().await? {
            let row = realm.view.signature(SignatureId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok(granted(&token(&signatures::read(realm, &row).await?)?));
        }
        let query = match TimestampRequest::from_der(query) {
            Ok(query) => query,
            Err(rejection) => return Ok(rejected(rejection, "this is no TimeStampReq that is answered here (RFC 3161 section 2.4.1)")),
        };
        if let Some(terms) = &signer.profile.timestamp {
            let other = query.policy.is_some() && query.policy != tsp::policy(&terms.policy);
            if other && enforced!("timestamp.policy") {
                return Ok(rejected(Rejection::UnacceptedPolicy, &format!("timestamps are given here under {}", terms.policy)));
            }
        }
        let content = Content::Digest(query.imprint.clone(), None);
        let request = SignRequest { documents: vec![Document { name: None, content }], ..SignRequest::of(Format::Timestamp) };
        let wish = TokenWish { nonce: query.nonce, certificates: query.certificates };
        match self.sign_permitted(&permit, &signer, &request, &wish).await {
            Ok((signature, _)) => Ok(granted(&token(&signature)?)),
            Err(Stop::Failure(Failure::TimeNotAvailable)) => Ok(rejected(Rejection::TimeNotAvailable, "the clock is not to be trusted")),
            Err(Stop::Failure(Failure::Refused(reasons))) if reasons.iter().all(|reason| reason.code == "digest") => {
                Ok(rejected(Rejection::BadAlgorithm, "this kind of digest is not allowed by the authority's profile"))
            }
            Err(stop) => Err(stop),
        }
    }

    /// The time for timestamps, if the clock is to be trusted with them.
    pub(crate) async fn trusted_time(&self, realm: &Realm) -> Result<Timestamp, Failure> {
        let newest = realm.view.signatures(Page { before: None, limit: 1 }).await?.first().map(|row| row.created_at);
        self.inner.watch.time(&*self.ports().clock, newest).ok_or_else(|| {
            tracing::error!("the clock jumped or is behind what was signed: no timestamps are given until it is right");
            Failure::TimeNotAvailable
        })
    }

    /// Puts into each signature a timestamp of the signer that the profile names. Its timestamps are an act of its own, recorded first:
    /// a crash here leaves timestamps of signatures that nobody has.
    pub(crate) async fn put_timestamps(
        &self,
        caller: &Caller,
        profile: &SigningProfile,
        format: Format,
        signed: &mut [Signed],
    ) -> Result<SignatureId, Failure> {
        let by = profile.timestamp_by.as_ref().ok_or_else(|| Failure::internal("a timestamp was approved that nobody gives"))?;
        let document = |signed: &Signed| {
            let digest = timestamp::imprint(format, &signed.signature, DigestAlgorithm::Sha256).map_err(Failure::internal)?;
            Ok(Document { name: None, content: Content::Digest(digest, None) })
        };
        let documents = signed.iter().map(document).collect::<Result<_, Failure>>()?;
        let request = SignRequest { documents, ..SignRequest::of(Format::Timestamp) };
        // Boxed, for it is the same way once more.
        let given = Box::pin(self.sign(&caller.clone().once(None), by, &request)).await;
        let (given, _) = given.map_err(|failure| told_of(by, failure))?;
        for (signed, token) in signed.iter_mut().zip(&given.documents) {
            let token = STANDARD.decode(&token.signature).map_err(Failure::internal)?;
            signed.signature = timestamp::put(format, &signed.signature, &token).map_err(Failure::internal)?;
        }
        Ok(given.id)
    }
}

/// The token of a signature in this form.
fn token(signature: &Signature) -> Result<Vec<u8>, Failure> {
    let document = signature.documents.first().ok_or_else(|| Failure::internal("a timestamp is missing"))?;
    STANDARD.decode(&document.signature).map_err(Failure::internal)
}

/// Why the authority gave no timestamp, as the signer's requester is told.
fn told_of(authority: &SignerName, failure: Failure) -> Failure {
    let told = |reason: Reason| Reason {
        code: "timestamp-refused".to_owned(),
        field: "timestamp".to_owned(),
        message: format!("{authority}, which gives the timestamp: {}", reason.message),
    };
    match failure {
        Failure::Refused(reasons) => Failure::Refused(reasons.into_iter().map(told).collect()),
        failure => failure,
    }
}
