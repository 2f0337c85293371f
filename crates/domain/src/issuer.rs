//! An issuer's life: while active it issues; retired it only answers for what it issued.

use crate::certificate::IllegalMove;
use crate::enforced;
use serde::{Deserialize, Serialize};

/// Where an issuer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerState {
    /// Certificates are issued by it.
    Active,
    /// It issues nothing more, for good; its revocations and CRLs go on.
    Retired,
}

impl IssuerState {
    /// All, for documents and tests.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Retired];

    /// The name used in columns, events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
    /// Moves on, or says why not.
    pub fn advance(self, to: Self) -> Result<Self, IllegalMove> {
        match (self, to) {
            (Self::Active, Self::Retired) => Ok(to),
            _ if !enforced!("state.issuer") => Ok(to),
            _ => Err(IllegalMove { from: self.as_str(), to: to.as_str() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_stays_retired() {
        assert_eq!(IssuerState::Active.advance(IssuerState::Retired), Ok(IssuerState::Retired));
        for (from, to) in [(IssuerState::Retired, IssuerState::Active), (IssuerState::Retired, IssuerState::Retired)] {
            assert!(from.advance(to).is_err(), "{from:?} {to:?}");
        }
    }
}
