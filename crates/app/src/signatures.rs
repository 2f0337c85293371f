//! Signatures that were made: what is kept of them, and reading them.

use crate::authorise::sift;
use crate::open_signer::OpenSigner;
use crate::places;
use crate::realm::Realm;
use crate::signing_key::Signed;
use crate::view::{Signature, SignedDocument, VersionOf};
use crate::{Caller, Chancery, Failure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::action::SignatureRead;
use chancery_domain::lineage::LineageKind;
use chancery_domain::signature::{Format, SignatureAlgorithm};
use chancery_domain::signing::SignerName;
use chancery_domain::{AccountId, SignatureId};
use chancery_store::{Page, SignatureRow};
use serde::{Deserialize, Serialize};

/// The sealed part of a row.
#[derive(Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) signer: SignerName,
    pub(crate) signer_version: u32,
    /// The signing profile's version that decided.
    pub(crate) policy_version: u32,
    pub(crate) format: Format,
    pub(crate) algorithm: SignatureAlgorithm,
    /// Who asked.
    pub(crate) account: AccountId,
    /// SHA-256 of the signer's certificate.
    pub(crate) certificate: String,
    pub(crate) documents: Vec<SignedDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version_of: Option<VersionOf>,
}

impl Chancery {
    /// The signatures of one request.
    pub async fn signature(&self, caller: &Caller, id: SignatureId) -> Result<Signature, Failure> {
        let (_permit, row) = self.permit_on::<SignatureRead, _>(caller, caller.realm.view.signature(id).await?).await?;
        read(&caller.realm, &row).await
    }

    /// A page of signatures, newest first, and where the next begins.
    pub async fn signatures(&self, caller: &Caller, page: Page<SignatureId>) -> Result<(Vec<Signature>, Option<SignatureId>), Failure> {
        let within = self.permit_within::<SignatureRead>(caller).await?;
        let (rows, next) = sift!(within, page, |at| caller.realm.view.signatures(at).await?, |row| row.id);
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push(read(&caller.realm, row).await?);
        }
        Ok((found, next))
    }
}

/// What is kept of signatures that were made.
pub(crate) fn body(
    caller: &Caller,
    signer: &OpenSigner,
    policy_version: u32,
    (format, algorithm): (Format, SignatureAlgorithm),
    signed: &[Signed],
) -> Body {
    let document = |signed: &Signed| SignedDocument {
        name: signed.name.clone(),
        size: signed.size,
        digest: signed.digest.to_string(),
        signature: STANDARD.encode(&signed.signature),
    };
    Body {
        signer: signer.row.name.clone(),
        signer_version: signer.version.version,
        policy_version,
        format,
        algorithm,
        account: caller.account(),
        certificate: signer.fingerprints.first().cloned().unwrap_or_default(),
        documents: signed.iter().map(document).collect(),
        version_of: None,
    }
}

/// The sealed part of a row, opened.
pub(crate) fn body_of(realm: &Realm, row: &SignatureRow) -> Result<Body, Failure> {
    Ok(serde_json::from_slice(&realm.open(&places::SIGNATURE, row.id.as_bytes(), &row.body)?)?)
}

/// The signatures as they are stored.
pub(crate) async fn read(realm: &Realm, row: &SignatureRow) -> Result<Signature, Failure> {
    let body = body_of(realm, row)?;
    let withdrawal = realm.view.lineage(LineageKind::Withdrawal, row.id.as_bytes(), 1).await?;
    Ok(Signature { withdrawn_by: withdrawal.map(|withdrawal| withdrawal.event), ..shown(row, body) })
}

/// The signatures as they are answered when they were just made.
pub(crate) fn shown(row: &SignatureRow, body: Body) -> Signature {
    Signature {
        id: row.id,
        signer: body.signer,
        signer_version: body.signer_version,
        policy_version: body.policy_version,
        format: body.format,
        algorithm: body.algorithm,
        account: body.account,
        certificate: body.certificate,
        event: row.event,
        created_at: row.created_at,
        kept_until: row.kept_until,
        disposed_at: row.disposed_at,
        documents: body.documents,
        version_of: body.version_of,
        withdrawn_by: None,
    }
}
