//! What all formats with CMS inside have in common: the signature, its timestamps, the path, and what was revoked.

use crate::revocation::{self, Signs};
use crate::timestamp::{self, Imprint};
use crate::trust::Trust;
use crate::verdict::{Problem, TimestampWitness, Verified};
use chancery_domain::signature::Digest;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::cms::{Demand, SignedData};
use chancery_x509::{CertificateSummary, PathWish, Purpose, find_path};
use const_oid::ObjectIdentifier;

/// Most timestamps of a signature.
const MOST_TIMESTAMPS: usize = 4;

/// What a format demands of the CMS in it.
pub(crate) struct Rules<'a> {
    /// What kind of content.
    pub(crate) content_type: ObjectIdentifier,
    /// The digest of what is signed, where it is not inside.
    pub(crate) detached: Option<&'a Digest>,
    /// Whether the signer's certificate must be among the signed attributes.
    pub(crate) certificate_bound: bool,
    /// What the signer's certificate must be good for: one of these.
    pub(crate) purposes: &'a [Purpose],
    /// Where timestamps stand.
    pub(crate) timestamp: ObjectIdentifier,
}

/// Verifies every layer.
pub(crate) fn verify(cms: &SignedData<'_>, rules: &Rules<'_>, trust: &Trust, at: Timestamp) -> Result<Verified, Vec<Problem>> {
    let demand = Demand { content_type: rules.content_type, detached: rules.detached, certificate_bound: rules.certificate_bound };
    let checked = cms.check(&demand)?;
    let Some(algorithm) = checked.algorithm else {
        return Err(vec![Problem::new("algorithm", "a kind of signature that is not believed of documents")]);
    };
    if let Some(kind) = cms.unsigned_kinds().find(|kind| *kind != rules.timestamp).filter(|_| enforced!("formats.unsigned")) {
        return Err(vec![Problem::new(
            "attributes",
            format!("the unsigned attribute {kind} is not understood: anyone could have put it there"),
        )]);
    }
    let timestamp = witness(cms, rules.timestamp, trust, at)?;
    let judged_at = timestamp.as_ref().map_or(at, |timestamp| timestamp.at);
    let roots: Vec<&[u8]> = trust.roots.iter().map(Vec::as_slice).collect();
    let wish = PathWish { leaf: checked.certificate, pool: cms.certificates(), roots: &roots, at: judged_at, purposes: rules.purposes };
    let path = find_path(&wish).map_err(|problem| vec![problem])?;
    let stray = cms.certificates().iter().any(|certificate| !path.contains(certificate));
    if stray && enforced!("formats.stray") {
        return Err(vec![Problem::new("certificate", "a certificate inside has no part in the path: anyone could have put it there")]);
    }
    revocation::check(&path, &trust.crls, judged_at, Signs::Documents).map_err(|problem| vec![problem])?;
    let subject = CertificateSummary::from_der(checked.certificate).map(|summary| summary.subject).unwrap_or_default();
    Ok(Verified {
        subject,
        chain: path.into_iter().map(<[u8]>::to_vec).collect(),
        algorithm,
        digest: checked.digest,
        claimed_at: checked.signing_time,
        timestamp,
        judged_at,
    })
}

fn witness(cms: &SignedData<'_>, kind: ObjectIdentifier, trust: &Trust, at: Timestamp) -> Result<Option<TimestampWitness>, Vec<Problem>> {
    let tokens = cms.unsigned(kind);
    if tokens.len() > MOST_TIMESTAMPS && enforced!("formats.timestamps") {
        return Err(vec![Problem::new("bounds", format!("{} timestamps, at most {MOST_TIMESTAMPS} are read", tokens.len()))]);
    }
    earliest(tokens, cms.signature(), trust, at)
}

/// The earliest of the timestamps over a signature. Each must hold at its own time, whatever the others say (THREATS 34).
pub(crate) fn earliest(tokens: &[&[u8]], signature: &[u8], trust: &Trust, at: Timestamp) -> Result<Option<TimestampWitness>, Vec<Problem>> {
    let of_timestamp = |problem: Problem| Problem::new("timestamp", format!("the timestamp does not hold: {problem}"));
    let mut earliest: Option<TimestampWitness> = None;
    for token in tokens {
        let verified = timestamp::verify(token, Imprint::Of(signature), trust, at)
            .map_err(|problems| problems.into_iter().map(of_timestamp).collect::<Vec<_>>())?;
        if earliest.as_ref().is_none_or(|earlier| verified.at < earlier.at) {
            earliest = Some(verified);
        }
    }
    Ok(earliest)
}
