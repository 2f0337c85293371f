//! `/v1/tenants/{tenant}/signers…`: who signs, under which profile, with which key and chain.

use crate::api::certificates::{IssueBody, issue_request};
use crate::api::common::{EventRef, key_algorithm_in};
use crate::api::platform::EmptyBody;
use crate::api::profiles::if_match;
use crate::problem::{Error, Problem, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_app::{AskedProfile, Chancery, NewSigner, RollSigner, Signer, SignerSource, SignerVersion, certificate_pem};
use chancery_domain::scope::Environment;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::signing::{Retention, SignerName, SigningProfile, TimestampTerms};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

/// What a signer signs. Whatever is not said here cannot be had.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningProfileDocument {
    /// A label such as `production`, by which scopes of bindings tell signers apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
    pub environment: Option<Environment>,
    /// The forms of signature. Who may have `raw` signatures decides alone what they stand for: they also fit into every other form.
    #[schema(min_items = 1)]
    pub formats: Vec<Format>,
    /// The kinds of signature, the preferred one first.
    #[schema(min_items = 1)]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The kinds of digest by which a document may be named.
    #[schema(min_items = 1)]
    pub digests: Vec<DigestAlgorithm>,
    /// The accounts that it signs for, by id; with none named, for each that may have signatures at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 200)]
    pub accounts: Vec<String>,
    /// How many signatures it makes in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub max_signatures: Option<u64>,
    /// How many signatures it makes a day, from midnight to midnight UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub max_signatures_a_day: Option<u64>,
    /// Whether each signature must carry a timestamp.
    #[serde(default)]
    pub timestamp_required: bool,
    /// The signer whose timestamps go into its signatures, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
    pub timestamp_by: Option<String>,
    /// With the format `timestamp`, which then stands alone: what its timestamps say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampTermsDocument>,
    /// The longest document, in bytes; of one that is named by its digest the requester states the length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub max_artifact_bytes: Option<u64>,
    /// For so many seconds after it signs its certificate must still be valid.
    #[serde(default)]
    #[schema(maximum = 632_448_000)]
    pub min_validity_seconds: u32,
    /// How long its signatures are kept; for ever, if nothing is said. A change is for signatures to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionDocument>,
}

/// How long signatures are kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionDocument {
    /// For so many days nobody removes them.
    #[schema(minimum = 7, maximum = 36_500)]
    pub days: u32,
    /// Whether they are removed then, unless a legal hold keeps them.
    pub dispose: bool,
}

/// What timestamps say (RFC 3161).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampTermsDocument {
    /// The policy under which they are given, as numbers with dots.
    #[schema(max_length = 200, pattern = r"^[0-2](\.(0|[1-9][0-9]*))+$")]
    pub policy: String,
    /// How exact they are, in seconds: two at best.
    #[schema(minimum = 2, maximum = 3600)]
    pub accuracy_seconds: u32,
}

/// A signer to be made, with `certify` or `imported`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSignerBody {
    /// Its name, for good: 2 to 40 lower-case letters, digits and inner hyphens, a letter first.
    #[schema(pattern = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
    pub name: String,
    /// What it signs.
    pub signing_profile: SigningProfileDocument,
    /// Make its key here and have it certified so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certify: Option<SignerCertificateBody>,
    /// Take its key and chain from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedKeyBody>,
}

/// The next version of a signer's key and chain; with neither, a new key is certified as the one before was.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollSignerBody {
    /// Make its key here and have it certified so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certify: Option<SignerCertificateBody>,
    /// Take its key and chain from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedKeyBody>,
    /// The kind of the new key, without `certify` and `imported`; that of the one before by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
}

/// The certificate of a signer, by one of the tenant's issuers. Its private key is never given out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignerCertificateBody {
    /// The certificate profile: `code-signing`, `document-signing`, `smime` or one of the tenant's own.
    pub profile: String,
    /// The issuer's id; by default the newest issuing authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The kind of key: `ec-p256` (default) or another one that the profile allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
    /// The names: `release.example.com`, `email:a@example.com`, `uri:…`.
    pub names: Vec<String>,
    /// The common name, one of the names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// The validity in seconds; by default the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity_seconds: Option<u32>,
}

/// A private key and its chain.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedKeyBody {
    /// The private key, PKCS#8 in PEM, not encrypted.
    #[schema(value_type = String)]
    pub private_key: Zeroizing<String>,
    /// Its certificate and those above it, PEM; the root may be left out.
    pub chain: String,
}

