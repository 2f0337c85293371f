//! Signing: from digests or documents to signatures, decided, prepared, signed and recorded in one durable step (I3, I4, I5).
//!
//! With the key in this process no signature leaves it before the commit, so intent and result commit together.

use crate::deed::{Deed, Detail, detail};
use crate::documents::{OpenDocument, VersionWish};
use crate::failure::{Stop, deciding_anew};
use crate::open_signer::{OpenSigner, ceiling, day, made, made_on};
use crate::places;
use crate::retention::disposal;
use crate::signatures::{self, Body};
use crate::signing_key::{Prepared, Signed, TokenWish, cost, prepare};
use crate::view::{Receipt, Signature};
use crate::{Caller, Chancery, Failure, Permit};
use chancery_domain::action::{Act, SignatureCreate};
use chancery_domain::signature::{Digest, DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::signing::SignerName;
use chancery_domain::signing::decision::{ApprovedSignature, Artifact, MOST_ARTIFACTS, SignatureRequest, decide_signature};
use chancery_domain::{SignatureId, enforced};
use chancery_formats::cms::content_digest;
use chancery_store::SignatureRow;
use chancery_x509::hash::digest;

/// What is to be signed by one request, wholly or not at all.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// The form of the signatures.
    pub format: Format,
    /// The kind of signature; by default the one that the signer's profile prefers.
    pub algorithm: Option<SignatureAlgorithm>,
    /// Whether the document goes into the signature, where the form leaves that open; as is usual for it, by default.
    pub attached: Option<bool>,
    /// Whether a timestamp goes into each signature; by default if the signer's profile wants one and the form has room for it.
    pub timestamp: Option<bool>,
    /// The documents.
    pub documents: Vec<Document>,
    /// Of which document it is a version, if it is one.
    pub version_of: Option<VersionWish>,
}

impl SignRequest {
    /// Signatures in this form, as is usual for it, over nothing yet.
    pub const fn of(format: Format) -> Self {
        Self { format, algorithm: None, attached: None, timestamp: None, documents: Vec::new(), version_of: None }
    }
}

/// A document to be signed.
#[derive(Clone, Debug)]
pub struct Document {
    /// What the requester calls it.
    pub name: Option<String>,
    /// What of it is here.
    pub content: Content,
}

/// A document, or its digest.
#[derive(Clone, Debug)]
pub enum Content {
    /// Its digest, and its length as the requester states it.
    Digest(Digest, Option<u64>),
    /// All of it.
    Whole(Vec<u8>),
}

