//! Evidence: one file about one act, put together from the log, from what the act rests upon and from what it made (I14).

use crate::documents::newest_version;
use crate::epoch::verifier_key;
use crate::log;
use crate::realm::Realm;
use crate::signatures;
use crate::{Caller, Chancery, Failure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::action::{CertificateRead, EventRead, SignatureRead};
use chancery_domain::issuer::IssuerState;
use chancery_domain::lineage::LineageKind;
use chancery_domain::{CertificateId, DocumentId, EventId, IssuerId, SignatureId, SignerId, enforced};
use chancery_evidence::{
    BUNDLE, Bundle, EventProof, OpenedEvent, PlatformProof, SignatureEvidence, TRUST, TimestampEvidence, TrustFile, TrustedLog, View,
};
use chancery_store::{AuthorityRow, CertificateRow, EventRow, LogPlace, LogRow, SignatureRow};
use chancery_x509::pem;
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;

/// What an event says of what it is about.
struct Told(Value);

/// An event that a bundle shows, and where it stands.
struct Shown {
    row: EventRow,
    place: LogPlace,
}

impl Chancery {
    /// The evidence of the act that this event records, as somebody may see it.
    pub async fn evidence(&self, caller: &Caller, id: EventId, view: View) -> Result<Bundle, Failure> {
        let realm = &caller.realm;
        let (row, _) = self.placed_event(caller, id).await?;
        let told = Told(serde_json::from_str(&log::opened(realm, &row)?.1)?);
        // What the act made has permissions of its own (I2).
        if told.act() == "signature.create" {
            self.permit::<SignatureRead>(caller).await?;
        } else if told.is_of_certificate() {
            self.permit::<CertificateRead>(caller).await?;
        }
        self.evidence_of(realm, id, view).await
    }

    /// The same for whoever may have it already.
    pub(crate) async fn evidence_of(&self, realm: &Realm, id: EventId, view: View) -> Result<Bundle, Failure> {
        let act = placed(realm, id).await?;
        let told = Told(serde_json::from_str(&log::opened(realm, &act.row)?.1)?);
        let (mut lineage, mut later) = (Vec::new(), Vec::new());
        for (kind, subject, version) in told.rests_upon() {
            lineage.extend(origin_of(realm, kind, &subject, version).await?);
        }
        if let Some((kind, subject)) = told.taken_back_by() {
            later.extend(origin_of(realm, kind, &subject, 1).await?);
        }
        if let Some((document, own, _)) = told.version_of() {
            // The next version and the newest: each says what it supersedes.
            let newest = newest_version(realm, document).await?;
            for version in
                BTreeSet::from([own.saturating_add(1), newest]).into_iter().filter(|version| own < *version && *version <= newest)
            {
                later.extend(origin_of(realm, LineageKind::DocumentVersion, document.as_bytes(), version).await?);
            }
        }
        let stamp = stamp_of(realm, &told).await?;
        let rest = lineage.iter().chain(&later).chain(stamp.as_ref().map(|(_, shown)| shown)).collect();
        let (heads, platform) = self.heads(realm, &act, rest).await?;
        let (chain, revocation) = self.certificates_of(realm, &told).await?;
        let timestamps = match &stamp {
            None => None,
            Some((row, shown)) => Some(self.timestamps(realm, row, shown, &heads).await?),
        };
        let encoded = |ders: Vec<Vec<u8>>| ders.iter().map(|der| STANDARD.encode(der)).collect();
        let bundle = Bundle {
            format: BUNDLE.to_owned(),
            view: View::Full,
            tenant: realm.id,
            act: heads.prove(realm, &act).await?,
            lineage: heads.prove_all(realm, &lineage).await?,
            later: heads.prove_all(realm, &later).await?,
            checkpoints: heads.checkpoints()?,
            platform,
            signatures: signatures_of(realm, &told).await?,
            timestamps,
            chain: encoded(chain),
            revocation: encoded(revocation),
        };
        Ok(if enforced!("evidence.view") { bundle.as_seen_by(view) } else { bundle })
    }

    /// Those timestamps, each with what tells of its authority.
    async fn timestamps(&self, realm: &Realm, row: &SignatureRow, shown: &Shown, heads: &Heads) -> Result<TimestampEvidence, Failure> {
        let given = Told(serde_json::from_str(&log::opened(realm, &shown.row)?.1)?);
        let (_, lists) = self.certificates_of(realm, &given).await?;
        let documents = signatures::read(realm, row).await?.documents.into_iter();
        Ok(TimestampEvidence {
            act: heads.prove(realm, shown).await?,
            tokens: documents.map(|document| document.signature).collect(),
            revocation: lists.iter().map(|der| STANDARD.encode(der)).collect(),
        })
    }

    /// The checkpoint of each epoch that the proofs lead to, so that each shows one face: of the act's the one that was given to the
    /// platform's log, if all events of that epoch are in it, and where it stands there; else the newest.
    async fn heads(&self, realm: &Realm, act: &Shown, rest: Vec<&Shown>) -> Result<(Heads, Option<PlatformProof>), Failure> {
        let all = || std::iter::once(act).chain(rest.iter().copied());
        let last = all().filter(|shown| shown.place.epoch == act.place.epoch).map(|shown| shown.place.index).max();
        let (mut heads, mut proof) = (Heads::default(), None);
        if let Some((head, platform)) = self.published(realm, act.place.epoch, last.unwrap_or(act.place.index)).await? {
            heads.0.push(head);
            proof = Some(platform);
        }
        for shown in all() {
            if heads.0.iter().all(|head| head.epoch != shown.place.epoch) {
                heads.0.push(log::find(&realm.view, Some(shown.place.epoch)).await?);
            }
        }
        Ok((heads, proof))
    }

    /// What somebody has to trust beforehand to verify the tenant's evidence: its log's keys, the platform's, and the tenant's roots.
    pub async fn trust_file(&self, caller: &Caller) -> Result<TrustFile, Failure> {
        self.permit::<EventRead>(caller).await?;
        self.trust_of(&caller.realm).await
    }

    /// The same for whoever may have it already.
    pub(crate) async fn trust_of(&self, realm: &Realm) -> Result<TrustFile, Failure> {
        let authorities = realm.view.authorities().await?;
        let keys = realm.view.log_epochs().await?.iter().map(|row| Ok(verifier_key(row)?.to_string())).collect::<Result<_, Failure>>()?;
        // Its own, for what they signed stays signed; somebody else's only while one of its issuers stands below it.
        let below = |root: &AuthorityRow| authorities.iter().any(|row| row.parent == Some(root.id) && row.key.is_some());
        let trusted = |row: &&AuthorityRow| {
            row.parent.is_none() && (row.key.is_some() || row.state == IssuerState::Active && below(row)) || !enforced!("trust.roots")
        };
        let roots = authorities.iter().filter(trusted).filter_map(|row| row.certificate.as_ref());
        let roots: Vec<_> = roots.map(|der| pem::encode(pem::CERTIFICATE, der)).collect();
        Ok(TrustFile {
            format: TRUST.to_owned(),
            logs: vec![TrustedLog { tenant: realm.id, keys }],
            platform: self.trusted_platform().await?,
            // Its timestamping authorities are certified by the same: what tells them from signers is the purpose of the certificate.
            timestamp_roots: roots.clone(),
            roots,
            ..TrustFile::default()
        })
    }

    /// The certificates that the act is about, the leaf first and without the root, and what is published of their revocation.
    async fn certificates_of(&self, realm: &Realm, told: &Told) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>), Failure> {
        if told.act() == "signature.create" {
            let (Some(signer), Some(version)) = (told.id::<SignerId>("signer_id"), told.number("signer_version")) else {
                return Ok(Default::default());
            };
            let versions = realm.view.signer_versions(signer).await?;
            let Some(row) = versions.iter().find(|row| row.version == version) else { return Ok(Default::default()) };
            let certificate = match row.certificate {
                Some(id) => realm.view.certificate(id).await?,
                None => None,
            };
            return Ok((realm.signers_chain(row)?, self.lists_of(realm, certificate.as_ref()).await?));
        }
        let row = match told.id::<CertificateId>("certificate").filter(|_| told.is_of_certificate()) {
            Some(id) => realm.view.certificate(id).await?,
            None => None,
        };
        let Some(row) = row else { return Ok(Default::default()) };
        let lists = self.lists_of(realm, Some(&row)).await?;
        let certificate = self.certificate_of(realm, &row).await?;
        Ok((std::iter::once(certificate.der).chain(certificate.chain).collect(), lists))
    }

    /// The newest lists that tell of a certificate and of the authority above it.
    async fn lists_of(&self, realm: &Realm, row: Option<&CertificateRow>) -> Result<Vec<Vec<u8>>, Failure> {
        let mut lists = Vec::new();
        let (Some(row), Some(issuer)) = (row, row.and_then(|row| row.origin.issuer())) else { return Ok(lists) };
        lists.extend(realm.view.crl(issuer, row.shard).await?.map(|list| list.der));
        if let Some(root) = realm.view.authority(issuer).await?.and_then(|authority| authority.parent) {
            lists.extend(realm.view.crl(root, 0).await?.map(|list| list.der));
        }
        Ok(lists)
    }
}

