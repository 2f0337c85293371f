//! `/v1/tenants/{tenant}/profiles/{profile}/dry-run`: what a request would come to.

use crate::api::certificates::{IssueBody, issue_request};
use crate::problem::{Error, ProblemReason, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use chancery_app::{Chancery, DryRun, Foreseen};
use chancery_domain::profile::{ExtendedKeyUsage, Profile};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A request to be tried.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunBody {
    /// The request as it would be sent to be issued; its profile is the one in the address.
    pub request: IssueBody,
    /// A draft to be tried in place of the profile in force; its own name does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Profile>,
}

/// What a request would come to now. Nothing was stored and no key was used.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DryRunDocument {
    /// Whether the profile and the issuer would allow it now.
    pub allowed: bool,
    /// That it is no promise: what counts is the policy in force, the quota and the caller's rights when it is asked for in earnest.
    pub note: String,
    /// The profile's version in force; absent where a draft was tried.
    pub policy_version: Option<u32>,
    /// What would come out, if allowed.
    pub certificate: Option<ForeseenDocument>,
    /// Every reason against it, if not.
    pub reasons: Vec<ProblemReason>,
}

/// A certificate that would be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ForeseenDocument {
    /// Its issuer's id.
    pub issuer: String,
    /// Its subject; may be empty.
    pub subject: String,
    /// Its names.
    pub names: Vec<String>,
    /// The kind of its key.
    pub key_algorithm: String,
    /// Who would hold the private key.
    pub custody: String,
    /// Its key usages, as RFC 5280 section 4.2.1.3 names them.
    pub key_usage: Vec<String>,
    /// Its extended key usages, as profiles name them.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Every extension that it would carry.
    pub extensions: Vec<ExtensionDocument>,
    /// First second of validity.
    pub not_before: String,
    /// Last second of validity.
    pub not_after: String,
    /// When renewal would become due.
    pub renew_at: String,
}

/// An extension of a certificate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExtensionDocument {
    /// Its object identifier, as `2.5.29.15`.
    pub oid: String,
    /// Its name, as `id-ce-keyUsage`.
    pub name: String,
    /// Whether whoever does not understand it must refuse.
    pub critical: bool,
}

const NOTE: &str =
    "a dry run: nothing was stored, no key was used, and it is no promise; policy, quota and your rights count when you ask in earnest";

impl From<DryRun> for DryRunDocument {
    fn from(run: DryRun) -> Self {
        let (certificate, reasons) = match run.outcome {
            Ok(foreseen) => (Some(foreseen.into()), Vec::new()),
            Err(reasons) => (None, reasons),
        };
        Self {
            allowed: certificate.is_some(),
            note: NOTE.to_owned(),
            policy_version: run.policy_version,
            certificate,
            reasons: reasons.iter().map(Into::into).collect(),
        }
    }
}

impl From<Foreseen> for ForeseenDocument {
    fn from(foreseen: Foreseen) -> Self {
        let extensions = foreseen.content.extensions.iter().map(|extension| ExtensionDocument {
            oid: extension.oid.to_string(),
            name: extension.name.to_owned(),
            critical: extension.critical,
        });
        Self {
            issuer: foreseen.issuer.to_string(),
            subject: foreseen.content.subject,
            names: foreseen.names.iter().map(ToString::to_string).collect(),
            key_algorithm: foreseen.key_algorithm.as_str().to_owned(),
            custody: foreseen.custody.as_str().to_owned(),
            key_usage: foreseen.content.key_usage.into_iter().map(str::to_owned).collect(),
            extended_key_usage: foreseen.extended_key_usage,
            extensions: extensions.collect(),
            not_before: foreseen.not_before.to_string(),
            not_after: foreseen.not_after.to_string(),
            renew_at: foreseen.renew_at.to_string(),
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(dry_run))
}

/// Try a request without issuing: what would come out, or every reason against it. Nothing is stored, no key is used, and
/// nothing is promised.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/profiles/{profile}/dry-run", tag = "profiles", security(("token" = [])),
    extensions(("x-action" = json!("profile:read"))),
    request_body = DryRunBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("profile" = String, Path, description = "The profile's name")),
    responses((status = 200, body = DryRunDocument), Problems))]
async fn dry_run(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, .. }: Submitted<DryRunBody>,
) -> Result<Json<DryRunDocument>, Error> {
    let name = ids.parse("profile")?;
    Ok(Json(service.dry_run(&caller, &name, body.draft.as_ref(), &issue_request(body.request)?).await?.into()))
}
