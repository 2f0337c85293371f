//! Whose signature it is: a certificate's that leads to a trusted root, or a trusted key's.

use crate::revocation::{self, Signs};
use crate::{Problem, Trust, Verified};
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Timestamp, enforced};
use chancery_x509::{CertificateSummary, PathWish, PublicKey, Purpose, Unverified, find_path, hash};

/// Most trusted keys that are tried.
pub(crate) const MOST_KEYS: usize = 64;

/// What was signed.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// The very bytes.
    Whole(&'a [u8]),
    /// Bytes of which only the digest is known.
    Digest(&'a Digest),
}

/// A signature over something.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) content: Content<'a>,
    /// As the key made it; ECDSA as Ecdsa-Sig-Value DER.
    pub(crate) signature: &'a [u8],
}

/// By what a signature is judged.
pub(crate) struct Judged<'a> {
    pub(crate) trust: &'a Trust,
    /// What the signer's certificate is to be good for: any of these.
    pub(crate) purposes: &'a [Purpose],
    pub(crate) at: Timestamp,
    /// The digest of what was signed, as the format defines it.
    pub(crate) digest: Digest,
}

impl Judged<'_> {
    /// This key, trusted by itself, has made it.
    pub(crate) fn by_key(&self, message: &Message<'_>, key: &PublicKey) -> Verified {
        self.verified(message, format!("sha256:{}", key_id(key.spki_der())), Vec::new())
    }
    fn verified(&self, message: &Message<'_>, subject: String, chain: Vec<Vec<u8>>) -> Verified {
        Verified {
            subject,
            chain,
            algorithm: message.algorithm,
            digest: self.digest.clone(),
            claimed_at: None,
            timestamp: None,
            judged_at: self.at,
        }
    }
}

impl Message<'_> {
    /// Whether this key made it.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), Unverified> {
        match self.content {
            Content::Whole(bytes) => key.verify_as(self.algorithm, bytes, self.signature),
            Content::Digest(digest) => key.verify_digest_as(self.algorithm, digest, self.signature),
        }
    }
}

/// The signer's certificate came along with others: neither is believed before a path leads to a trusted root.
pub(crate) fn with_certificate(
    message: &Message<'_>,
    certificate: &[u8],
    others: &[Vec<u8>],
    judged: &Judged<'_>,
) -> Result<Verified, Vec<Problem>> {
    let mut problems = Vec::new();
    let summary = CertificateSummary::from_der(certificate).map_err(|error| vec![Problem::new("certificate", error.to_string())])?;
    let key = PublicKey::from_spki_der(&summary.spki_der).map_err(|error| vec![Problem::new("certificate", error.to_string())])?;
    if let Err(error) = message.verify(&key)
        && enforced!("signer.signature")
    {
        problems.push(Problem::new("signature", format!("with the key of the signer's certificate, {}: {error}", summary.subject)));
    }
    let pool: Vec<&[u8]> = others.iter().map(Vec::as_slice).collect();
    let roots: Vec<&[u8]> = judged.trust.roots.iter().map(Vec::as_slice).collect();
    let wish = PathWish { leaf: certificate, pool: &pool, roots: &roots, at: judged.at, purposes: judged.purposes };
    let path = find_path(&wish).and_then(|path| revocation::check(&path, &judged.trust.crls, judged.at, Signs::Documents).map(|()| path));
    let path = path.map_err(|problem| problems.push(problem)).unwrap_or_default();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(judged.verified(message, summary.subject, path.into_iter().map(<[u8]>::to_vec).collect()))
}

/// No certificate came along: a key that is trusted by itself must have signed.
pub(crate) fn with_trusted_key(message: &Message<'_>, judged: &Judged<'_>) -> Result<Verified, Vec<Problem>> {
    let trusted = judged.trust.keys.iter().take(MOST_KEYS).filter_map(|spki| PublicKey::from_spki_der(spki).ok());
    let mut fitting = trusted.filter(|key| message.algorithm.fits(key.algorithm())).peekable();
    if fitting.peek().is_none() {
        let kind = message.algorithm.as_str();
        return Err(vec![Problem::new("key", format!("it brings no certificate along, and no trusted key makes {kind} signatures"))]);
    }
    match fitting.find(|key| message.verify(key).is_ok() || !enforced!("signer.trusted-key")) {
        Some(key) => Ok(judged.by_key(message, &key)),
        None => Err(vec![Problem::new("signature", "it does not verify with any of the trusted keys")]),
    }
}

/// What names a public key where there is no certificate: SHA-256 of its SubjectPublicKeyInfo, in lower-case hexadecimal.
pub(crate) fn key_id(spki_der: &[u8]) -> String {
    hex::encode(hash::digest(DigestAlgorithm::Sha256, spki_der).as_bytes())
}