async fn placed(realm: &Realm, id: EventId) -> Result<Shown, Failure> {
    let row = realm.view.event(id).await?.ok_or(Failure::NotFound)?;
    Ok(Shown { place: log::place(&row)?, row })
}

/// The event that made this, or took it back. What was made before lineage was kept has none.
async fn origin_of(realm: &Realm, kind: LineageKind, subject: &[u8], version: u32) -> Result<Option<Shown>, Failure> {
    match realm.view.lineage(kind, subject, version).await? {
        None => Ok(None),
        Some(row) => placed(realm, row.event).await.map(Some),
    }
}

/// The act of the authority that gave the timestamps in the signatures, if they have any.
async fn stamp_of(realm: &Realm, told: &Told) -> Result<Option<(SignatureRow, Shown)>, Failure> {
    let Some(id) = told.id::<SignatureId>("timestamps") else { return Ok(None) };
    let row = realm.view.signature(id).await?;
    let row = row.ok_or_else(|| Failure::internal("the timestamps of a signature are missing"))?;
    still_there(realm, &row).await?;
    let shown = placed(realm, row.event).await?;
    Ok(Some((row, shown)))
}

/// The epochs that a bundle's proofs lead to, each as of its checkpoint.
#[derive(Default)]
struct Heads(Vec<LogRow>);

