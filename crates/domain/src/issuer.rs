//! An issuer's life: it may wait for a certificate of somebody else's, issues while active, and retired answers for what it issued.

use crate::certificate::IllegalMove;
use crate::enforced;
use serde::{Deserialize, Serialize};

/// Where an issuer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerState {
    /// It has a key and waits for the certificate that somebody else signs.
    Pending,
    /// Certificates are issued by it.
    Active,
    /// It issues nothing more, for good; its revocations and CRLs go on.
    Retired,
    /// It was given up before it had a certificate; its key is erased.
    Abandoned,
}

/// What an authority is to the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorityKind {
    /// A root whose key is here.
    Root,
    /// What certificates are issued by.
    Issuing,
    /// A root whose key is somewhere else: a trust anchor.
    Anchor,
    /// An authority without key here, between an anchor and an issuing authority.
    Intermediate,
}

impl AuthorityKind {
    /// The name used in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Issuing => "issuing",
            Self::Anchor => "anchor",
            Self::Intermediate => "intermediate",
        }
    }
}

impl IssuerState {
    /// All, for documents and tests.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Active, Self::Retired, Self::Abandoned];

    /// The name used in columns, events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Abandoned => "abandoned",
        }
    }
    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
    /// Moves on, or says why not.
    pub fn advance(self, to: Self) -> Result<Self, IllegalMove> {
        match (self, to) {
            (Self::Pending, Self::Active | Self::Abandoned) | (Self::Active, Self::Retired) => Ok(to),
            _ if !enforced!("state.issuer") => Ok(to),
            _ => Err(IllegalMove { from: self.as_str(), to: to.as_str() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_moves_exist() {
        use IssuerState::{Abandoned, Active, Pending, Retired};
        for from in IssuerState::ALL {
            for to in IssuerState::ALL {
                let known = [(Pending, Active), (Pending, Abandoned), (Active, Retired)].contains(&(*from, *to));
                assert_eq!(from.advance(*to).is_ok(), known, "{from:?} {to:?}");
            }
        }
    }
}
