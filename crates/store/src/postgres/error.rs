//! What PostgreSQL's errors mean.

use crate::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Raised by `platform.expect_one`.
pub(super) const GUARD: &str = "CH001";
/// Raised by `platform.expect_in_time`.
const TOO_LATE: &str = "CH002";

/// Whether nothing was kept and trying again may succeed.
pub(super) fn is_transient(error: &Error) -> bool {
    error.code().is_some_and(|code| [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code))
}

pub(super) fn is_guard(error: &Error) -> bool {
    error.code().is_some_and(|code| code.code() == GUARD)
}

pub(super) fn is_read_only(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// By class of SQLSTATE (PostgreSQL's appendix A).
pub(super) fn store_error(error: &Error) -> StoreError {
    let Some(db) = error.as_db_error() else { return StoreError::Unavailable(error.to_string()) };
    // The message alone: detail and hint quote rows.
    let text = format!("{} ({})", db.message(), db.code().code());
    match db.code().code() {
        "53100" => StoreError::Full(text),
        "58030" | "25006" | "XX001" | "XX002" => StoreError::Medium(text),
        TOO_LATE | "55P03" | "57014" | "25P03" | "25P04" => StoreError::Unavailable(text),
        code if ["08", "28", "3D", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => StoreError::Unavailable(text),
        _ => StoreError::Statement(text),
    }
}
