//! `/v1/tenants/{tenant}/documents…`: documents, their versions, and what became of the signatures of each.

use crate::api::common::{PageQuery, Query, next};
use crate::api::signatures::{SignatureDocument, VersionBody};
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant};
use axum::Json;
use axum::extract::State;
use chancery_app::{Chancery, DocumentEntry, Page, VersionSignature};
use chancery_domain::DocumentId;
use chancery_domain::document::DocumentName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Which documents.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// Only the one of this name.
    #[param(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// At most so many items, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// Which of the signatures of a document.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChainQuery {
    /// At most so many items, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// Only those before this place: the `next` of the page before.
    #[param(minimum = 1, maximum = 2147483647)]
    pub before: Option<u32>,
}

/// A document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DocumentDocument {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When the first version of it was signed.
    pub created_at: String,
    /// Its newest version.
    pub newest: VersionBody,
}

/// A page of documents, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DocumentPage {
    /// The documents.
    pub items: Vec<DocumentDocument>,
    /// The cursor of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A document and a page of the signatures of its versions, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChainDocument {
    /// The document.
    #[serde(flatten)]
    pub document: DocumentDocument,
    /// The signatures.
    pub items: Vec<VersionSignatureDocument>,
    /// The place before which the next page begins, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// A signature of a version.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionSignatureDocument {
    /// Its place among the signatures of the document, from 1.
    pub place: u32,
    /// The version's number, from 1.
    pub version: u32,
    /// The version's digest.
    pub digest: String,
    /// The signature, withdrawn or not.
    pub signature: SignatureDocument,
}

impl From<DocumentEntry> for DocumentDocument {
    fn from(entry: DocumentEntry) -> Self {
        let newest = VersionBody { version: entry.newest.number, digest: entry.newest.digest.to_string() };
        Self { id: entry.id.to_string(), name: entry.name, created_at: entry.created_at.to_string(), newest }
    }
}

impl From<VersionSignature> for VersionSignatureDocument {
    fn from(signed: VersionSignature) -> Self {
        let (version, digest) = (signed.version.number, signed.version.digest.to_string());
        Self { place: signed.place, version, digest, signature: signed.signature.into() }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// List documents of which versions were signed.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/documents", tag = "documents", security(("token" = [])),
    extensions(("x-action" = json!("signature:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), DocumentQuery),
    responses((status = 200, body = DocumentPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(query): Query<DocumentQuery>) -> Result<Json<DocumentPage>, Error> {
    let DocumentQuery { name, limit, cursor } = query;
    let page: Page<DocumentId> = PageQuery { limit, cursor }.page()?;
    let (found, next) = match name {
        Some(name) => {
            let name: DocumentName = name.parse().map_err(|error| Error::field("name", error))?;
            (service.document_named(&caller, &name).await?.into_iter().collect(), None)
        }
        None => {
            let found = service.documents(&caller, page).await?;
            let next = next(&found, page.limit, |document| document.id.to_string());
            (found, next)
        }
    };
    Ok(Json(DocumentPage { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Show a document and the signatures of its versions, newest first: which version took the place of which, and what was withdrawn.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/documents/{document}", tag = "documents", security(("token" = [])),
    extensions(("x-action" = json!("signature:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("document" = String, Path, description = "The document's id"),
    ChainQuery),
    responses((status = 200, body = ChainDocument), Problems))]
async fn show(
    State(service): State<Chancery>,
    caller: InTenant,
    ids: Ids,
    Query(query): Query<ChainQuery>,
) -> Result<Json<ChainDocument>, Error> {
    // A place that there can be, as the document says: 31 bits.
    if query.before.is_some_and(|before| before == 0 || before > i32::MAX.unsigned_abs()) {
        return Err(Error::field("before", "give the `next` of the page before, unchanged"));
    }
    let page = Page { before: query.before, ..PageQuery { limit: query.limit, cursor: None }.page()? };
    let (document, found) = service.document(&caller, ids.parse("document")?, page).await?;
    let next = found.last().filter(|_| found.len() == page.limit as usize).map(|signed| signed.place);
    Ok(Json(ChainDocument { document: document.into(), items: found.into_iter().map(Into::into).collect(), next }))
}
