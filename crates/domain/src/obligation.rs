//! What a policy asks for besides what the profile allows: agreement of others, a shorter validity, a certain issuer.

use crate::IssuerId;
use crate::role::RoleName;
use serde::{Deserialize, Serialize};

/// So many people may be asked to agree at most.
pub const MOST_APPROVALS: u8 = 10;

/// A duty that an act has to meet. It never grants: what the profile forbids stays forbidden (THREATS 5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Obligation {
    /// So many people of these roles agree first, none of them the requester (I8).
    RequireApproval {
        /// How many, 1 to [`MOST_APPROVALS`].
        count: u8,
        /// Roles that may agree; at least one.
        roles: Vec<RoleName>,
        /// How long they have, in seconds; as the tenant's setting says where none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within_seconds: Option<u32>,
        /// Stages follow each other by this number, all of one number at once.
        #[serde(default)]
        stage: u8,
    },
    /// The certificate holds no longer than this; where the requester asked for more, it is refused.
    MaxValidity {
        /// The longest validity, in seconds; at least 300.
        seconds: u32,
    },
    /// The certificate comes from this issuer and no other.
    Issuer {
        /// The issuer.
        id: IssuerId,
    },
}

/// What is wrong with an obligation: the field and the rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {rule}")]
pub struct BadObligation {
    /// The obligation's field.
    pub field: &'static str,
    /// What would be right.
    pub rule: &'static str,
}

impl Obligation {
    /// Whether it can be met at all.
    ///
    /// # Errors
    /// The first field that is out of its bounds.
    pub fn check(&self) -> Result<(), BadObligation> {
        let bad = |field, rule| Err(BadObligation { field, rule });
        match self {
            Self::RequireApproval { count, .. } if !(1..=MOST_APPROVALS).contains(count) => bad("count", "1 to 10"),
            Self::RequireApproval { roles, .. } if roles.is_empty() => bad("roles", "name at least one"),
            Self::RequireApproval { within_seconds: Some(0..60), .. } => bad("within_seconds", "at least 60"),
            Self::MaxValidity { seconds: 0..300 } => bad("seconds", "at least 300"),
            Self::RequireApproval { .. } | Self::MaxValidity { .. } | Self::Issuer { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Obligation, String> {
        let obligation: Obligation = serde_json::from_str(text).map_err(|error| error.to_string())?;
        obligation.check().map_err(|error| error.to_string())?;
        Ok(obligation)
    }

    #[test]
    fn what_is_read_is_written() {
        for text in [
            r#"{"kind":"require_approval","count":2,"roles":["security-lead"],"within_seconds":3600,"stage":1}"#,
            r#"{"kind":"max_validity","seconds":300}"#,
            r#"{"kind":"issuer","id":"01890a5d-ac96-774b-bcce-b302099a8057"}"#,
        ] {
            match read(text) {
                Ok(obligation) => assert_eq!(serde_json::to_string(&obligation).unwrap(), text),
                Err(error) => panic!("{text}: {error}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_met_is_no_obligation() {
        for (text, wrong) in [
            (r#"{"kind":"require_approval","count":0,"roles":["security-lead"]}"#, "count: 1 to 10"),
            (r#"{"kind":"require_approval","count":11,"roles":["security-lead"]}"#, "count: 1 to 10"),
            (r#"{"kind":"require_approval","count":1,"roles":[]}"#, "roles: name at least one"),
            (r#"{"kind":"require_approval","count":1,"roles":["security-lead"],"within_seconds":59}"#, "within_seconds: at least 60"),
            (r#"{"kind":"max_validity","seconds":299}"#, "seconds: at least 300"),
        ] {
            assert_eq!(read(text).unwrap_err(), wrong, "{text}");
        }
        for text in [
            r#"{"kind":"allow"}"#,
            r#"{"kind":"max_validity","seconds":300,"unless":"asked"}"#,
            r#"{"kind":"max_validity"}"#,
            r#"{"kind":"require_approval","count":1,"roles":["Security Lead"]}"#,
            r#"{"kind":"issuer","id":"the good one"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
