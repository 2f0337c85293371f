//! The two kinds of KEK and what each guards.

/// Which of a tenant's two KEKs, and which of its two wrapping keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KekKind {
    /// Guards data, metadata and the blind index. Locked as soon as the tenant is disabled.
    Main,
    /// Guards the log and revocation. Survives *disable*, so that a disabled tenant can still revoke and be audited.
    Log,
}

impl KekKind {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Main, Self::Log];

    /// The name used in columns and in associated data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Log => "log",
        }
    }
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// What a key under a KEK is for. Each is random and independent of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Private keys and secrets.
    Data,
    /// Names and other sensitive fields.
    Metadata,
    /// The blind index: look-ups by exact name over sealed columns. Seals nothing.
    Index,
    /// Checkpoint keys and event salts.
    Log,
    /// Keys that sign CRLs and OCSP answers.
    Status,
}

impl Purpose {
    /// All.
    pub const ALL: &'static [Self] = &[Self::Data, Self::Metadata, Self::Index, Self::Log, Self::Status];

    /// The KEK that guards it.
    pub const fn kind(self) -> KekKind {
        match self {
            Self::Data | Self::Metadata | Self::Index => KekKind::Main,
            Self::Log | Self::Status => KekKind::Log,
        }
    }
    /// The name used in columns and in associated data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Metadata => "metadata",
            Self::Index => "index",
            Self::Log => "log",
            Self::Status => "status",
        }
    }
    /// The purpose with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|purpose| purpose.as_str() == name)
    }
}
