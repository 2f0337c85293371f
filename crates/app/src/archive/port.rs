//! The port to archives: file systems and networks are outside (I10), and what the operator offers is decided there (THREATS 27).

use chancery_domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a tenant's archive is. A tenant names no path and no host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Destination {
    /// The tenant's folder below the one that the operator keeps for archives.
    Folder,
}

impl Destination {
    /// The name used in requests, events and answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Folder => "folder",
        }
    }
}

/// Something that is put into an archive.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name within the tenant's archive: lower-case letters, digits, hyphens, dots and slashes.
    pub key: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Whose it is and what: for those that keep it beside the content.
    pub metadata: BTreeMap<&'static str, String>,
    /// Until then nobody may remove it, where that can be said.
    pub kept_until: Option<Timestamp>,
}

/// Why something was not put into an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It does not answer, or has no room: later it may.
    #[error("the archive does not take anything now: {0}")]
    Unavailable(String),
    /// It refuses: the tenant or the operator has to change something.
    #[error("the archive refuses: {0}")]
    Refused(String),
}

impl ArchiveError {
    /// The stable code that the tenant is told; the rest is in the operator's log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
        }
    }
}

/// The archives that the operator offers.
#[async_trait::async_trait]
pub trait Archives: Send + Sync {
    /// Whether there can be one there.
    ///
    /// # Errors
    /// What the operator or the tenant would have to do.
    fn offers(&self, destination: &Destination) -> Result<(), &'static str>;

    /// Puts an object there; it is durable on return. One of this name that is there already stays as it is.
    ///
    /// # Errors
    /// [`ArchiveError`]; then it may be there or not.
    async fn put(&self, tenant: TenantId, destination: &Destination, object: &Object) -> Result<(), ArchiveError>;
}
