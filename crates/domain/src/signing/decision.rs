//! The one evaluator of signatures (I3): only [`decide_signature`] makes an [`ApprovedSignature`], without which nothing is signed.

use super::{SignerState, SigningProfile};
use crate::decision::{MOST_REASONS, Reason};
use crate::document::VersionFacts;
use crate::key::KeyAlgorithm;
use crate::signature::{Digest, Format, SignatureAlgorithm};
use crate::{AccountId, Timestamp, enforced};
use std::time::Duration;

/// So many documents are signed by one request at most.
pub const MOST_ARTIFACTS: usize = 100;

/// A document to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What the requester calls it.
    pub name: Option<String>,
    /// Its length in bytes: as found, or where only its digest is here as the requester states it.
    pub size: Option<u64>,
    /// Its digest.
    pub digest: Digest,
    /// The document itself, where it was sent.
    pub content: Option<Vec<u8>>,
}

/// What is asked for, as parsed facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRequest {
    /// Who asks.
    pub account: AccountId,
    /// The form.
    pub format: Format,
    /// The kind of signature.
    pub algorithm: SignatureAlgorithm,
    /// What is to be signed, each by a signature of its own.
    pub artifacts: Vec<Artifact>,
    /// Whether the document goes into the signature, where the form leaves that open.
    pub attached: bool,
    /// Whether the signatures are to carry a timestamp.
    pub timestamp: bool,
    /// What is known of the document that this is to be a version of.
    pub version: Option<VersionFacts>,
}

/// What is known here of a signer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing against it.
    Good,
    /// It is revoked.
    Revoked,
    /// Its key was reported as compromised in this tenant, with whatever certificate.
    KeyCompromised,
    /// The tenant's issuer that signed it is retired.
    IssuerRetired,
}

/// What is known of the signer, its key and its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerFacts {
    /// Where it stands.
    pub state: SignerState,
    /// The kind of its key.
    pub key: KeyAlgorithm,
    /// Its certificate.
    pub standing: Standing,
    /// First second of its certificate.
    pub not_before: Timestamp,
    /// Last second of its certificate.
    pub not_after: Timestamp,
    /// Whether its certificate is for timestamps, and so for nothing else.
    pub stamps: bool,
}

/// The evaluator's answer, kept in the event of the act.
#[derive(Debug)]
pub struct SignatureDecision {
    /// The signing profile's version that decided.
    pub policy_version: u32,
    /// The signatures to be, or every reason against them.
    pub outcome: Result<ApprovedSignature, Vec<Reason>>,
}

/// Signatures that may be made, exactly so. Nothing but [`decide_signature`] makes one, and preparing uses it up.
#[derive(Debug)]
pub struct ApprovedSignature {
    format: Format,
    algorithm: SignatureAlgorithm,
    attached: bool,
    timestamp: bool,
    artifacts: Vec<Artifact>,
}

impl ApprovedSignature {
    /// The form.
    pub const fn format(&self) -> Format {
        self.format
    }
    /// The kind of signature.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
    /// Whether the document goes into the signature.
    pub const fn attached(&self) -> bool {
        self.attached
    }
    /// Whether a timestamp goes into each signature.
    pub const fn timestamp(&self) -> bool {
        self.timestamp
    }
    /// What is to be signed.
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }
    /// What is to be signed, used up.
    pub fn into_artifacts(self) -> Vec<Artifact> {
        self.artifacts
    }
}

/// Decides on signatures of a signer under its profile's version, at `now`. All reasons are given, not the first. How many it makes is
/// counted when they are committed, where no race overshoots it.
pub fn decide_signature(
    request: SignatureRequest,
    signer: &SignerFacts,
    profile: &SigningProfile,
    policy_version: u32,
    now: Timestamp,
) -> SignatureDecision {
    let mut reasons = Vec::new();
    let mut refuse = |code: &str, field: &str, message: String| {
        if enforced!("signature", code) {
            reasons.push(Reason { code: code.to_owned(), field: field.to_owned(), message });
        }
    };
    check_signer(signer, profile, now, &mut refuse);
    if !profile.accounts.is_empty() && !profile.accounts.contains(&request.account) {
        refuse("account", "signer", "this signer signs for named accounts, and yours is none of them".to_owned());
    }
    if !profile.formats.contains(&request.format) {
        refuse("format", "format", format!("{} is not allowed by this signer's profile", request.format.as_str()));
    }
    if !profile.algorithms.contains(&request.algorithm) {
        refuse("algorithm", "algorithm", format!("{} is not allowed by this signer's profile", request.algorithm.as_str()));
    }
    if !request.algorithm.fits(signer.key) {
        let message = format!("this signer's key is {} and makes no {} signature", signer.key.as_str(), request.algorithm.as_str());
        refuse("key", "algorithm", message);
    }
    check_timestamp(&request, signer, profile, &mut refuse);
    check_version(&request, &mut refuse);
    if !(1..=MOST_ARTIFACTS).contains(&request.artifacts.len()) {
        refuse("artifacts", "artifacts", format!("1 to {MOST_ARTIFACTS} documents"));
    }
    for artifact in request.artifacts.iter().take(MOST_ARTIFACTS) {
        check_artifact(artifact, &request, profile, &mut refuse);
    }
    let outcome = match reasons.is_empty() {
        true => {
            let SignatureRequest { format, algorithm, attached, timestamp, artifacts, .. } = request;
            Ok(ApprovedSignature { format, algorithm, attached, timestamp, artifacts })
        }
        false => Err(told(reasons)),
    };
    SignatureDecision { policy_version, outcome }
}

