//! A tenant's life.

use serde::{Deserialize, Serialize};

/// Where a tenant stands. The tenant's own store is the authority; the platform's register is a projection of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantStatus {
    /// Registered; its keys and store are being made. Resumed at start after a crash.
    Creating,
    /// In use.
    Active,
    /// Being suspended. Resumed at start after a crash.
    Suspending,
    /// Nobody acts in it; its CRLs go on being published.
    Suspended,
    /// Being resumed. Resumed at start after a crash.
    Resuming,
}

impl TenantStatus {
    /// All, for documents and tests.
    pub const ALL: &'static [Self] = &[Self::Creating, Self::Active, Self::Suspending, Self::Suspended, Self::Resuming];

    /// The name used in columns and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Suspending => "suspending",
            Self::Suspended => "suspended",
            Self::Resuming => "resuming",
        }
    }
    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }
    /// The status in which a half-way state ends, if this is one.
    pub const fn settles_to(self) -> Option<Self> {
        match self {
            Self::Creating | Self::Resuming => Some(Self::Active),
            Self::Suspending => Some(Self::Suspended),
            Self::Active | Self::Suspended => None,
        }
    }
}
