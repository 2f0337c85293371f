//! How a command can end otherwise, and the exit code that says so.

use crate::client::ClientError;
use crate::config::ConfigError;
use crate::demo::DemoError;
use crate::logging::BadDirectives;
use crate::open::OpenError;
use crate::serve::ServeError;
use chancery_app::Failure;
use chancery_keys::ProviderError;
use chancery_store::{BackupError, StoreError};
use std::path::PathBuf;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It was asked wrongly.
    #[error("{0}")]
    Usage(String),
    /// Somebody belongs to the platform already.
    #[error("this platform is initialised and has its first account: further accounts are made by `chancery account create`")]
    Enrolled,
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What is logged.
    #[error(transparent)]
    Log(#[from] BadDirectives),
    /// The machine's own data.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A backup or its restore.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A restored store cannot be reconciled.
    #[error("nothing was reconciled, or not all: {0}")]
    Reconcile(Failure),
    /// What `doctor` found.
    #[error("{0} faults were found: see above")]
    Unwell(usize),
    /// What `verify` found.
    #[error("{not_valid} of {of} files are not shown to be valid: see above")]
    NotValid {
        /// So many are not.
        not_valid: usize,
        /// Of so many.
        of: usize,
    },
    /// A folder is no policy, or does not say what its fixtures expect.
    #[error("{0}")]
    Policy(String),
    /// Something is not what was signed.
    #[error("NOT VERIFIED: {0}")]
    NotVerified(String),
    /// The stored logs cannot be read.
    #[error("the logs cannot be checked: {0}")]
    Fsck(Failure),
    /// The server's answer, or that there was none.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file named in the arguments.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server sent something that is not what it should be.
    #[error("the server sent a damaged document: {0}")]
    Malformed(String),
    /// The demonstration.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Something of the system's: threads, a terminal.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// Exit codes, as documented in `--help`.
pub(crate) mod code {
    /// Failed for another reason.
    pub(crate) const FAILED: u8 = 1;
    /// Asked wrongly: arguments, fields, configuration.
    pub(crate) const USAGE: u8 = 2;
    /// Not authenticated, or not permitted.
    pub(crate) const NOT_PERMITTED: u8 = 3;
    /// No such thing.
    pub(crate) const NOT_FOUND: u8 = 4;
    /// Refused by policy or quota, or in conflict with the thing's state.
    pub(crate) const REFUSED: u8 = 5;
    /// The server or its storage does not answer; try again.
    pub(crate) const UNAVAILABLE: u8 = 6;
}

impl Ended {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Log(_) => code::USAGE,
            Self::Enrolled => code::REFUSED,
            Self::Backup(BackupError::Place(_)) => code::REFUSED,
            Self::Backup(BackupError::Store(StoreError::Unavailable(_))) | Self::Reconcile(Failure::Unavailable(_)) => code::UNAVAILABLE,
            Self::Reconcile(Failure::Invalid { .. } | Failure::Conflict(_)) => code::REFUSED,
            Self::Fsck(Failure::NotFound) => code::NOT_FOUND,
            Self::Backup(_)
            | Self::Reconcile(_)
            | Self::Unwell(_)
            | Self::NotValid { .. }
            | Self::Policy(_)
            | Self::NotVerified(_)
            | Self::Fsck(_) => code::FAILED,
            Self::Client(error) | Self::Demo(DemoError::Client(error)) => error.code(),
            Self::Demo(DemoError::NotEmpty(_)) => code::USAGE,
            Self::Demo(_) | Self::Malformed(_) | Self::File { .. } => code::FAILED,
            Self::Open(error) | Self::Serve(ServeError::Open(error)) => of_opening(error),
            Self::Serve(ServeError::NotLoopback(_) | ServeError::Tls(_)) => code::USAGE,
            Self::Serve(ServeError::Listen { .. } | ServeError::Signals(_) | ServeError::Resume(_)) | Self::System(_) => code::FAILED,
        }
    }
}

fn of_opening(error: &OpenError) -> u8 {
    match error {
        OpenError::PublicUrl => code::USAGE,
        OpenError::NotInitialised(_) | OpenError::Demonstration(_) => code::REFUSED,
        OpenError::Store { source: StoreError::Unavailable(_), .. } => code::UNAVAILABLE,
        OpenError::Provider(ProviderError::Unavailable(_)) | OpenError::Service(Failure::Unavailable(_)) => code::UNAVAILABLE,
        _ => code::FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_says_who_must_act() {
        let held = StoreError::Unavailable("held by another process".to_owned());
        assert_eq!(Ended::Open(OpenError::Store { what: "the data", source: held }).code(), code::UNAVAILABLE);
        let newer = StoreError::Schema("newer".to_owned());
        assert_eq!(Ended::Open(OpenError::Store { what: "the data", source: newer }).code(), code::FAILED);
        assert_eq!(Ended::Serve(ServeError::Open(OpenError::NotInitialised("/x".into()))).code(), code::REFUSED);
        assert_eq!(Ended::Serve(ServeError::NotLoopback(([0, 0, 0, 0], 1).into())).code(), code::USAGE);
        assert_eq!(Ended::Enrolled.code(), code::REFUSED);
    }
}