/// The first of them, and how many more there are.
fn told(mut reasons: Vec<Reason>) -> Vec<Reason> {
    if reasons.len() > MOST_REASONS && enforced!("signature.more") {
        let more = reasons.len() - MOST_REASONS;
        reasons.truncate(MOST_REASONS);
        let message = format!("and {more} more of the kind");
        reasons.push(Reason { code: "more".to_owned(), field: "artifacts".to_owned(), message });
    }
    reasons
}

fn check_signer(signer: &SignerFacts, profile: &SigningProfile, now: Timestamp, refuse: &mut impl FnMut(&str, &str, String)) {
    if signer.state == SignerState::Disabled {
        refuse("signer-disabled", "signer", "this signer is disabled".to_owned());
    }
    match signer.standing {
        Standing::Good => {}
        Standing::Revoked => refuse("certificate-revoked", "signer", "the signer's certificate is revoked: roll the signer".to_owned()),
        Standing::KeyCompromised => {
            refuse("key-compromised", "signer", "the signer's key was reported as compromised: roll the signer to a new key".to_owned());
        }
        Standing::IssuerRetired => {
            refuse("issuer-retired", "signer", "the issuer of the signer's certificate is retired: roll the signer".to_owned());
        }
    }
    let second = now.whole_second();
    if second < signer.not_before {
        refuse("certificate-begins", "signer", format!("the signer's certificate begins at {}", signer.not_before));
    }
    // Both the first and the last second count (RFC 5280 section 4.1.2.5).
    if second > signer.not_after {
        refuse("certificate-expired", "signer", format!("the signer's certificate ended at {}: roll the signer", signer.not_after));
    } else if second.after(Duration::from_secs(profile.min_validity_seconds.into())) > signer.not_after {
        let seconds = profile.min_validity_seconds;
        let message =
            format!("the signer's certificate ends at {}, and its profile asks for {seconds} s more: roll the signer", signer.not_after);
        refuse("certificate-ends-soon", "signer", message);
    }
}

fn check_timestamp(
    request: &SignatureRequest,
    signer: &SignerFacts,
    profile: &SigningProfile,
    refuse: &mut impl FnMut(&str, &str, String),
) {
    // RFC 3161 section 2.3: the key is for timestamps alone.
    match (signer.stamps, request.format == Format::Timestamp) {
        (true, false) => refuse("certificate-purpose", "format", "this signer's certificate is for timestamps and nothing else".to_owned()),
        (false, true) => refuse("certificate-purpose", "format", "this signer's certificate is not for timestamps".to_owned()),
        _ => {}
    }
    let form = request.format.as_str();
    if profile.timestamp_required && !request.timestamp {
        let message = format!("this signer's profile wants a timestamp in each signature, and this {form} would carry none");
        refuse("timestamp", "format", message);
    }
    if request.timestamp && !request.format.carries_timestamp() {
        refuse("timestamp-form", "timestamp", format!("{form} carries no timestamp"));
    }
    if request.timestamp && profile.timestamp_by.is_none() {
        let message = "this signer's profile does not say who gives the timestamp: set timestamp_by".to_owned();
        refuse("timestamp-by", "timestamp", message);
    }
}