impl Chancery {
    /// Has a signer sign, all of the request or nothing.
    pub async fn sign(&self, caller: &Caller, signer: &SignerName, request: &SignRequest) -> Result<(Signature, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_sign(&caller, signer, request))
    }

    async fn try_sign(&self, caller: &Caller, name: &SignerName, request: &SignRequest) -> Result<(Signature, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, signer) = self.permit_on::<SignatureCreate, _>(caller, realm.signer(name).await?).await?;
        if let Some(done) = caller.done_before().await? {
            let row = realm.view.signature(SignatureId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((signatures::read(realm, &row).await?, done.receipt));
        }
        self.sign_permitted(&permit, &signer, request, &TokenWish::default()).await
    }

    /// From a permit to signatures that are recorded.
    pub(crate) async fn sign_permitted(
        &self,
        permit: &Permit<SignatureCreate>,
        signer: &OpenSigner,
        request: &SignRequest,
        wish: &TokenWish,
    ) -> Result<(Signature, Receipt), Stop> {
        let caller = permit.caller();
        let line = match &request.version_of {
            Some(wish) => Some(self.open_document(&caller.realm, &wish.name).await?),
            None => None,
        };
        let (approved, policy_version) = self.approve(caller, signer, request, line.as_ref()).await?;
        let (format, algorithm, stamped) = (approved.format(), approved.algorithm(), approved.timestamp());
        let now = match format {
            Format::Timestamp => self.trusted_time(&caller.realm).await?,
            _ => self.now(),
        };
        let prepared = prepare(approved, signer, wish, now, &*self.ports().entropy)?;
        let mut signed = self.sign_all(caller, signer, format, prepared).await?;
        let timestamps = match stamped {
            true => Some(self.put_timestamps(caller, &signer.profile, format, &mut signed).await?),
            false => None,
        };
        let body = signatures::body(caller, signer, policy_version, (format, algorithm), &signed);
        self.record_signatures(permit, signer, body, &signed, line.as_ref(), timestamps).await
    }

    /// Decides under the profile in force now. The one way to a signature (I3).
    async fn approve(
        &self,
        caller: &Caller,
        signer: &OpenSigner,
        asked: &SignRequest,
        line: Option<&OpenDocument>,
    ) -> Result<(ApprovedSignature, u32), Failure> {
        let algorithm = asked.algorithm.unwrap_or_else(|| signer.profile.algorithm(signer.facts.key));
        let artifacts: Vec<_> = asked.documents.iter().map(|document| artifact(document, asked.format, algorithm)).collect();
        // A JWS has its payload inside unless that is asked for otherwise, CMS has it not.
        let attached = asked.attached.unwrap_or(asked.format == Format::Jws);
        let digests: Vec<_> = artifacts.iter().take(MOST_ARTIFACTS).map(|artifact| artifact.digest.to_string()).collect();
        let format = asked.format;
        let timestamp = asked.timestamp.unwrap_or(signer.profile.timestamp_required && format.carries_timestamp());
        let version = line.zip(asked.version_of.as_ref()).map(|(line, wish)| line.facts(wish.supersedes));
        let request = SignatureRequest { account: caller.account(), format, algorithm, artifacts, attached, timestamp, version };
        let decision = decide_signature(request, &signer.facts, &signer.profile, signer.profile_row.version, self.now());
        let reasons = match decision.outcome {
            Ok(approved) => return Ok((approved, decision.policy_version)),
            Err(reasons) => reasons,
        };
        let mut about = detail! {
            "signer" => signer.row.name.as_str(), "format" => asked.format.as_str(), "algorithm" => algorithm.as_str(), "digests" => digests,
        };
        about.extend(asked.version_of.as_ref().map(|wish| ("document".to_owned(), wish.name.as_str().into())));
        self.refuse_about(caller, SignatureCreate::ACTION, decision.policy_version, &reasons, about).await?;
        Err(Failure::Refused(reasons))
    }

    /// Signs what was prepared, a few at a time in the tenant's turn.
    async fn sign_all(
        &self,
        caller: &Caller,
        signer: &OpenSigner,
        format: Format,
        prepared: Vec<Prepared>,
    ) -> Result<Vec<Signed>, Failure> {
        let cost = cost(format, signer.key.algorithm());
        let (mut signed, mut rest) = (Vec::with_capacity(prepared.len()), prepared.into_iter());
        loop {
            let some: Vec<_> = rest.by_ref().take(cost.at_once()).collect();
            if some.is_empty() {
                return Ok(signed);
            }
            if !signed.is_empty() {
                // Others of this thread go on meanwhile.
                tokio::task::yield_now().await;
            }
            let cost = cost.times(some.len());
            let sign = || some.into_iter().map(|prepared| signer.key.sign(prepared)).collect::<Result<Vec<_>, _>>();
            signed.extend(self.in_turn(caller.tenant(), cost, sign).await??);
        }
    }

    /// Puts what was signed, its counts and its event into one write-set, and commits it.
    async fn record_signatures(
        &self,
        permit: &Permit<SignatureCreate>,
        signer: &OpenSigner,
        mut body: Body,
        signed: &[Signed],
        line: Option<&OpenDocument>,
        timestamps: Option<SignatureId>,
    ) -> Result<(Signature, Receipt), Stop> {
        let (caller, ports, now) = (permit.caller(), self.ports(), self.now());
        let realm = &caller.realm;
        let today = match signer.profile.max_signatures_a_day {
            Some(_) => Some(self.begin_day(caller, signer).await?),
            None => None,
        };
        let id = SignatureId::new(&*ports.clock, &*ports.entropy);
        let kept_until = signer.profile.retention.map(|retention| retention.kept_until(now));
        let dispose_at = kept_until.filter(|_| signer.profile.retention.is_some_and(|retention| retention.dispose));
        let mut deed = Deed::by(permit);
        if let Some((line, signed)) = line.zip(signed.first()) {
            body.version_of = Some(line.version_of(&signed.digest));
            line.put(&mut deed, realm, id, &signed.digest, ports)?;
        }
        let bytes = serde_json::to_vec(&body).map_err(Failure::from)?;
        let row = SignatureRow {
            id,
            signer: signer.row.id,
            event: deed.event(ports),
            body: realm.seal(&places::SIGNATURE, id.as_bytes(), &bytes, ports)?,
            created_at: now,
            kept_until,
            dispose_at,
            disposed_at: None,
        };
        let count = i64::try_from(signed.len()).map_err(Failure::internal)?;
        if let Some((certificate, version)) = signer.certificate {
            // That it is not revoked is not of this epoch.
            deed.changes.guard_certificate(certificate, version);
        }
        deed.changes.count_up_by(&made(signer.row.id), "signatures of this signer", count);
        if let Some(counter) = today {
            deed.changes.count_up_by(&counter, "signatures of this signer today", count);
        }
        deed.changes.insert_signature(&row);
        if let Some(at) = dispose_at {
            deed.changes.insert_job(&disposal(at));
        }
        let mut detail = record(id, signer, &body, signed);
        detail.extend(kept_until.map(|until| ("kept_until".to_owned(), until.to_string().into())));
        if let Some(version) = &body.version_of {
            detail.insert("version_of".to_owned(), serde_json::to_value(version).map_err(Failure::from)?);
        }
        detail.extend(timestamps.map(|id| ("timestamps".to_owned(), id.to_string().into())));
        let receipt = deed.commit(ports, "signature.create", *id.as_bytes(), detail).await?;
        Ok((signatures::shown(&row, body), receipt))
    }

    /// The counter of today's signatures, made if it is not there yet. At zero it says nothing, so it is no act.
    async fn begin_day(&self, caller: &Caller, signer: &OpenSigner) -> Result<String, Stop> {
        let today = day(self.now());
        let counter = made_on(signer.row.id) + &today;
        if !signer.counts_on(&today) {
            let mut changes = caller.realm.view.changes();
            // The limit is that of the profile in force at the commit.
            if enforced!("signatures.day") {
                changes.guard_epoch(caller.realm.record.epoch);
            }
            changes.open_counter(&counter, ceiling(signer.profile.max_signatures_a_day));
            caller.apart(changes.commit()).await?;
            signer.has_begun(&today);
        }
        Ok(counter)
    }
}

