//! `/v1/tenants/{tenant}/accounts/{account}/keys…`: public keys of accounts.

use crate::api::certificates::pem_or_der;
use crate::api::common::EventRef;
use crate::api::platform::EmptyBody;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_app::{AccountKey, Chancery, NewAccountKey, public_key_pem};
use chancery_domain::Timestamp;
use chancery_domain::account_key::KeyPurpose;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A key to be registered. What its holder signs is described in docs/authentication.md.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterKeyBody {
    /// What it is for: `request` signs the account's requests, `approve` its approvals.
    pub purpose: KeyPurpose,
    /// The public key: SubjectPublicKeyInfo in PEM (`PUBLIC KEY`), or base64 of its DER. Ed25519, ECDSA on P-256 or P-384.
    pub public_key: String,
    /// When its holder signed the statement, RFC 3339: within the last day.
    pub stated_at: String,
    /// The holder's signature over the statement, base64; with ECDSA an Ecdsa-Sig-Value DER.
    pub proof: String,
    /// What to call it, up to 100 characters, for people only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Its lifetime in seconds; 366 days by default, 732 days at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// A public key of an account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountKeyDocument {
    /// Its id, which follows from the key: UUID version 8 of its thumbprint.
    pub id: String,
    /// The account.
    pub account: String,
    /// What it is for: `request` or `approve`.
    pub purpose: KeyPurpose,
    /// Its kind: `ed25519`, `ec-p256` or `ec-p384`.
    pub algorithm: String,
    /// SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    pub thumbprint: String,
    /// The public key, SubjectPublicKeyInfo in PEM.
    pub public_key: String,
    /// What it is called.
    pub label: String,
    /// When it was registered.
    pub created_at: String,
    /// From when on it is worth nothing.
    pub expires_at: String,
    /// When it was ended.
    pub ended_at: Option<String>,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// The keys of an account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountKeyList {
    /// The keys, newest first, ended ones included.
    pub items: Vec<AccountKeyDocument>,
}

impl From<&AccountKey> for AccountKeyDocument {
    fn from(key: &AccountKey) -> Self {
        Self {
            id: key.id.to_string(),
            account: key.account.to_string(),
            purpose: key.purpose,
            algorithm: key.algorithm.as_str().to_owned(),
            thumbprint: hex::encode(key.thumbprint),
            public_key: public_key_pem(&key.spki),
            label: key.label.clone(),
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.to_string(),
            ended_at: key.ended_at.map(|at| at.to_string()),
            event: None,
        }
    }
}

impl RegisterKeyBody {
    fn key(self) -> Result<NewAccountKey, Error> {
        let stated_at = Timestamp::parse(&self.stated_at).map_err(|error| Error::field("stated_at", error))?;
        let proof = STANDARD.decode(&self.proof).map_err(|_| Error::field("proof", "base64 of the signature"))?;
        let lifetime = Duration::from_secs(self.expires_in_seconds.unwrap_or(366 * 86_400));
        let public_key = pem_or_der("public_key", &self.public_key)?;
        Ok(NewAccountKey { purpose: self.purpose, public_key, stated_at, proof, label: self.label, lifetime })
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list, register)).routes(routes!(end))
}

/// List the keys of an account. Of one's own account `own-key:write` does.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/accounts/{account}/keys", tag = "account-keys", security(("token" = [])),
    extensions(("x-action" = json!("account:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("account" = String, Path, description = "The account's id")),
    responses((status = 200, body = AccountKeyList), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<AccountKeyList>, Error> {
    let keys = service.account_keys(&caller, ids.parse("account")?).await?;
    Ok(Json(AccountKeyList { items: keys.iter().map(Into::into).collect() }))
}

/// Register a key, with the proof that its holder has it and means it for this account. Nobody gives rights that they lack. A key for
/// approvals is registered by the account itself, with `own-key:write`, and by nobody else.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/keys", tag = "account-keys", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))),
    request_body = RegisterKeyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = AccountKeyDocument), Problems))]
async fn register(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RegisterKeyBody>,
) -> Result<(StatusCode, Json<AccountKeyDocument>), Error> {
    let account = ids.parse("account")?;
    let (key, receipt) = service.register_account_key(&caller.once(once), account, &body.key()?).await?;
    Ok((StatusCode::CREATED, Json(AccountKeyDocument { event: Some(receipt.into()), ..(&key).into() })))
}

/// End a key; every node obeys within 5 s. Its own account may do so with `own-key:write`.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/keys/{key}/end", tag = "account-keys", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"), ("key" = String, Path, description = "The key's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = AccountKeyDocument), Problems))]
async fn end(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<AccountKeyDocument>, Error> {
    let (key, receipt) = service.end_account_key(&caller.once(once), ids.parse("account")?, ids.parse("key")?).await?;
    Ok(Json(AccountKeyDocument { event: Some(receipt.into()), ..(&key).into() }))
}