/// A chain of versions has no fork: what is signed is the newest version once more, or the next one.
fn check_version(request: &SignatureRequest, refuse: &mut impl FnMut(&str, &str, String)) {
    let Some(facts) = &request.version else { return };
    // Its evidence tells of the act, and so of everything that was signed with it.
    if request.artifacts.len() > 1 {
        refuse("version-alone", "version_of", "a version of a document is signed by a request of its own".to_owned());
    }
    let newest = facts.newest_number();
    match facts.supersedes {
        Some(number) if number != newest => {
            let message = format!("the newest version of this document is {newest}, not {number}: look at it before you supersede it");
            refuse("version-superseded", "version_of", message);
        }
        Some(_) if request.artifacts.iter().any(|artifact| facts.is_newest(&artifact.digest)) => {
            let message = format!("version {newest} is this very document: leave `supersedes` out to have it signed once more");
            refuse("version-same", "version_of", message);
        }
        _ => {}
    }
}

/// Whether the signature cannot be made of a digest.
const fn holds_the_document(request: &SignatureRequest) -> bool {
    match request.format {
        Format::Jws | Format::Dsse => true,
        Format::Cms | Format::Sigstore => request.attached,
        Format::Raw | Format::Jar | Format::Pades | Format::Authenticode | Format::Timestamp => false,
    }
}

/// Whether what is signed has a digest that is not that of its bytes.
const fn has_its_own_digest(format: Format) -> bool {
    matches!(format, Format::Pades | Format::Authenticode)
}

