//! An order: one request for a certificate, from asking to having it.

use crate::certificate::IllegalMove;
use crate::enforced;
use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// Received.
    Requested,
    /// Decided in its favour.
    Approved,
    /// To-be-signed bytes and serial stand; the signature is being made.
    Issuing,
    /// The certificate exists.
    Issued,
    /// It ended without a certificate.
    Failed,
}

impl OrderState {
    /// All, for documents and tests.
    pub const ALL: &'static [Self] = &[Self::Requested, Self::Approved, Self::Issuing, Self::Issued, Self::Failed];

    /// The name used in columns, events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Issuing => "issuing",
            Self::Issued => "issued",
            Self::Failed => "failed",
        }
    }
    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
    /// Moves on, or says why not: forward one step at a time, or from any unfinished state to failed.
    pub fn advance(self, to: Self) -> Result<Self, IllegalMove> {
        use OrderState::*;
        match (self, to) {
            (Requested, Approved) | (Approved, Issuing) | (Issuing, Issued) => Ok(to),
            (Requested | Approved | Issuing, Failed) => Ok(to),
            _ if !enforced!("state.order") => Ok(to),
            _ => Err(IllegalMove { from: self.as_str(), to: to.as_str() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_ends() {
        for to in OrderState::ALL {
            assert!(OrderState::Issued.advance(*to).is_err());
            assert!(OrderState::Failed.advance(*to).is_err());
        }
        assert!(OrderState::Requested.advance(OrderState::Issued).is_err());
    }
}
