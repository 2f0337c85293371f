//! A signer as its realm holds it: unlocked, with the profile in force and what is known of its certificate.

use crate::Failure;
use crate::key_reuse;
use crate::places::{self, signer_row};
use crate::realm::Realm;
use crate::signing_key::SigningKey;
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::issuer::IssuerState;
use chancery_domain::signing::decision::{SignerFacts, Standing};
use chancery_domain::signing::{SignerName, SigningProfile};
use chancery_domain::{CertificateId, SignerId, Timestamp, enforced};
use chancery_store::{SignerRow, SignerVersionRow, SigningProfileRow};
use chancery_x509::{CertificateSummary, SignerUse, document_signer};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// A signer, opened.
pub(crate) struct OpenSigner {
    pub(crate) row: SignerRow,
    pub(crate) profile: SigningProfile,
    pub(crate) profile_row: SigningProfileRow,
    /// The version of key and chain that signs.
    pub(crate) version: SignerVersionRow,
    pub(crate) key: SigningKey,
    /// Its certificate and those above it but for the root, DER.
    pub(crate) chain: Vec<Vec<u8>>,
    /// SHA-256 of each certificate of its chain, its own first.
    pub(crate) fingerprints: Vec<String>,
    pub(crate) facts: SignerFacts,
    /// Its certificate in the inventory, with the version that the facts are of.
    pub(crate) certificate: Option<(CertificateId, i64)>,
    /// The day whose counter is known to be there.
    day: Mutex<Option<String>>,
}

/// The sealed chain of a version.
#[derive(Serialize, Deserialize)]
pub(crate) struct ChainBody {
    /// PEM, the signer's certificate first.
    pub(crate) chain: Vec<String>,
}

/// The counter of all signatures of a signer.
pub(crate) fn made(signer: SignerId) -> String {
    format!("signatures:{signer}")
}

/// What the counters of its signatures of a day are called, but for the day.
pub(crate) fn made_on(signer: SignerId) -> String {
    format!("signatures:{signer}:")
}

/// The day in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// A limit as a counter's ceiling.
pub(crate) fn ceiling(limit: Option<u64>) -> i64 {
    limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX)
}

impl OpenSigner {
    /// Whether the day's counter is known to be there.
    pub(crate) fn counts_on(&self, day: &str) -> bool {
        self.day.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(day)
    }

    pub(crate) fn has_begun(&self, day: &str) {
        *self.day.lock().unwrap_or_else(PoisonError::into_inner) = Some(day.to_owned());
    }
}

impl Realm {
    /// The signer of this name with the version that signs now.
    pub(crate) async fn signer(&self, name: &SignerName) -> Result<Option<Arc<OpenSigner>>, Failure> {
        if let Some(known) = self.signers.find(name) {
            return Ok(Some(known));
        }
        let Some(row) = self.view.signer(name).await? else { return Ok(None) };
        let opened = self.open_signer(row).await?;
        Ok(Some(self.signers.keep(name.clone(), opened)))
    }

    async fn open_signer(&self, row: SignerRow) -> Result<OpenSigner, Failure> {
        let profile_row = self.view.signing_profile(row.id).await?.ok_or_else(|| Failure::internal("a signer has no profile"))?;
        let profile = self.signing_profile(&profile_row)?;
        let versions = self.view.signer_versions(row.id).await?;
        let version = versions.into_iter().find(|version| version.retired_at.is_none());
        let version = version.ok_or_else(|| Failure::internal("a signer has no key"))?;
        let sealed = version.key.as_ref().ok_or_else(|| Failure::internal("the key of a signer is missing"))?;
        let key = SigningKey::open(&self.open(&places::SIGNER_KEY, &signer_row(row.id, version.version), sealed)?)?;
        let chain = self.signers_chain(&version)?;
        let summaries = chain.iter().map(|der| CertificateSummary::from_der(der)).collect::<Result<Vec<_>, _>>()?;
        let own = summaries.first().ok_or_else(|| Failure::internal("the chain of a signer is empty"))?;
        let (standing, certificate) = self.standing(&version, own).await?;
        let stamps = chain.first().is_some_and(|der| document_signer(der, SignerUse::Timestamps).is_ok());
        let (not_before, not_after) = (own.not_before, own.not_after);
        let facts = SignerFacts { state: row.state, key: key.algorithm(), standing, not_before, not_after, stamps };
        let fingerprints = summaries.iter().map(|summary| summary.sha256.clone()).collect();
        Ok(OpenSigner { row, profile, profile_row, version, key, chain, fingerprints, facts, certificate, day: Mutex::default() })
    }

    /// What is known here against the certificate of a version, and against its key.
    async fn standing(
        &self,
        version: &SignerVersionRow,
        own: &CertificateSummary,
    ) -> Result<(Standing, Option<(CertificateId, i64)>), Failure> {
        // Whichever certificate told of it: of one brought along there is perhaps none here. What is told later starts a new epoch.
        let key = self.view.subject_key(&key_reuse::blind(self, &own.spki_der)?).await?;
        let compromised = key.is_some_and(|key| key.compromised) && enforced!("signer.key-standing");
        let otherwise = if compromised { Standing::KeyCompromised } else { Standing::Good };
        let Some(id) = version.certificate else { return Ok((otherwise, None)) };
        let row = self.view.certificate(id).await?.ok_or_else(|| Failure::internal("the certificate of a signer is missing"))?;
        let issuer = match row.origin.issuer() {
            Some(issuer) => self.view.authority(issuer).await?,
            None => None,
        };
        let standing = match (row.status, issuer.map(|issuer| issuer.state)) {
            (CertificateStatus::Revoked, _) => Standing::Revoked,
            (_, Some(IssuerState::Retired)) if !compromised => Standing::IssuerRetired,
            _ => otherwise,
        };
        Ok((standing, Some((id, row.version))))
    }

    pub(crate) fn signing_profile(&self, row: &SigningProfileRow) -> Result<SigningProfile, Failure> {
        Ok(serde_json::from_slice(&self.open(&places::SIGNING_PROFILE, &signer_row(row.signer, row.version), &row.body)?)?)
    }

    /// The chain of a version, DER.
    pub(crate) fn signers_chain(&self, row: &SignerVersionRow) -> Result<Vec<Vec<u8>>, Failure> {
        let bytes = self.open(&places::SIGNER_CHAIN, &signer_row(row.signer, row.version), &row.chain)?;
        let body: ChainBody = serde_json::from_slice(&bytes)?;
        let der = |pem: &String| chancery_x509::pem::decode(pem).ok().and_then(|blocks| Some(blocks.first()?.der.to_vec()));
        body.chain.iter().map(der).collect::<Option<_>>().ok_or_else(|| Failure::internal("the chain of a signer is damaged"))
    }
}