impl Heads {
    async fn prove(&self, realm: &Realm, shown: &Shown) -> Result<EventProof, Failure> {
        let head = self.0.iter().enumerate().find(|(_, head)| head.epoch == shown.place.epoch);
        let (checkpoint, log) = head.ok_or_else(|| Failure::internal("an event of a bundle has no checkpoint"))?;
        proof_of(realm, &shown.row, shown.place, log, checkpoint).await
    }

    async fn prove_all(&self, realm: &Realm, all: &[Shown]) -> Result<Vec<EventProof>, Failure> {
        let mut proofs = Vec::new();
        for shown in all {
            proofs.push(self.prove(realm, shown).await?);
        }
        Ok(proofs)
    }

    fn checkpoints(self) -> Result<Vec<String>, Failure> {
        self.0.into_iter().map(|head| String::from_utf8(head.checkpoint).map_err(Failure::internal)).collect()
    }
}

/// That an event stands in this log, opened, as a bundle shows it.
pub(crate) async fn proof_of(
    realm: &Realm,
    row: &EventRow,
    place: LogPlace,
    log: &LogRow,
    checkpoint: usize,
) -> Result<EventProof, Failure> {
    let (proof, salt, canonical) = log::prove(realm, row, place, log).await?;
    Ok(EventProof {
        checkpoint,
        index: proof.index,
        leaf: hex::encode(row.leaf),
        inclusion: proof.hashes.iter().map(hex::encode).collect(),
        opened: Some(OpenedEvent { salt: hex::encode(salt), event: canonical }),
    })
}

