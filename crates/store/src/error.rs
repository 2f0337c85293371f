//! What can go wrong with storage.

/// A condition that a write-set made sure of; the use case decides what its failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// The tenant's epoch is the one that was read: its status, accounts, tokens, profiles and issuers are unchanged.
    Epoch,
    /// The row still has the version that was read.
    Version(&'static str),
    /// The counter stays within its ceiling.
    Limit(&'static str),
    /// No such row existed.
    Unique(&'static str),
}

impl Guard {
    /// Which kind of condition.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Version(_) => "version",
            Self::Limit(_) => "limit",
            Self::Unique(_) => "unique",
        }
    }

    /// On which table; for counters and the epoch, which have one statement each, on that.
    pub(crate) const fn of(self) -> &'static str {
        match self {
            Self::Epoch => "tenant",
            Self::Limit(_) => "counter",
            Self::Version(table) | Self::Unique(table) => table,
        }
    }
}

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The tenant has no store: never created here.
    #[error("no such realm")]
    NoRealm,
    /// The engine cannot be reached or answers too slowly; nothing is known to be wrong with the data.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The disk is full: what was committed can still be read, and nothing more is kept until there is room.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The medium is read-only, damaged, or returned an error.
    #[error("the database's medium fails: {0}")]
    Medium(String),
    /// A stored value is not what this version wrote.
    #[error("stored data is malformed: {0}")]
    Malformed(&'static str),
    /// The engine refused a statement: a defect of this program.
    #[error("the database refused a statement: {0}")]
    Statement(String),
    /// Schema and program do not fit.
    #[error("the schema does not fit this program: {0}")]
    Schema(String),
    /// The store was restored from a backup, under this process or not yet reconciled, or it was opened to be looked at.
    #[error(
        "the store is read-only until `chancery reconcile` has compared it with what was published since its backup; \
         a server that ran on meanwhile is then to be started again"
    )]
    ReadOnly,
    /// The server is set up so that what was acknowledged may be lost.
    #[error("the database may lose what was acknowledged: {0}")]
    Unsafe(String),
}

impl StoreError {
    /// The same error once more, for each of those that waited for what failed.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::NoRealm => Self::NoRealm,
            Self::Unavailable(text) => Self::Unavailable(text.clone()),
            Self::Full(text) => Self::Full(text.clone()),
            Self::Medium(text) => Self::Medium(text.clone()),
            Self::Malformed(text) => Self::Malformed(text),
            Self::Statement(text) => Self::Statement(text.clone()),
            Self::Schema(text) => Self::Schema(text.clone()),
            Self::ReadOnly => Self::ReadOnly,
            Self::Unsafe(text) => Self::Unsafe(text.clone()),
        }
    }
}

/// Committing failed; nothing of the write-set was kept, except where said.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A guard did not hold: read again and decide anew.
    #[error("guard failed: {0:?}")]
    Guard(Guard),
    /// The engine failed. After `Unavailable`, `Full` and `Medium` it is not known whether the write-set was kept: the idempotency
    /// record tells.
    #[error(transparent)]
    Store(#[from] StoreError),
}
