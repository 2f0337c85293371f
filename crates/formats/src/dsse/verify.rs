//! Verifying: so many different trusted signers, each counted once.

use super::envelope::{Envelope, Signature};
use crate::signer::{self, Judged, Message};
use crate::{Problem, Trust, Verified};
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Timestamp, enforced};
use chancery_x509::path::MOST_CERTIFICATES;
use chancery_x509::{CertificateSummary, PublicKey, Purpose, hash};
use std::collections::HashSet;

/// Most bytes that are given to keys which sign the message itself (Ed25519, ML-DSA), over all tries that no `keyid` asks for.
const MOST_TRIED: usize = 256 << 20;

/// By what an envelope is judged.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Whom to trust.
    pub trust: &'a Trust,
    /// Certificates of signers and of authorities between them and a root, from wherever; believed in nothing. DER.
    pub certificates: &'a [Vec<u8>],
    /// What a signer's certificate is to be good for: any of these.
    pub purposes: &'a [Purpose],
    /// How many different trusted keys must have signed; none counts as one.
    pub threshold: usize,
    /// When.
    pub at: Timestamp,
}

/// An envelope that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEnvelope {
    /// The trusted signers, each once, at least as many as were asked for.
    pub signatures: Vec<Verified>,
    /// What kind of thing was signed.
    pub payload_type: String,
    /// What was signed.
    pub payload: Vec<u8>,
    /// How many signatures are by nobody trusted here: they say nothing, neither for nor against.
    pub strangers: usize,
}

/// Verifies an envelope: at least `threshold` different trusted keys have signed, and no signature that is said to be one of theirs fails
/// to be. A key that signs twice counts once; two certificates for one key are one signer.
///
/// # Errors
/// Everything that is wrong with it.
pub fn verify(envelope: &[u8], wish: &Wish<'_>) -> Result<VerifiedEnvelope, Vec<Problem>> {
    let envelope = Envelope::read(envelope).map_err(|problem| vec![problem])?;
    verify_envelope(envelope, wish)
}

pub(crate) fn verify_envelope(envelope: Envelope, wish: &Wish<'_>) -> Result<VerifiedEnvelope, Vec<Problem>> {
    let candidates = candidates(wish)?;
    let digest = hash::digest(DigestAlgorithm::Sha256, &envelope.payload);
    let judged = Judged { trust: wish.trust, purposes: wish.purposes, at: wish.at, digest };
    let mut content = Content::of(envelope.message());
    let (mut signed, mut problems, mut strangers) = (Vec::<(&[u8], Verified)>::new(), Vec::new(), 0);
    for signature in &envelope.signatures {
        let Some((candidate, algorithm)) = content.signer(&candidates, signature).map_err(|problem| vec![problem])? else {
            match is_claimed(&candidates, signature) && enforced!("dsse.claimed") {
                true => problems.push(Problem::new("signature", format!("{} does not verify", said_of(signature)))),
                false => strangers += 1,
            }
            continue;
        };
        let spki = candidate.key.spki_der();
        if signed.iter().any(|(other, _)| *other == spki) && enforced!("dsse.once") {
            continue;
        }
        let message = Message { algorithm, content: content.as_signed_by(algorithm), signature: &signature.bytes };
        match candidate.judge(&message, wish, &judged) {
            Ok(verified) => signed.push((spki, verified)),
            Err(more) => problems.extend(more),
        }
    }
    let threshold = wish.threshold.max(1);
    if signed.len() < threshold && problems.is_empty() && enforced!("dsse.threshold") {
        let (found, all) = (signed.len(), envelope.signatures.len());
        let message = format!("{found} of its {all} signatures are of different trusted keys, {threshold} must be");
        problems.push(Problem::new("threshold", message));
    }
    match problems.is_empty() {
        true => Ok(VerifiedEnvelope {
            signatures: signed.into_iter().map(|(_, verified)| verified).collect(),
            payload_type: envelope.payload_type,
            payload: envelope.payload,
            strangers,
        }),
        false => Err(problems),
    }
}

fn said_of(signature: &Signature) -> String {
    signature.key_id.as_ref().map_or_else(|| "a signature".to_owned(), |key_id| format!("the signature said to be of the key {key_id}"))
}

