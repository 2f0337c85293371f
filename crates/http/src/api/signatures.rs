//! `/v1/tenants/{tenant}/signers/{signer}/signatures` and `/v1/tenants/{tenant}/signatures…`: signing, and what was signed.

use crate::api::common::{EventRef, PageQuery, Query};
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_app::{Chancery, Content, Document, Page, SignRequest, Signature, VersionOf, VersionWish};
use chancery_domain::signature::{Digest, Format, SignatureAlgorithm};
use chancery_domain::{SignatureId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is to be signed, all of it or nothing.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignBody {
    /// The form of the signatures.
    pub format: Format,
    /// The kind of signature; by default the one that the signer's profile prefers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<SignatureAlgorithm>,
    /// Whether the document goes into the signature. Of `jws` it does by default, of `cms` and `sigstore` not, which then holds an
    /// in-toto statement; `dsse` always holds it, `raw`, `jar`, `pades` and `authenticode` never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<bool>,
    /// Whether a timestamp goes into each signature (`cms`, `jar`, `pades`, `authenticode`, `sigstore`), given by the signer that the
    /// profile names. By default if the profile wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<bool>,
    /// Of which document this is a version; it is signed by a request of its own then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_of: Option<VersionWishBody>,
    /// The documents, each to be signed by itself.
    #[schema(min_items = 1, max_items = 100)]
    pub documents: Vec<DocumentBody>,
}

/// A document with versions. The newest is signed once more if this is the very same thing, else this becomes the next version.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionWishBody {
    /// What you call the document, for good: a name that is new makes a new document.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The version that you take for the newest, 0 if there should be none: refused if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<u32>,
}

/// A document to be signed: its `digest`, or its `content`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentBody {
    /// What you call it; it is kept with the signature, at most 255 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub name: Option<String>,
    /// Its digest, for `jar` that of its signature file, for `pades` that of its byte range, for `authenticode` as that is defined:
    /// `sha-256:`, `sha-384:` or `sha-512:` and hexadecimal digits. The document stays with you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// With `digest`, its length in bytes; it is kept with the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The document itself, base64, where it goes into the signature, and for `raw` with Ed25519 or ML-DSA, which sign no digest. Of
    /// `dsse` it is an in-toto statement, and of `sigstore` if it is attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// Why a signature is taken back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawBody {
    /// The reason, which its evidence will tell: at most 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Until when signatures are kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetainBody {
    /// The time, RFC 3339, later than the one until which they are kept.
    #[schema(format = DateTime)]
    pub kept_until: String,
}

/// The signatures of one request.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignatureDocument {
    /// Its id.
    pub id: String,
    /// The signer's name.
    pub signer: String,
    /// Which version of its key and chain signed.
    pub signer_version: u32,
    /// The version of its profile that decided.
    pub policy_version: u32,
    /// The form.
    pub format: String,
    /// The kind of signature.
    pub algorithm: String,
    /// The account that asked, by id.
    pub account: String,
    /// SHA-256 of the signer's certificate.
    pub certificate_sha256: String,
    /// When.
    pub created_at: String,
    /// The event that recorded it, by id.
    pub recorded_by: String,
    /// What was signed, in the order of the request.
    pub documents: Vec<SignedDocumentBody>,
    /// Until then nobody removes it; for ever, if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<String>,
    /// When it was removed, past its retention and on no legal hold; what it was of is told still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<String>,
    /// The document of which it is a version, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_of: Option<VersionOfBody>,
    /// The event that took it back, by id, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_by: Option<String>,
    /// The event, when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// Which version of which document something is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionOfBody {
    /// The document, by id.
    pub document: String,
    /// Its name.
    pub name: String,
    /// The version's number, from 1.
    pub version: u32,
    /// The version before it; absent of the first, and of a version that was signed once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<VersionBody>,
}

/// A version of a document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionBody {
    /// Its number, from 1.
    pub version: u32,
    /// Its digest.
    pub digest: String,
}

impl From<VersionOf> for VersionOfBody {
    fn from(of: VersionOf) -> Self {
        let supersedes = of.supersedes.map(|before| VersionBody { version: before.version, digest: before.digest });
        Self { document: of.document.to_string(), name: of.name, version: of.version, supersedes }
    }
}

/// A document and its signature.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedDocumentBody {
    /// What its requester calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its length in bytes, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its digest.
    pub digest: String,
    /// The signature in its form, base64; absent when it was removed past its retention.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