/// Whether the signatures were not removed past their retention: of what was there is no evidence any more.
async fn still_there(realm: &Realm, row: &SignatureRow) -> Result<(), Failure> {
    let removal = realm.view.lineage(LineageKind::Disposal, row.id.as_bytes(), 1).await?;
    if let Some((at, removal)) = row.disposed_at.zip(removal)
        && enforced!("evidence.removed")
    {
        let event = removal.event;
        return Err(Failure::Gone(format!(
            "the signatures of this act were removed at {at} by the event {event}: there is no evidence of it"
        )));
    }
    Ok(())
}

/// The signatures that the act made.
async fn signatures_of(realm: &Realm, told: &Told) -> Result<Vec<SignatureEvidence>, Failure> {
    let Some(id) = told.id::<SignatureId>("signature").filter(|_| told.act() == "signature.create") else { return Ok(Vec::new()) };
    let Some(row) = realm.view.signature(id).await? else { return Ok(Vec::new()) };
    still_there(realm, &row).await?;
    let documents = signatures::read(realm, &row).await?.documents.into_iter();
    Ok(documents.map(|document| SignatureEvidence { digest: document.digest, value: Some(document.signature) }).collect())
}

impl Told {
    fn act(&self) -> &str {
        self.0.get("act").and_then(Value::as_str).unwrap_or_default()
    }
    fn text(&self, field: &str) -> Option<&str> {
        self.0.get("detail")?.get(field)?.as_str()
    }
    fn number(&self, field: &str) -> Option<u32> {
        self.0.get("detail")?.get(field)?.as_u64()?.try_into().ok()
    }
    fn id<T: FromStr>(&self, field: &str) -> Option<T> {
        self.text(field)?.parse().ok()
    }
    fn is_of_certificate(&self) -> bool {
        matches!(self.act(), "certificate.issue" | "certificate.renew" | "certificate.import")
    }

    /// The document that the act signed a version of, that version, and the one before it.
    fn version_of(&self) -> Option<(DocumentId, u32, Option<u32>)> {
        let told = self.0.get("detail")?.get("version_of").filter(|_| self.act() == "signature.create")?;
        let number = |told: &Value| told.get("version")?.as_u64()?.try_into().ok();
        Some((told.get("document")?.as_str()?.parse().ok()?, number(told)?, told.get("supersedes").and_then(number)))
    }

    /// What the act was decided under and made with.
    fn rests_upon(&self) -> Vec<(LineageKind, Vec<u8>, u32)> {
        let mut found = Vec::new();
        let signs = self.act() == "signature.create";
        match (self.id::<SignerId>("signer_id").filter(|_| signs), self.text("profile"), self.number("policy_version")) {
            (Some(signer), _, Some(version)) => found.push((LineageKind::SigningProfile, signer.as_bytes().to_vec(), version)),
            (None, Some(profile), Some(version)) => found.push((LineageKind::Profile, profile.as_bytes().to_vec(), version)),
            _ => {}
        }
        if let (Some(signer), Some(version)) = (self.id::<SignerId>("signer_id"), self.number("signer_version")) {
            found.push((LineageKind::SignerKey, signer.as_bytes().to_vec(), version));
        }
        if let Some((document, _, Some(superseded))) = self.version_of() {
            found.push((LineageKind::DocumentVersion, document.as_bytes().to_vec(), superseded));
        }
        found.extend(self.id::<IssuerId>("issuer").map(|issuer| (LineageKind::Issuer, issuer.as_bytes().to_vec(), 1)));
        found
    }

    /// What would take it back, if it happened.
    fn taken_back_by(&self) -> Option<(LineageKind, Vec<u8>)> {
        if self.act() == "signature.create" {
            return self.id::<SignatureId>("signature").map(|id| (LineageKind::Withdrawal, id.as_bytes().to_vec()));
        }
        let certificate = self.id::<CertificateId>("certificate").filter(|_| self.is_of_certificate());
        certificate.map(|id| (LineageKind::Revocation, id.as_bytes().to_vec()))
    }
}