/// A document as the evaluator sees it: one that was sent is named by a digest that was made here.
fn artifact(document: &Document, format: Format, algorithm: SignatureAlgorithm) -> Artifact {
    let name = document.name.clone();
    match &document.content {
        Content::Digest(digest, size) => Artifact { name, size: *size, digest: digest.clone(), content: None },
        Content::Whole(bytes) => {
            let kind = match format {
                Format::Cms | Format::Jar => content_digest(algorithm),
                _ => algorithm.digest().unwrap_or(DigestAlgorithm::Sha256),
            };
            let digest = digest(kind, bytes);
            Artifact { name, size: u64::try_from(bytes.len()).ok(), digest, content: Some(bytes.clone()) }
        }
    }
}

/// What the event says: the decision with all that went into it, and of each document its digest and that of its signature.
fn record(id: SignatureId, signer: &OpenSigner, body: &Body, signed: &[Signed]) -> Detail {
    let fingerprint = |signed: &Signed| digest(DigestAlgorithm::Sha256, &signed.signature).to_string();
    let documents = body.documents.iter().zip(signed).map(|(document, signed)| {
        let mut told = detail! { "digest" => document.digest.as_str(), "signature" => fingerprint(signed) };
        told.extend(document.name.as_ref().map(|name| ("name".to_owned(), name.as_str().into())));
        told.extend(document.size.map(|size| ("size".to_owned(), size.into())));
        if let Some(stamp) = &signed.stamp {
            told.extend(detail! { "serial" => stamp.serial.to_string(), "time" => stamp.at.to_string() });
        }
        serde_json::Value::from(told)
    });
    let documents: Vec<_> = documents.collect();
    let facts = &signer.facts;
    let mut detail = detail! {
        "signature" => id.to_string(), "signer" => signer.row.name.as_str(), "signer_id" => signer.row.id.to_string(),
        "signer_version" => signer.version.version, "chain" => signer.fingerprints.as_slice(), "format" => body.format.as_str(),
        "algorithm" => body.algorithm.as_str(), "policy_version" => body.policy_version, "documents" => documents,
        "key_algorithm" => facts.key.as_str(), "not_before" => facts.not_before.to_string(), "not_after" => facts.not_after.to_string(),
        "moves" => vec!["approved", "prepared", "signed"],
    };
    if let Some((certificate, _)) = signer.certificate {
        detail.insert("certificate".to_owned(), certificate.to_string().into());
    }
    detail
}