/// A page of signatures, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignaturePage {
    /// The signatures.
    pub items: Vec<SignatureDocument>,
    /// The cursor of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<Signature> for SignatureDocument {
    fn from(signature: Signature) -> Self {
        let document = |document: chancery_app::SignedDocument| SignedDocumentBody {
            name: document.name,
            size: document.size,
            digest: document.digest,
            signature: document.signature,
        };
        Self {
            id: signature.id.to_string(),
            signer: signature.signer.to_string(),
            signer_version: signature.signer_version,
            policy_version: signature.policy_version,
            format: signature.format.as_str().to_owned(),
            algorithm: signature.algorithm.as_str().to_owned(),
            account: signature.account.to_string(),
            certificate_sha256: signature.certificate,
            created_at: signature.created_at.to_string(),
            recorded_by: signature.event.to_string(),
            documents: signature.documents.into_iter().map(document).collect(),
            kept_until: signature.kept_until.map(|until| until.to_string()),
            removed_at: signature.disposed_at.map(|at| at.to_string()),
            version_of: signature.version_of.map(Into::into),
            withdrawn_by: signature.withdrawn_by.map(|event| event.to_string()),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(sign)).routes(routes!(list)).routes(routes!(show)).routes(routes!(withdraw)).routes(routes!(retain))
}

/// Have a signer sign one document or up to a hundred, all or none.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signers/{signer}/signatures", tag = "signatures", security(("token" = [])),
    extensions(("x-action" = json!("signature:create"))),
    request_body = SignBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signer" = String, Path, description = "The signer's name"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only: a repetition answers with the very same signatures")),
    responses((status = 201, body = SignatureDocument), Problems))]
async fn sign(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<SignBody>,
) -> Result<(StatusCode, Json<SignatureDocument>), Error> {
    let documents = body.documents.into_iter().map(document).collect::<Result<_, _>>()?;
    let SignBody { format, algorithm, attached, timestamp, version_of, .. } = body;
    let version_of = version_of.map(version_wish).transpose()?;
    let request = SignRequest { format, algorithm, attached, timestamp, documents, version_of };
    let (signature, receipt) = service.sign(&caller.once(once), &ids.parse("signer")?, &request).await?;
    Ok((StatusCode::CREATED, Json(SignatureDocument { event: Some(receipt.into()), ..signature.into() })))
}

fn version_wish(body: VersionWishBody) -> Result<VersionWish, Error> {
    let name = body.name.parse().map_err(|error| Error::field("version_of", error))?;
    Ok(VersionWish { name, supersedes: body.supersedes })
}

fn document(body: DocumentBody) -> Result<Document, Error> {
    if body.name.as_ref().is_some_and(|name| name.is_empty() || name.len() > 255 || name.chars().any(char::is_control)) {
        return Err(Error::field("documents", "a name has 1 to 255 bytes and no control characters"));
    }
    let content = match (body.digest, body.content, body.size) {
        (Some(digest), None, size) => {
            let digest: Digest = digest.parse().map_err(|error| Error::field("documents", error))?;
            Content::Digest(digest, size)
        }
        (None, Some(content), None) => {
            Content::Whole(STANDARD.decode(content).map_err(|_| Error::field("documents", "content is not base64"))?)
        }
        _ => {
            return Err(Error::field(
                "documents",
                "each has a digest, with its size if you like; or a content and nothing else of the two",
            ));
        }
    };
    Ok(Document { name: body.name, content })
}

/// List signatures.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/signatures", tag = "signatures", security(("token" = [])),
    extensions(("x-action" = json!("signature:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = SignaturePage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(paging): Query<PageQuery>) -> Result<Json<SignaturePage>, Error> {
    let page: Page<SignatureId> = paging.page()?;
    let (found, next) = service.signatures(&caller, page).await?;
    let next = next.map(|id| id.to_string());
    Ok(Json(SignaturePage { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Show the signatures of one request.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/signatures/{signature}", tag = "signatures", security(("token" = [])),
    extensions(("x-action" = json!("signature:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("signature" = String, Path, description = "The signature's id")),
    responses((status = 200, body = SignatureDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<SignatureDocument>, Error> {
    Ok(Json(service.signature(&caller, ids.parse("signature")?).await?.into()))
}

/// Take the signatures of a request back, once and for good. They verify as before; their evidence says that they no longer count.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signatures/{signature}/withdraw", tag = "signatures", security(("token" = [])),
    extensions(("x-action" = json!("signature:withdraw"))),
    request_body = WithdrawBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signature" = String, Path, description = "The signature's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = SignatureDocument), Problems))]
async fn withdraw(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<WithdrawBody>,
) -> Result<Json<SignatureDocument>, Error> {
    let (signature, receipt) = service.withdraw_signature(&caller.once(once), ids.parse("signature")?, &body.reason).await?;
    Ok(Json(SignatureDocument { event: Some(receipt.into()), ..signature.into() }))
}

/// Have the signatures of a request kept longer than their signer's profile said; never shorter.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signatures/{signature}/retain", tag = "signatures", security(("token" = [])),
    extensions(("x-action" = json!("signature:retain"))),
    request_body = RetainBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signature" = String, Path, description = "The signature's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = SignatureDocument), Problems))]
async fn retain(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RetainBody>,
) -> Result<Json<SignatureDocument>, Error> {
    let until = Timestamp::parse(&body.kept_until).map_err(|error| Error::field("kept_until", error))?;
    let (signature, receipt) = service.retain_signature(&caller.once(once), ids.parse("signature")?, until).await?;
    Ok(Json(SignatureDocument { event: Some(receipt.into()), ..signature.into() }))
}
