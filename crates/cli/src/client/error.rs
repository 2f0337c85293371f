//! What can go wrong between here and the server, and the exit code for it.

use crate::ended::code;
use chancery_http::problem::Problem;
use chancery_keys::BadToken;
use std::error::Error;
use std::fmt::Write;

/// Why a request brought no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody to be.
    #[error("no token: set CHANCERY_TOKEN, or name a file with --token-file, or a key file with CHANCERY_REQUEST_KEY")]
    NoToken,
    /// Damaged, or something else.
    #[error(transparent)]
    BadToken(BadToken),
    /// No URL.
    #[error("{0:?} is no URL of a server: give http://host:port or https://host")]
    BadUrl(String),
    /// No connection, or none that lasted.
    #[error("{base} does not answer: {reason}")]
    Unreachable {
        /// The server.
        base: String,
        /// Why, as the system says.
        reason: String,
    },
    /// The server's answer, which says what to do.
    #[error("{}", told(.0))]
    Problem(Box<Problem>),
    /// Somebody else answers there.
    #[error("{base} answers (status {status}), but not as a Chancery server does: check the URL")]
    NotChancery {
        /// The server.
        base: String,
        /// What it answered.
        status: u16,
    },
    /// Of this program.
    #[error("the request could not be written: a defect of this program")]
    Defect,
}

impl ClientError {
    pub(super) fn unreachable(base: &str, error: &reqwest::Error) -> Self {
        // The innermost cause is the telling one.
        let mut cause: &dyn Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::Unreachable { base: base.to_owned(), reason: cause.to_string() }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::NoToken | Self::BadToken(_) => code::NOT_PERMITTED,
            Self::BadUrl(_) => code::USAGE,
            Self::Unreachable { .. } => code::UNAVAILABLE,
            Self::NotChancery { .. } | Self::Defect => code::FAILED,
            Self::Problem(problem) => of_problem(problem),
        }
    }
}

fn of_problem(problem: &Problem) -> u8 {
    let kind = problem.r#type.rsplit(':').next().unwrap_or_default();
    match (problem.status, kind) {
        (_, "quota") => code::REFUSED,
        (401 | 403, _) => code::NOT_PERMITTED,
        (404, _) => code::NOT_FOUND,
        (400 | 413, _) | (422, "invalid") => code::USAGE,
        (409 | 410 | 412 | 422 | 428, _) => code::REFUSED,
        (503, _) => code::UNAVAILABLE,
        _ => code::FAILED,
    }
}

fn told(problem: &Problem) -> String {
    // A few details begin with their title.
    let repeats = problem.detail.to_lowercase().starts_with(&problem.title.to_lowercase());
    let mut text = if repeats { problem.detail.clone() } else { format!("{}: {}", problem.title, problem.detail) };
    for reason in &problem.reasons {
        let _ = write!(text, "\n  {} ({}): {}", reason.code, reason.field, reason.message);
    }
    if let Some(id) = &problem.request_id {
        let _ = write!(text, "\n  request {id}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_http::problem::ProblemReason;

    fn problem(status: u16, kind: &str) -> Problem {
        Problem {
            r#type: format!("urn:chancery:problem:{kind}"),
            title: "Title".to_owned(),
            status,
            detail: "detail".to_owned(),
            request_id: Some("the-request".to_owned()),
            field: None,
            reasons: vec![ProblemReason { code: "a-code".to_owned(), field: "names".to_owned(), message: "why".to_owned() }],
        }
    }

    #[test]
    fn every_kind_of_problem_has_its_code() {
        for (status, kind, expected) in [
            (401, "unauthenticated", 3),
            (403, "forbidden", 3),
            (403, "quota", 5),
            (404, "not-found", 4),
            (409, "conflict", 5),
            (422, "invalid", 2),
            (422, "refused", 5),
            (422, "idempotency-key-reused", 5),
            (412, "changed", 5),
            (503, "unavailable", 6),
            (500, "internal", 1),
        ] {
            assert_eq!(of_problem(&problem(status, kind)), expected, "{kind}");
        }
    }

    #[test]
    fn a_problem_is_told_whole() {
        let text = told(&problem(422, "refused"));
        for part in ["Title", "detail", "a-code (names): why", "the-request"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