/// A signer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignerDocument {
    /// Its id, which stays in events and records.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `active`, or `disabled`: then it signs nothing.
    pub state: String,
    /// The version of its profile that is in force, from 1; also the ETag.
    pub profile_version: u32,
    /// What it signs.
    pub signing_profile: SigningProfileDocument,
    /// How many signatures it made.
    pub signatures: i64,
    /// Its keys and chains, newest first: the first one signs, the others made what they made.
    pub versions: Vec<SignerVersionDocument>,
    /// When it was made.
    pub created_at: String,
    /// The event of what was just done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// A version of a signer's key and chain.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignerVersionDocument {
    /// Its number, from 1.
    pub version: u32,
    /// The kind of its key.
    pub key_algorithm: String,
    /// Its certificate's id in the inventory, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The subject of its certificate.
    pub subject: String,
    /// First second of its certificate.
    pub not_before: String,
    /// Last second of its certificate.
    pub not_after: String,
    /// SHA-256 of its certificate.
    pub sha256: String,
    /// Its certificate and those above it but for the root, PEM.
    pub chain: String,
    /// When it was made.
    pub created_at: String,
    /// When another took its place; its private key is erased since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<String>,
}

/// All signers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignerList {
    /// The signers by name.
    pub items: Vec<SignerDocument>,
}

impl From<SigningProfile> for SigningProfileDocument {
    fn from(profile: SigningProfile) -> Self {
        Self {
            environment: profile.environment,
            formats: profile.formats,
            algorithms: profile.algorithms,
            digests: profile.digests,
            accounts: profile.accounts.iter().map(ToString::to_string).collect(),
            max_signatures: profile.max_signatures,
            max_signatures_a_day: profile.max_signatures_a_day,
            timestamp_required: profile.timestamp_required,
            timestamp_by: profile.timestamp_by.map(|name| name.to_string()),
            timestamp: profile
                .timestamp
                .map(|TimestampTerms { policy, accuracy_seconds }| TimestampTermsDocument { policy, accuracy_seconds }),
            max_artifact_bytes: profile.max_artifact_bytes,
            min_validity_seconds: profile.min_validity_seconds,
            retention: profile.retention.map(|Retention { days, dispose }| RetentionDocument { days, dispose }),
        }
    }
}

impl From<SigningProfileDocument> for AskedProfile {
    fn from(document: SigningProfileDocument) -> Self {
        Self {
            accounts: document.accounts.iter().map(|id| id.parse().ok()).collect(),
            timestamp_by: document.timestamp_by.map(|name| name.parse().ok()),
            profile: SigningProfile {
                environment: document.environment,
                formats: document.formats,
                algorithms: document.algorithms,
                digests: document.digests,
                accounts: Vec::new(),
                max_signatures: document.max_signatures,
                max_signatures_a_day: document.max_signatures_a_day,
                timestamp_required: document.timestamp_required,
                timestamp_by: None,
                timestamp: document
                    .timestamp
                    .map(|TimestampTermsDocument { policy, accuracy_seconds }| TimestampTerms { policy, accuracy_seconds }),
                max_artifact_bytes: document.max_artifact_bytes,
                min_validity_seconds: document.min_validity_seconds,
                retention: document.retention.map(|RetentionDocument { days, dispose }| Retention { days, dispose }),
            },
        }
    }
}

impl From<SignerVersion> for SignerVersionDocument {
    fn from(version: SignerVersion) -> Self {
        Self {
            version: version.version,
            key_algorithm: version.key_algorithm.as_str().to_owned(),
            certificate: version.certificate.map(|id| id.to_string()),
            subject: version.summary.subject,
            not_before: version.summary.not_before.to_string(),
            not_after: version.summary.not_after.to_string(),
            sha256: version.summary.sha256,
            chain: version.chain.iter().map(|der| certificate_pem(der)).collect(),
            created_at: version.created_at.to_string(),
            retired_at: version.retired_at.map(|time| time.to_string()),
        }
    }
}

impl From<Signer> for SignerDocument {
    fn from(signer: Signer) -> Self {
        Self {
            id: signer.id.to_string(),
            name: signer.name.to_string(),
            state: signer.state.as_str().to_owned(),
            profile_version: signer.profile_version,
            signing_profile: signer.profile.into(),
            signatures: signer.signatures,
            versions: signer.versions.into_iter().map(Into::into).collect(),
            created_at: signer.created_at.to_string(),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(change))
        .routes(routes!(roll))
        .routes(routes!(disable))
        .routes(routes!(enable))
}

/// List the signers.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/signers", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = SignerList), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant) -> Result<Json<SignerList>, Error> {
    Ok(Json(SignerList { items: service.signers(&caller).await?.into_iter().map(Into::into).collect() }))
}