fn check_artifact(artifact: &Artifact, request: &SignatureRequest, profile: &SigningProfile, refuse: &mut impl FnMut(&str, &str, String)) {
    let (given, algorithm) = (artifact.digest.algorithm(), request.algorithm);
    match algorithm.digest() {
        // The bare signature is over this digest and no other.
        Some(signed) if request.format == Format::Raw && signed != given => {
            let message = format!("{} signs a {} digest, not a {} one", algorithm.as_str(), signed.as_str(), given.as_str());
            refuse("digest-of-algorithm", "artifacts", message);
        }
        None if request.format == Format::Raw && artifact.content.is_none() => {
            let message = format!("{} signs the document itself and not a digest of it: send the document", algorithm.as_str());
            refuse("document-needed", "artifacts", message);
        }
        Some(_) | None => {}
    }
    if holds_the_document(request) && artifact.content.is_none() {
        let message = format!("the document goes into this {} signature: send it and not its digest", request.format.as_str());
        refuse("content-needed", "artifacts", message);
    }
    if has_its_own_digest(request.format) && artifact.content.is_some() {
        let message = format!("a {} signature is made over what of the file is covered: send the digest of that", request.format.as_str());
        refuse("digest-needed", "artifacts", message);
    }
    if !profile.digests.contains(&given) {
        refuse("digest", "artifacts", format!("{} is not allowed by this signer's profile", given.as_str()));
    }
    if let Some(most) = profile.max_artifact_bytes {
        match artifact.size {
            Some(size) if size <= most => {}
            Some(size) => refuse("size", "artifacts", format!("{size} bytes, at most {most} are allowed by this signer's profile")),
            None => refuse("size-unknown", "artifacts", format!("say how long it is: this signer's profile allows {most} bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Version;
    use crate::signature::DigestAlgorithm;
    use crate::signing::tests::good;

    fn artifact(algorithm: DigestAlgorithm) -> Artifact {
        Artifact { name: None, size: Some(100), digest: Digest::new(algorithm, vec![7; algorithm.length()]).unwrap(), content: None }
    }

    fn asked() -> SignatureRequest {
        SignatureRequest {
            account: AccountId::from_bytes([1; 16]),
            format: Format::Raw,
            algorithm: SignatureAlgorithm::EcdsaP256Sha256,
            artifacts: vec![artifact(DigestAlgorithm::Sha256)],
            attached: false,
            timestamp: false,
            version: None,
        }
    }

    fn signer() -> SignerFacts {
        SignerFacts {
            state: SignerState::Active,
            key: KeyAlgorithm::EcP256,
            standing: Standing::Good,
            not_before: Timestamp::from_seconds(1_000),
            not_after: Timestamp::from_seconds(2_000),
            stamps: false,
        }
    }

    fn codes(request: SignatureRequest, signer: SignerFacts, profile: &SigningProfile, now: i64) -> Vec<String> {
        let decision = decide_signature(request, &signer, profile, 3, Timestamp::from_millis(now));
        assert_eq!(decision.policy_version, 3);
        decision.outcome.err().unwrap_or_default().into_iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn what_is_approved_is_what_was_asked() {
        let approved = decide_signature(asked(), &signer(), &good(), 1, Timestamp::from_seconds(1_500)).outcome.unwrap();
        assert_eq!((approved.format(), approved.algorithm()), (Format::Raw, SignatureAlgorithm::EcdsaP256Sha256));
        assert_eq!(approved.artifacts(), asked().artifacts);
        assert_eq!(approved.into_artifacts(), asked().artifacts);
    }

    #[test]
    fn each_rule_refuses_by_its_code() {
        let request = |change: fn(&mut SignatureRequest)| {
            let mut request = asked();
            change(&mut request);
            codes(request, signer(), &good(), 1_500_000)
        };
        assert!(request(|_| {}).is_empty());
        assert_eq!(request(|r| r.format = Format::Cms), ["format"]);
        assert_eq!(request(|r| r.format = Format::Pades), ["format"]);
        assert_eq!(request(|r| r.artifacts.clear()), ["artifacts"]);
        assert_eq!(request(|r| r.artifacts = vec![r.artifacts[0].clone(); 101]), ["artifacts"]);
        assert_eq!(request(|r| r.artifacts = vec![artifact(DigestAlgorithm::Sha384)]), ["digest-of-algorithm", "digest"]);
        let rsa = |r: &mut SignatureRequest| r.algorithm = SignatureAlgorithm::RsaPssSha256;
        assert_eq!(request(rsa), ["algorithm", "key"]);

        let facts = |change: fn(&mut SignerFacts)| {
            let mut facts = signer();
            change(&mut facts);
            codes(asked(), facts, &good(), 1_500_000)
        };
        assert_eq!(facts(|s| s.state = SignerState::Disabled), ["signer-disabled"]);
        assert_eq!(facts(|s| s.standing = Standing::Revoked), ["certificate-revoked"]);
        assert_eq!(facts(|s| s.standing = Standing::KeyCompromised), ["key-compromised"]);
        assert_eq!(facts(|s| s.standing = Standing::IssuerRetired), ["issuer-retired"]);
        assert_eq!(facts(|s| s.key = KeyAlgorithm::EcP384), ["key"]);

        let profile = |change: fn(&mut SigningProfile)| {
            let mut profile = good();
            change(&mut profile);
            codes(asked(), signer(), &profile, 1_500_000)
        };
        assert_eq!(profile(|p| p.accounts = vec![AccountId::from_bytes([2; 16])]), ["account"]);
        assert!(profile(|p| p.accounts = vec![AccountId::from_bytes([2; 16]), AccountId::from_bytes([1; 16])]).is_empty());
        assert_eq!(profile(|p| p.timestamp_required = true), ["timestamp"]);
        assert_eq!(profile(|p| p.max_artifact_bytes = Some(99)), ["size"]);
        assert!(profile(|p| p.max_artifact_bytes = Some(100)).is_empty());
        assert_eq!(profile(|p| p.min_validity_seconds = 501), ["certificate-ends-soon"]);
        assert!(profile(|p| p.min_validity_seconds = 500).is_empty());
        assert_eq!(profile(|p| p.digests = vec![DigestAlgorithm::Sha384]), ["digest"]);
    }

    #[test]
    fn timestamps_are_given_by_whom_they_are_for_and_go_where_there_is_room() {
        let of = |format, timestamp, stamps, profile: &SigningProfile| {
            codes(SignatureRequest { format, timestamp, ..asked() }, SignerFacts { stamps, ..signer() }, profile, 1_500_000)
        };
        let any = SigningProfile { formats: Format::ALL.to_vec(), timestamp_by: "clock".parse().ok(), ..good() };
        assert!(of(Format::Timestamp, false, true, &any).is_empty());
        assert_eq!(of(Format::Timestamp, false, false, &any), ["certificate-purpose"]);
        assert_eq!(of(Format::Raw, false, true, &any), ["certificate-purpose"]);
        for format in [Format::Cms, Format::Jar, Format::Pades, Format::Authenticode, Format::Sigstore] {
            assert!(of(format, true, false, &any).is_empty(), "{format:?}");
        }
        for format in [Format::Raw, Format::Jws] {
            assert!(of(format, true, false, &any).contains(&"timestamp-form".to_owned()), "{format:?}");
        }
        assert_eq!(of(Format::Cms, true, false, &SigningProfile { timestamp_by: None, ..any.clone() }), ["timestamp-by"]);
        let required = SigningProfile { timestamp_required: true, ..any };
        assert_eq!(of(Format::Cms, false, false, &required), ["timestamp"]);
        let request = SignatureRequest { format: Format::Cms, timestamp: true, ..asked() };
        let decision = decide_signature(request, &signer(), &required, 1, Timestamp::from_seconds(1_500));
        assert!(decision.outcome.unwrap().timestamp());
    }

    #[test]
    fn a_version_follows_the_one_that_its_requester_knows() {
        let digest = |byte| Digest::new(DigestAlgorithm::Sha256, vec![byte; 32]).unwrap();
        let of = |supersedes, newest: Option<(u32, u8)>, count| {
            let newest = newest.map(|(number, byte)| Version { number, digest: digest(byte) });
            let version = Some(VersionFacts { supersedes, newest });
            let request = SignatureRequest { version, artifacts: vec![artifact(DigestAlgorithm::Sha256); count], ..asked() };
            codes(request, signer(), &good(), 1_500_000)
        };
        for (supersedes, newest) in [(None, None), (Some(0), None), (None, Some((2, 8))), (Some(2), Some((2, 8))), (None, Some((2, 7)))] {
            assert!(of(supersedes, newest, 1).is_empty(), "{supersedes:?} {newest:?}");
        }
        for (supersedes, newest) in [(1, None), (0, Some((1, 8))), (1, Some((2, 8))), (3, Some((2, 7)))] {
            assert_eq!(of(Some(supersedes), newest, 1), ["version-superseded"], "{supersedes} {newest:?}");
        }
        assert_eq!(of(Some(2), Some((2, 7)), 1), ["version-same"]);
        assert_eq!(of(None, None, 2), ["version-alone"]);
    }

    #[test]
    fn a_length_that_counts_is_stated() {
        let mut request = asked();
        request.artifacts[0].size = None;
        assert!(codes(request.clone(), signer(), &good(), 1_500_000).is_empty());
        let limited = SigningProfile { max_artifact_bytes: Some(100), ..good() };
        assert_eq!(codes(request, signer(), &limited, 1_500_000), ["size-unknown"]);
    }

    #[test]
    fn what_signs_documents_themselves_gets_them() {
        let profile = SigningProfile { algorithms: vec![SignatureAlgorithm::Ed25519], ..good() };
        let signer = SignerFacts { key: KeyAlgorithm::Ed25519, ..signer() };
        let mut request = SignatureRequest { algorithm: SignatureAlgorithm::Ed25519, ..asked() };
        assert_eq!(codes(request.clone(), signer, &profile, 1_500_000), ["document-needed"]);
        request.artifacts[0].content = Some(b"document".to_vec());
        assert!(codes(request, signer, &profile, 1_500_000).is_empty());
    }

    #[test]
    fn what_holds_the_document_gets_it_and_what_has_its_own_digest_gets_that() {
        let profile = SigningProfile { formats: Format::ALL.to_vec(), ..good() };
        let of = |format, attached, content: Option<&[u8]>| {
            let mut request = SignatureRequest { format, attached, ..asked() };
            request.artifacts[0].content = content.map(<[u8]>::to_vec);
            codes(request, signer(), &profile, 1_500_000)
        };
        for format in [Format::Jws, Format::Dsse] {
            assert_eq!(of(format, true, None), ["content-needed"], "{format:?}");
            assert_eq!(of(format, false, None), ["content-needed"], "{format:?}");
            assert!(of(format, false, Some(b"document")).is_empty());
        }
        for format in [Format::Cms, Format::Sigstore] {
            assert_eq!(of(format, true, None), ["content-needed"], "{format:?}");
            assert!(of(format, true, Some(b"document")).is_empty() && of(format, false, None).is_empty(), "{format:?}");
        }
        assert!(of(Format::Jar, false, None).is_empty());
        for format in [Format::Pades, Format::Authenticode] {
            assert_eq!(of(format, false, Some(b"document")), ["digest-needed"], "{format:?}");
            assert!(of(format, false, None).is_empty(), "{format:?}");
        }
    }

    #[test]
    fn a_certificate_counts_from_its_first_second_to_its_last() {
        for (now, code) in
            [(999_999, Some("certificate-begins")), (1_000_000, None), (2_000_999, None), (2_001_000, Some("certificate-expired"))]
        {
            assert_eq!(codes(asked(), signer(), &good(), now), Vec::from_iter(code.map(str::to_owned)), "{now}");
        }
    }

    #[test]
    fn reasons_do_not_outgrow_the_request() {
        let request = SignatureRequest { artifacts: vec![artifact(DigestAlgorithm::Sha512); 100], ..asked() };
        let told = codes(request, signer(), &good(), 1_500_000);
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST_REASONS + 1, Some("more")));
    }
}
