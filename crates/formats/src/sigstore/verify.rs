//! Verifying: the signature over the very file that is at hand, by a trusted signer, at a time that is witnessed if there is a timestamp.

use super::bundle::{self, Bundle, Material};
use crate::dsse::envelope::Envelope;
use crate::in_toto::{PAYLOAD_TYPE, Statement};
use crate::signer::{self, Judged, Message};
use crate::{Problem, Trust, Verified, signed_data};
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Timestamp, enforced};
use chancery_x509::{CertificateSummary, PublicKey, Purpose, hash, tsp};

/// The file at hand.
#[derive(Clone, Copy, Debug)]
pub enum Artifact<'a> {
    /// All of it.
    Bytes(&'a [u8]),
    /// Its digest, of the kind that the bundle has.
    Digest(&'a Digest),
}

/// By what a bundle is judged.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Whom to trust.
    pub trust: &'a Trust,
    /// Certificates between signers and a root, from wherever; believed in nothing. DER.
    pub certificates: &'a [Vec<u8>],
    /// What the signer's certificate is to be good for: any of these.
    pub purposes: &'a [Purpose],
    /// When, if no timestamp says so.
    pub at: Timestamp,
}

/// A bundle that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedBundle {
    /// Who signed, and when.
    pub signature: Verified,
    /// What was signed.
    pub content: Content,
}

/// What was signed.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The file at hand.
    Message,
    /// A statement about files, the one at hand among them if there is one.
    Statement(Statement),
}

/// Verifies a bundle, and that it is about the file at hand. A bundle over a file cannot be verified without it; a statement can.
///
/// # Errors
/// Everything that is wrong with it.
pub fn verify(bundle: &[u8], artifact: Option<Artifact<'_>>, wish: &Wish<'_>) -> Result<VerifiedBundle, Vec<Problem>> {
    let bundle = Bundle::read(bundle).map_err(|problem| vec![problem])?;
    let signature = bundle.signature().map_err(|problem| vec![problem])?;
    match &bundle.content {
        bundle::Content::Message { digest, .. } => {
            about(digest, artifact).map_err(|problem| vec![problem])?;
            let content = match artifact {
                Some(Artifact::Bytes(bytes)) => signer::Content::Whole(bytes),
                _ => signer::Content::Digest(digest),
            };
            Ok(VerifiedBundle { signature: signed(&bundle, content, signature, digest, wish)?, content: Content::Message })
        }
        bundle::Content::Envelope(envelope) => {
            let digest = hash::digest(DigestAlgorithm::Sha256, &envelope.payload);
            let message = envelope.message();
            let signature = signed(&bundle, signer::Content::Whole(&message), signature, &digest, wish)?;
            Ok(VerifiedBundle { signature, content: Content::Statement(statement(envelope, artifact)?) })
        }
    }
}

/// That the digest in the bundle is the artifact's.
fn about(digest: &Digest, artifact: Option<Artifact<'_>>) -> Result<(), Problem> {
    let kind = digest.algorithm().as_str();
    let holds = match artifact {
        None => return Err(Problem::new("artifact", "it is over a file: give the file, or its digest")),
        Some(Artifact::Digest(given)) if given.algorithm() != digest.algorithm() => {
            return Err(Problem::new("artifact", format!("it is over a {kind} digest, and another one was given")));
        }
        Some(Artifact::Digest(given)) => given == digest,
        Some(Artifact::Bytes(bytes)) => hash::digest(digest.algorithm(), bytes) == *digest,
    };
    if holds || !enforced!("sigstore.digest") {
        Ok(())
    } else {
        Err(Problem::new("digest", format!("it is over another file: the {kind} digests differ")))
    }
}

fn statement(envelope: &Envelope, artifact: Option<Artifact<'_>>) -> Result<Statement, Vec<Problem>> {
    if envelope.payload_type != PAYLOAD_TYPE && enforced!("sigstore.payload-type") {
        let message = format!("its envelope carries {:?}, not {PAYLOAD_TYPE}", envelope.payload_type);
        return Err(vec![Problem::new("in-toto-type", message)]);
    }
    let statement = Statement::read(&envelope.payload)?;
    let found = match artifact {
        None => true,
        Some(Artifact::Digest(digest)) => statement.subject(digest).is_some(),
        Some(Artifact::Bytes(bytes)) => DigestAlgorithm::ALL.iter().any(|kind| statement.subject(&hash::digest(*kind, bytes)).is_some()),
    };
    if found || !enforced!("sigstore.subject") {
        Ok(statement)
    } else {
        Err(vec![Problem::new("digest", "its statement is about other files")])
    }
}

fn signed(
    bundle: &Bundle,
    content: signer::Content<'_>,
    signature: &[u8],
    digest: &Digest,
    wish: &Wish<'_>,
) -> Result<Verified, Vec<Problem>> {
    let mut tokens = Vec::new();
    for response in &bundle.timestamps {
        let problem = |problem: Problem| vec![Problem::new("timestamp", format!("the timestamp does not hold: {problem}"))];
        tokens.push(tsp::token_of(response).map_err(problem)?);
    }
    let timestamp = signed_data::earliest(&tokens, signature, wish.trust, wish.at)?;
    let at = timestamp.as_ref().map_or(wish.at, |timestamp| timestamp.at);
    let judged = Judged { trust: wish.trust, purposes: wish.purposes, at, digest: digest.clone() };
    let message = |algorithm| Message { algorithm, content, signature };
    let verified = match &bundle.material {
        Material::Certificate(der) => {
            let unreadable = |error: &dyn std::fmt::Display| vec![Problem::new("certificate", error.to_string())];
            let summary = CertificateSummary::from_der(der).map_err(|error| unreadable(&error))?;
            let key = PublicKey::from_spki_der(&summary.spki_der).map_err(|error| unreadable(&error))?;
            // A bundle does not say which kind it is: of those that the key makes, the one that verifies.
            let fitting: Vec<_> = SignatureAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.fits(key.algorithm())).collect();
            let made = fitting.iter().find(|algorithm| message(**algorithm).verify(&key).is_ok()).or(fitting.first());
            let algorithm = made.copied().unwrap_or(SignatureAlgorithm::usual(key.algorithm()));
            signer::with_certificate(&message(algorithm), der, wish.certificates, &judged)?
        }
        Material::Hint(_) => {
            let kinds = SignatureAlgorithm::ALL.into_iter().map(|algorithm| signer::with_trusted_key(&message(algorithm), &judged));
            let verdicts: Vec<_> = kinds.collect();
            match verdicts.iter().position(Result::is_ok) {
                Some(found) => verdicts.into_iter().nth(found).unwrap_or(Err(Vec::new()))?,
                None => return Err(vec![Problem::new("signature", "it has no certificate, and no trusted key made its signature")]),
            }
        }
    };
    Ok(Verified { timestamp, ..verified })
}