/// Make a signer: with a key made here and certified by one of the tenant's issuers, or with a key and chain from elsewhere.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signers", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:write"))),
    request_body = CreateSignerBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = SignerDocument), Problems))]
async fn create(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<CreateSignerBody>,
) -> Result<(StatusCode, Response), Error> {
    let name: SignerName = body.name.parse().map_err(|error| Error::field("name", error))?;
    let source = source(body.certify, body.imported)?;
    let source = source.ok_or_else(|| Error::field("certify", "say what is to be certified, or send a key and its chain in imported"))?;
    let new = NewSigner { name, profile: body.signing_profile.into(), source };
    let (signer, receipt) = service.create_signer(&caller.once(once), &new).await?;
    Ok((StatusCode::CREATED, tagged(SignerDocument { event: Some(receipt.into()), ..signer.into() })))
}

fn source(certify: Option<SignerCertificateBody>, imported: Option<ImportedKeyBody>) -> Result<Option<SignerSource>, Error> {
    match (certify, imported) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Error::field("imported", "with certify the key is made here: leave one of the two out")),
        (None, Some(ImportedKeyBody { private_key, chain })) => Ok(Some(SignerSource::Import { private_key, chain })),
        (Some(body), None) => {
            let request = issue_request(IssueBody {
                profile: body.profile,
                issuer: body.issuer,
                csr: None,
                custody: Some("software-never-released".to_owned()),
                key_algorithm: body.key_algorithm,
                names: Some(body.names),
                common_name: body.common_name,
                validity_seconds: body.validity_seconds,
            })?;
            Ok(Some(SignerSource::Certify(Box::new(request))))
        }
    }
}

/// Show a signer.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/signers/{signer}", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("signer" = String, Path, description = "The signer's name")),
    responses((status = 200, body = SignerDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Response, Error> {
    Ok(tagged(service.signer(&caller, &ids.parse("signer")?).await?.into()))
}

/// Put a new version of a signer's profile in force. If-Match names the version that was read.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/signers/{signer}/signing-profile", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:write"))),
    request_body = SigningProfileDocument, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signer" = String, Path, description = "The signer's name"),
    ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 200, body = SignerDocument), (status = 412, body = Problem, content_type = "application/problem+json"),
    (status = 428, body = Problem, content_type = "application/problem+json"), Problems))]
async fn change(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    headers: HeaderMap,
    Submitted { body, .. }: Submitted<SigningProfileDocument>,
) -> Result<Response, Error> {
    let (signer, receipt) = service.change_signing_profile(&caller, &ids.parse("signer")?, if_match(&headers)?, &body.into()).await?;
    Ok(tagged(SignerDocument { event: Some(receipt.into()), ..signer.into() }))
}

/// Give a signer a new key and chain. Its old key is erased; what that signed verifies as before.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signers/{signer}/roll", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:write"))),
    request_body = RollSignerBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signer" = String, Path, description = "The signer's name"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = SignerDocument), Problems))]
async fn roll(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RollSignerBody>,
) -> Result<Response, Error> {
    if body.key_algorithm.is_some() && (body.certify.is_some() || body.imported.is_some()) {
        return Err(Error::field("key_algorithm", "it is said in certify, or that of the key that is imported"));
    }
    let key_algorithm = key_algorithm_in("key_algorithm", body.key_algorithm)?;
    let roll = RollSigner { source: source(body.certify, body.imported)?, key_algorithm };
    let (signer, receipt) = service.roll_signer(&caller.once(once), &ids.parse("signer")?, &roll).await?;
    Ok(tagged(SignerDocument { event: Some(receipt.into()), ..signer.into() }))
}

/// Stop a signer: it signs nothing until it is enabled.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signers/{signer}/disable", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:disable"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signer" = String, Path, description = "The signer's name"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = SignerDocument), Problems))]
async fn disable(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Response, Error> {
    let (signer, receipt) = service.disable_signer(&caller.once(once), &ids.parse("signer")?).await?;
    Ok(tagged(SignerDocument { event: Some(receipt.into()), ..signer.into() }))
}

/// Let a disabled signer sign again.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signers/{signer}/enable", tag = "signers", security(("token" = [])),
    extensions(("x-action" = json!("signer:write"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signer" = String, Path, description = "The signer's name"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = SignerDocument), Problems))]
async fn enable(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Response, Error> {
    let (signer, receipt) = service.enable_signer(&caller.once(once), &ids.parse("signer")?).await?;
    Ok(tagged(SignerDocument { event: Some(receipt.into()), ..signer.into() }))
}

fn tagged(document: SignerDocument) -> Response {
    let tag = format!("\"{}\"", document.profile_version);
    ([(header::ETAG, tag)], Json(document)).into_response()
}
