//! Problem documents (RFC 9457): what went wrong, whose fault it is and what to do.

use crate::signature::ACCEPT_SIGNATURE;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_app::Failure;
use chancery_domain::decision::Reason;
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

/// A problem document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem.
    #[schema(example = "urn:chancery:problem:not-found")]
    pub r#type: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request and what to do.
    pub detail: String,
    /// The request's id, as in the header `x-request-id`; quote it when you ask for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request's field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Every reason for which policy refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<ProblemReason>,
}

/// One reason for which policy refused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemReason {
    /// A stable code.
    pub code: String,
    /// The request's field.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl From<&Reason> for ProblemReason {
    fn from(reason: &Reason) -> Self {
        Self { code: reason.code.clone(), field: reason.field.clone(), message: reason.message.clone() }
    }
}

/// The problems that any operation may answer with.
#[derive(IntoResponses)]
pub enum Problems {
    /// The request is malformed.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// No valid credential.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// Not permitted, the tenant is suspended, or a quota is used up.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// No such object in the credential's tenant.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The body came too slowly.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(Problem),
    /// The object's state does not allow it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// A field is wrong, policy refuses, or the idempotency key was used for another request.
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(Problem),
    /// Too many of the tenant's own requests wait; nothing was done. Retry-After says when to try again.
    #[response(status = 429, content_type = "application/problem+json")]
    Crowded(Problem),
    /// A defect of the server.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// Temporarily unavailable; nothing was acknowledged. Retry-After says when to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What a handler fails with.
#[derive(Debug)]
pub enum Error {
    /// A use case ended otherwise.
    App(Failure),
    /// The request could not be read.
    Request(StatusCode, &'static str, String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::App(failure)
    }
}

impl Error {
    /// A malformed request.
    pub(crate) fn malformed(detail: impl ToString) -> Self {
        Self::Request(StatusCode::BAD_REQUEST, "malformed", detail.to_string())
    }

    /// A malformed field.
    pub(crate) fn field(field: &'static str, detail: impl ToString) -> Self {
        Self::App(Failure::Invalid { field, message: detail.to_string() })
    }
}

const fn kind(failure: &Failure) -> (StatusCode, &'static str, &'static str) {
    match failure {
        Failure::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "No valid credential"),
        Failure::Signature(_) => (StatusCode::UNAUTHORIZED, "signature", "The request is not signed as it must be"),
        Failure::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
        Failure::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not permitted"),
        Failure::OutsideScope(_) => (StatusCode::FORBIDDEN, "outside-scope", "Outside the scope of your roles"),
        Failure::Escalation(_) => (StatusCode::FORBIDDEN, "escalation", "Nobody gives rights that they lack"),
        Failure::NotOwn => (StatusCode::FORBIDDEN, "not-own", "Only the account itself"),
        Failure::Suspended => (StatusCode::FORBIDDEN, "suspended", "The tenant is suspended"),
        Failure::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field is wrong"),
        Failure::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "Refused by policy"),
        Failure::Conflict(_) => (StatusCode::CONFLICT, "conflict", "The object's state does not allow it"),
        Failure::Gone(_) => (StatusCode::GONE, "gone", "Erased"),
        Failure::Changed => (StatusCode::PRECONDITION_FAILED, "changed", "Changed since it was read"),
        Failure::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency-Key used for another request"),
        Failure::LimitReached(_) => (StatusCode::FORBIDDEN, "quota", "A quota is used up"),
        Failure::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many concurrent changes"),
        Failure::Crowded => (StatusCode::TOO_MANY_REQUESTS, "crowded", "Too many requests of this tenant at once"),
        Failure::Restored => (StatusCode::SERVICE_UNAVAILABLE, "restored", "Restored from a backup and read-only"),
        Failure::TimeNotAvailable => (StatusCode::SERVICE_UNAVAILABLE, "time-not-available", "The clock is not to be trusted"),
        Failure::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
        Failure::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A defect of the server"),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = match &self {
            Self::App(failure) => from_failure(failure),
            Self::Request(status, kind, detail) => problem(*status, kind, "The request cannot be read", detail.clone()),
        };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
            // An operator's work takes longer than a queue.
            let seconds = if matches!(self, Self::App(Failure::Restored | Failure::TimeNotAvailable)) { "60" } else { "1" };
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            headers.insert("accept-signature", HeaderValue::from_static(ACCEPT_SIGNATURE));
        }
        // The layer that knows the request's id puts it in.
        response.extensions_mut().insert(problem);
        response
    }
}

/// What a failure comes to, also for one item of many.
pub(crate) fn from_failure(failure: &Failure) -> Problem {
    let (status, name, title) = kind(failure);
    // What is internal is for the operator's log, not for the client.
    let detail = match failure {
        Failure::Internal(cause) => {
            tracing::error!(cause, "internal error");
            "This is our fault, not yours. The operator finds the cause in the log by the request id.".to_owned()
        }
        Failure::Unavailable(cause) => {
            tracing::warn!(cause, "unavailable");
            "This is our fault, not yours: storage or key provider do not answer. Nothing was acknowledged; repeat the request with the same \
             Idempotency-Key.".to_owned()
        }
        other => other.to_string(),
    };
    let mut problem = problem(status, name, title, detail);
    match failure {
        Failure::Invalid { field, .. } => problem.field = Some((*field).to_owned()),
        Failure::Refused(reasons) => {
            problem.reasons = reasons.iter().map(Into::into).collect();
        }
        _ => {}
    }
    problem
}

fn problem(status: StatusCode, kind: &str, title: &str, detail: String) -> Problem {
    Problem {
        r#type: format!("urn:chancery:problem:{kind}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        request_id: None,
        field: None,
        reasons: Vec::new(),
    }
}
