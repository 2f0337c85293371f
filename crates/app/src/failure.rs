//! How a use case can end otherwise. Each kind says who is at fault; `http` turns it into a problem document.

use chancery_domain::action::Action;
use chancery_domain::decision::Reason;
use chancery_keys::{KeyError, OpenError, ProviderError, SealError, SigningError};
use chancery_store::{CommitError, Guard, StoreError};

/// Why there is no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// No valid credential was shown.
    #[error("no valid credential: the token or key is unknown, expired or revoked, or the signature does not hold")]
    Unauthenticated,
    /// The request is signed by a key that is known here, and yet not as it must be.
    #[error("{0}")]
    Signature(String),
    /// There is no such object in the caller's realm (I7).
    #[error("no such object")]
    NotFound,
    /// The caller's roles do not include the action.
    #[error("your roles do not include {0}")]
    Forbidden(Action),
    /// The caller's roles include the action, but not for this.
    #[error("your roles include {0} only within a scope that this lies outside of")]
    OutsideScope(Action),
    /// The caller would give away rights that it does not have.
    #[error("you cannot give {0}: you hold it not at all, not that widely or not for that long")]
    Escalation(Action),
    /// Only the account itself may do this, whatever the caller's roles.
    #[error("an approver key is registered by the account that it is for, with that account's own credential")]
    NotOwn,
    /// The caller's realm is suspended.
    #[error("this tenant is suspended: ask the platform's operator")]
    Suspended,
    /// A field of the request is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The evaluator refused, for these reasons.
    #[error("refused by policy: {}", .0.iter().map(|reason| reason.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Reason>),
    /// The object's state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for existed and was erased.
    #[error("{0}")]
    Gone(String),
    /// The object changed since the caller read it.
    #[error("the object changed since you read it: read it again and repeat")]
    Changed,
    /// The idempotency key stood for another request.
    #[error("this Idempotency-Key was used with another request: use a new key for a new request")]
    KeyReused,
    /// A quota is used up.
    #[error("the tenant's quota of {0} is used up")]
    LimitReached(&'static str),
    /// Too many others changed the same thing at the same time; nothing was done.
    #[error("too many concurrent changes: nothing was done, try again")]
    Busy,
    /// Too many of the tenant's own requests wait for a turn, or are being answered; nothing was done.
    #[error("too many requests of this tenant at once: nothing was done, try again when some are answered")]
    Crowded,
    /// The store was restored from a backup: it is written when what was published since is known here; nothing was done.
    #[error("this server was restored from a backup and only reads: its operator runs `chancery reconcile`, then repeat the request")]
    Restored,
    /// The clock of this server is not to be trusted: no timestamp is given.
    #[error(
        "no timestamp is given: this server's clock jumped, or lies before what it signed already; its operator sets it right and restarts"
    )]
    TimeNotAvailable,
    /// Storage or key provider do not answer; nothing was acknowledged.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// A defect of this program or of stored data.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Why an attempt ended: for good, or to be decided anew because what it was decided on has changed.
pub(crate) enum Stop {
    Again,
    /// What was expected of a subject's key without reading it does not hold.
    Unexpected,
    Failure(Failure),
}

impl Failure {
    pub(crate) fn invalid(field: &'static str, message: impl ToString) -> Self {
        Self::Invalid { field, message: message.to_string() }
    }
    pub(crate) fn internal(error: impl ToString) -> Self {
        Self::Internal(error.to_string())
    }
    /// The same failure for each of several who waited for one answer.
    pub(crate) fn shared(self: std::sync::Arc<Self>) -> Self {
        (*self).clone()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // Whoever gets here asked for a realm that there is: what is shown for another one was refused before.
            StoreError::NoRealm => Self::Unavailable("the store of a tenant that there is, is missing: was its file removed?".to_owned()),
            StoreError::ReadOnly => Self::Restored,
            StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::Medium(_) => Self::Unavailable(error.to_string()),
            StoreError::Malformed(_) | StoreError::Statement(_) | StoreError::Schema(_) | StoreError::Unsafe(_) => Self::internal(error),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Provider(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::DoesNotOpen | ProviderError::Cipher => Self::internal(error),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

macro_rules! internal {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::internal(error)
            }
        }
    )*};
}
internal!(
    SealError,
    OpenError,
    SigningError,
    chancery_evidence::CanonError,
    chancery_evidence::NoteError,
    chancery_x509::SignError,
    chancery_x509::IssuerError
);
internal!(chancery_x509::LintError, chancery_x509::ChainError, chancery_x509::NotACertificate, chancery_x509::BadKey, serde_json::Error);

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<CommitError> for Stop {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Failure(error.into()),
            CommitError::Guard(Guard::Version("subject_key") | Guard::Unique("subject_key")) => Self::Unexpected,
            // What was read has changed, or the same idempotency key, slug, import, document, version, publication or first epoch of a log was
            // faster: look again.
            CommitError::Guard(
                Guard::Epoch
                | Guard::Version(_)
                | Guard::Unique(
                    "idempotency" | "account_key" | "registered_tenant" | "imported" | "log" | "document" | "document_signature"
                    | "publication",
                ),
            ) => Self::Again,
            CommitError::Guard(Guard::Limit(name)) => Self::Failure(Failure::LimitReached(name)),
            CommitError::Guard(Guard::Unique(what)) => Self::Failure(Failure::Internal(format!("a new {what} exists already"))),
        }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Again | Stop::Unexpected => Self::Busy,
            Stop::Failure(failure) => failure,
        }
    }
}

/// Runs an attempt of a use case until what it was decided on holds at its commit, with the caller read anew each time.
macro_rules! deciding_anew {
    ($service:expr, $caller:ident => $attempt:expr) => {{
        let mut $caller = $caller.clone();
        let mut left = 8;
        loop {
            match $attempt.await {
                Err($crate::failure::Stop::Again) if left > 0 => {
                    left -= 1;
                    $caller = $service.refresh(&$caller).await?;
                }
                Err($crate::failure::Stop::Unexpected) if left > 0 => {
                    left -= 1;
                    $caller.looks_up = true;
                }
                ended => break ended.map_err($crate::Failure::from),
            }
        }
    }};
}
pub(crate) use deciding_anew;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_nodes_that_make_a_logs_first_epoch_one_looks_again() {
        assert!(matches!(Stop::from(CommitError::Guard(Guard::Unique("log"))), Stop::Again));
        assert!(matches!(Stop::from(CommitError::Guard(Guard::Unique("log_tile"))), Stop::Failure(Failure::Internal(_))));
    }
}