/// Who may have signed.
struct Candidate<'a> {
    key: PublicKey,
    key_id: String,
    /// Its certificate, where it is not trusted by itself.
    certificate: Option<&'a [u8]>,
}

/// Each key once. Trusted keys first: of one that has a certificate too, no path is asked for.
fn candidates<'a>(wish: &Wish<'a>) -> Result<Vec<Candidate<'a>>, Vec<Problem>> {
    if wish.certificates.len() > MOST_CERTIFICATES && enforced!("dsse.certificates") {
        let message = format!("{} certificates were given, at most {MOST_CERTIFICATES} are read", wish.certificates.len());
        return Err(vec![Problem::new("bounds", message)]);
    }
    let candidate = |spki: &[u8], certificate| {
        let key = PublicKey::from_spki_der(spki).ok()?;
        Some(Candidate { key_id: signer::key_id(spki), key, certificate })
    };
    let trusted = wish.trust.keys.iter().take(signer::MOST_KEYS).filter_map(|spki| candidate(spki, None));
    let certified = wish.certificates.iter().filter_map(|der| {
        let summary = CertificateSummary::from_der(der).ok().filter(|summary| !summary.is_authority)?;
        candidate(&summary.spki_der, Some(der.as_slice()))
    });
    let mut seen = HashSet::new();
    Ok(trusted.chain(certified).filter(|candidate| seen.insert(candidate.key_id.clone())).collect())
}

/// What every signature is made over, digested once for each kind of digest, however many keys are tried.
struct Content {
    whole: Vec<u8>,
    digests: [Digest; 2],
    tried: usize,
}

impl Content {
    fn of(whole: Vec<u8>) -> Self {
        let digests = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384].map(|algorithm| hash::digest(algorithm, &whole));
        Self { whole, digests, tried: 0 }
    }

    fn as_signed_by(&self, algorithm: SignatureAlgorithm) -> signer::Content<'_> {
        let digest = self.digests.iter().find(|digest| algorithm.digest() == Some(digest.algorithm()));
        digest.map_or(signer::Content::Whole(&self.whole), signer::Content::Digest)
    }

    /// Who made the signature, and with which of the key's kinds: an envelope does not say which. With a kind that reads the whole
    /// message the key that is named is tried alone.
    fn signer<'c, 'a>(
        &mut self,
        candidates: &'c [Candidate<'a>],
        signature: &Signature,
    ) -> Result<Option<(&'c Candidate<'a>, SignatureAlgorithm)>, Problem> {
        let claimed = is_claimed(candidates, signature);
        for candidate in candidates {
            let named = signature.key_id.as_ref() == Some(&candidate.key_id);
            for algorithm in SignatureAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.fits(candidate.key.algorithm())) {
                let reads_all = algorithm.digest().is_none();
                if reads_all && claimed && !named && enforced!("dsse.named-alone") {
                    continue;
                }
                if reads_all && !named {
                    self.count()?;
                }
                let message = Message { algorithm, content: self.as_signed_by(algorithm), signature: &signature.bytes };
                if message.verify(&candidate.key).is_ok() || !enforced!("dsse.signature") {
                    return Ok(Some((candidate, algorithm)));
                }
            }
        }
        Ok(None)
    }

    fn count(&mut self) -> Result<(), Problem> {
        self.tried = self.tried.saturating_add(self.whole.len());
        if self.tried > MOST_TRIED && enforced!("dsse.tried") {
            let message = "so long a message with so many signatures that do not name their key: sign with keyid, or trust fewer keys";
            return Err(Problem::new("bounds", message));
        }
        Ok(())
    }
}

fn is_claimed(candidates: &[Candidate<'_>], signature: &Signature) -> bool {
    candidates.iter().any(|candidate| signature.key_id.as_ref() == Some(&candidate.key_id))
}

impl Candidate<'_> {
    fn judge(&self, message: &Message<'_>, wish: &Wish<'_>, judged: &Judged<'_>) -> Result<Verified, Vec<Problem>> {
        match self.certificate {
            Some(certificate) => signer::with_certificate(message, certificate, wish.certificates, judged),
            None => Ok(judged.by_key(message, &self.key)),
        }
    }
}
