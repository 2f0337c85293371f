//! Public PKI addresses: CRLs (RFC 5280 section 4.2.1.13) and issuer certificates (section 4.2.2.1),
//! and a tenant's roots as a bundle. No credential.

use crate::problem::Error;
use crate::request::Ids;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chancery_app::{Chancery, Failure, certificate_pem};

/// Short, for a revocation must be seen within 60 s of its publication.
const CACHED: &str = "public, max-age=30";

pub(crate) fn routes() -> Router<Chancery> {
    Router::new().route("/pki/{public}/{file}", get(file))
}

async fn file(State(service): State<Chancery>, ids: Ids) -> Result<Response, Error> {
    let public = ids.parse("public")?;
    let file: String = ids.parse("file")?;
    if file == "ca.cer" {
        let der = service.public_issuer(public).await?;
        return Ok(([(header::CONTENT_TYPE, "application/pkix-cert"), (header::CACHE_CONTROL, CACHED)], der).into_response());
    }
    if file == "bundle.pem" {
        let roots: String = service.public_roots(public).await?.iter().map(|der| certificate_pem(der)).collect();
        return Ok(([(header::CONTENT_TYPE, "application/x-pem-file"), (header::CACHE_CONTROL, CACHED)], roots).into_response());
    }
    let shard = file.strip_suffix(".crl").filter(|text| is_number(text)).and_then(|text| text.parse().ok());
    let crl = service.public_crl(public, shard.ok_or(Failure::NotFound)?).await?;
    Ok(([(header::CONTENT_TYPE, "application/pkix-crl"), (header::CACHE_CONTROL, CACHED)], crl.der).into_response())
}

/// One shard, one address: no signs, no leading zeros.
fn is_number(text: &str) -> bool {
    text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()))
}
