//! Evidence: one file about one act, put together from the log, from what the act rests upon and from what it made (I14).

use crate::documents::newest_version;
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
    BUNDLE, Bundle, EventProof, InclusionProof, OpenedEvent, SignatureEvidence, TRUST, TimestampEvidence, TrustFile, TrustedLog, View,
};
use chancery_store::{AuthorityRow, CertificateRow};
use chancery_x509::pem;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::str::FromStr;

/// So often a bundle is put together anew because the log grew meanwhile.
const TRIES: usize = 5;

/// A bundle in the making.
struct Gathered<'a> {
    service: &'a Chancery,
    caller: &'a Caller,
    checkpoints: Vec<String>,
}

/// What an event says of what it is about.
struct Told(Value);

impl Chancery {
    /// The evidence of the act that this event records, as somebody may see it.
    pub async fn evidence(&self, caller: &Caller, id: EventId, view: View) -> Result<Bundle, Failure> {
        for _ in 0..TRIES {
            let bundle = self.gather(caller, id).await?;
            // The log may have grown between two proofs: all of an epoch lead to one checkpoint, so that it shows one face.
            let origins: HashSet<_> = bundle.checkpoints.iter().filter_map(|note| note.lines().next()).collect();
            if origins.len() == bundle.checkpoints.len() {
                return Ok(if enforced!("evidence.view") { bundle.as_seen_by(view) } else { bundle });
            }
        }
        Err(Failure::Unavailable("the log grows faster than its proofs are read: ask again".to_owned()))
    }

    async fn gather(&self, caller: &Caller, id: EventId) -> Result<Bundle, Failure> {
        let mut gathered = Gathered { service: self, caller, checkpoints: Vec::new() };
        let (act, told) = gathered.prove(id).await?;
        let realm = &caller.realm;
        // What the act made has permissions of its own (I2).
        if told.act() == "signature.create" {
            self.permit::<SignatureRead>(caller).await?;
        } else if told.is_of_certificate() {
            self.permit::<CertificateRead>(caller).await?;
        }
        let (mut lineage, mut later) = (Vec::new(), Vec::new());
        for (kind, subject, version) in told.rests_upon() {
            lineage.extend(gathered.prove_origin(kind, &subject, version).await?);
        }
        if let Some((kind, subject)) = told.taken_back_by() {
            later.extend(gathered.prove_origin(kind, &subject, 1).await?);
        }
        if let Some((document, own, _)) = told.version_of() {
            // The next version and the newest: each says what it supersedes.
            let newest = newest_version(realm, document).await?;
            for version in
                BTreeSet::from([own.saturating_add(1), newest]).into_iter().filter(|version| own < *version && *version <= newest)
            {
                later.extend(gathered.prove_origin(LineageKind::DocumentVersion, document.as_bytes(), version).await?);
            }
        }
        let (chain, revocation) = self.certificates_of(realm, &told).await?;
        let timestamps = gathered.timestamps_of(&told).await?;
        let encoded = |ders: Vec<Vec<u8>>| ders.iter().map(|der| STANDARD.encode(der)).collect();
        Ok(Bundle {
            format: BUNDLE.to_owned(),
            view: View::Full,
            tenant: realm.id,
            act,
            lineage,
            later,
            checkpoints: gathered.checkpoints,
            platform: None,
            signatures: signatures_of(realm, &told).await?,
            timestamps,
            chain: encoded(chain),
            revocation: encoded(revocation),
        })
    }

    /// What somebody has to trust beforehand to verify the tenant's evidence: its log's keys, the platform's, and the tenant's roots.
    pub async fn trust_file(&self, caller: &Caller) -> Result<TrustFile, Failure> {
        self.permit::<EventRead>(caller).await?;
        let authorities = caller.realm.view.authorities().await?;
        let keys = self.log_epochs(caller).await?.into_iter().map(|epoch| epoch.verifier_key).collect();
        // Its own, for what they signed stays signed; somebody else's only while one of its issuers stands below it.
        let below = |root: &AuthorityRow| authorities.iter().any(|row| row.parent == Some(root.id) && row.key.is_some());
        let trusted = |row: &&AuthorityRow| {
            row.parent.is_none() && (row.key.is_some() || row.state == IssuerState::Active && below(row)) || !enforced!("trust.roots")
        };
        let roots = authorities.iter().filter(trusted).filter_map(|row| row.certificate.as_ref());
        let roots: Vec<_> = roots.map(|der| pem::encode(pem::CERTIFICATE, der)).collect();
        Ok(TrustFile {
            format: TRUST.to_owned(),
            logs: vec![TrustedLog { tenant: caller.tenant(), keys }],
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

impl Gathered<'_> {
    /// That an event stands in the log, and what it says.
    async fn prove(&mut self, id: EventId) -> Result<(EventProof, Told), Failure> {
        let found = self.service.event_proof(self.caller, id).await?;
        let proof = InclusionProof::parse(&found.proof).map_err(Failure::internal)?;
        let note = proof.checkpoint.to_string();
        let checkpoint = self.checkpoints.iter().position(|known| *known == note).unwrap_or_else(|| {
            self.checkpoints.push(note);
            self.checkpoints.len().saturating_sub(1)
        });
        let told = Told(serde_json::from_str(&found.canonical)?);
        let proof = EventProof {
            checkpoint,
            index: proof.index,
            leaf: hex::encode(found.leaf),
            inclusion: proof.hashes.iter().map(hex::encode).collect(),
            opened: Some(OpenedEvent { salt: hex::encode(found.salt), event: found.canonical }),
        };
        Ok((proof, told))
    }

    /// The timestamps in the signatures of an act, each with what tells of its authority.
    async fn timestamps_of(&mut self, told: &Told) -> Result<Option<TimestampEvidence>, Failure> {
        let Some(id) = told.id::<SignatureId>("timestamps") else { return Ok(None) };
        let realm = &self.caller.realm;
        let row = realm.view.signature(id).await?.ok_or_else(|| Failure::internal("the timestamps of a signature are missing"))?;
        let (act, given) = self.prove(row.event).await?;
        let (_, lists) = self.service.certificates_of(realm, &given).await?;
        let documents = signatures::read(realm, &row).await?.documents.into_iter();
        let revocation = lists.iter().map(|der| STANDARD.encode(der)).collect();
        Ok(Some(TimestampEvidence { act, tokens: documents.map(|document| document.signature).collect(), revocation }))
    }

    /// The event that made this, or took it back. What was made before lineage was kept has none.
    async fn prove_origin(&mut self, kind: LineageKind, subject: &[u8], version: u32) -> Result<Option<EventProof>, Failure> {
        match self.caller.realm.view.lineage(kind, subject, version).await? {
            None => Ok(None),
            Some(row) => Ok(Some(self.prove(row.event).await?.0)),
        }
    }
}

/// The signatures that the act made.
async fn signatures_of(realm: &Realm, told: &Told) -> Result<Vec<SignatureEvidence>, Failure> {
    let Some(id) = told.id::<SignatureId>("signature").filter(|_| told.act() == "signature.create") else { return Ok(Vec::new()) };
    let Some(row) = realm.view.signature(id).await? else { return Ok(Vec::new()) };
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
