//! `GET /v1/tenants/{tenant}/certificates/export/{format}`: the inventory as CSV or JSON lines, streamed page by page.

use crate::api::certificates::{CertificateDocument, CertificateQuery};
use crate::api::common::Query;
use crate::problem::{Error, Problems};
use crate::request::InTenant;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_app::{Caller, CertificateSearch, Chancery, Failure};
use chancery_domain::CertificateId;
use futures_util::stream::try_unfold;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A form of the export.
#[derive(Clone, Copy)]
enum Form {
    Csv,
    JsonLines,
}

/// Which certificates, all of them: an export has no pages.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Only those with this name; `*.example.com` means every host below `example.com`, at any depth.
    pub name: Option<String>,
    /// Only those with this serial number, 32 to 40 hexadecimal digits.
    pub serial: Option<String>,
    /// Only those with this status: `issued`, `renewed`, `revoked`, `expired`.
    pub status: Option<String>,
    /// Only those of this profile.
    pub profile: Option<String>,
    /// Only those of the issuer with this id.
    pub issuer: Option<String>,
    /// Only those whose validity ends before this time, RFC 3339; those that end last are first, unless `name` or `serial` is given.
    pub expires_before: Option<String>,
    /// With `true` only issued ones whose renewal is due; those due last are first, unless `name` or `serial` is given.
    pub renewal_due: Option<bool>,
}

impl From<ExportQuery> for CertificateQuery {
    fn from(query: ExportQuery) -> Self {
        let ExportQuery { name, serial, status, profile, issuer, expires_before, renewal_due } = query;
        Self { name, serial, status, profile, issuer, expires_before, renewal_due, limit: None, cursor: None }
    }
}

/// How far an export has come.
struct Export {
    service: Chancery,
    caller: Caller,
    search: CertificateSearch,
    form: Form,
    /// The last certificate that went out; `None` at the end.
    at: Option<Option<CertificateId>>,
}

const HEAD: &str = "id,status,profile,issuer,serial,names,subject,not_before,not_after,renew_at,custody,sha256,origin\r\n";

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(export_csv)).routes(routes!(export_json_lines))
}

/// Export certificates as CSV (RFC 4180), in the order of the list. The event of the export is named in the header `chancery-event`.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/certificates/export/csv", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"), Problems))]
async fn export_csv(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Error> {
    export(service, caller, query, Form::Csv).await
}

/// Export certificates as JSON lines, each as it is shown, in the order of the list. The event of the export is named in the header `chancery-event`.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/certificates/export/jsonl", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ExportQuery),
    responses((status = 200, body = String, content_type = "application/jsonl"), Problems))]
async fn export_json_lines(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Error> {
    export(service, caller, query, Form::JsonLines).await
}

async fn export(service: Chancery, caller: Caller, query: ExportQuery, form: Form) -> Result<Response, Error> {
    let search = CertificateQuery::from(query).search()?;
    let (content_type, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        Form::JsonLines => ("application/jsonl", "jsonl"),
    };
    let streaming = service.admit_stream(&caller).await?;
    let receipt = service.begin_export(&caller, &search, name).await?;
    let headers = [(header::CONTENT_TYPE.as_str(), content_type.to_owned()), ("chancery-event", receipt.event.to_string())];
    let start = Export { service, caller: streaming, search, form, at: Some(None) };
    // A failure on the way breaks the answer off: what is incomplete must not look whole.
    Ok((headers, Body::from_stream(try_unfold(start, next_page))).into_response())
}

async fn next_page(mut export: Export) -> Result<Option<(Bytes, Export)>, Failure> {
    let Some(before) = export.at else { return Ok(None) };
    let (caller, found) = export.service.export_page(&export.caller, &export.search, before).await?;
    let mut text = if before.is_none() && matches!(export.form, Form::Csv) { HEAD.to_owned() } else { String::new() };
    export.at = found.last().map(|certificate| Some(certificate.id));
    for certificate in found {
        let document = CertificateDocument::from(certificate);
        text += &match export.form {
            Form::Csv => row(&document),
            Form::JsonLines => serde_json::to_string(&document).map_err(|error| Failure::Internal(error.to_string()))? + "\n",
        };
    }
    export.caller = caller;
    Ok(Some((text.into(), export)))
}

fn row(document: &CertificateDocument) -> String {
    let names = document.names.join(" ");
    let none = String::new();
    let fields = [
        &document.id,
        &document.status,
        document.profile.as_ref().unwrap_or(&none),
        document.issuer.as_ref().unwrap_or(&none),
        &document.serial,
        &names,
        &document.subject,
        &document.not_before,
        &document.not_after,
        &document.renew_at,
        &document.custody,
        &document.sha256,
        &document.origin,
    ];
    fields.map(|field| quoted(field)).join(",") + "\r\n"
}

/// A field as RFC 4180 quotes it. What a spreadsheet would take for a formula gets an apostrophe before it.
fn quoted(field: &str) -> String {
    let formula = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{formula}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_no_formula_gets_through() {
        assert_eq!(quoted("CN=a \"b\", c"), "\"CN=a \"\"b\"\", c\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(1)", "\t=1"] {
            assert_eq!(quoted(formula), format!("\"'{formula}\""));
        }
    }
}
