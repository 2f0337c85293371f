//! What clients do, as requests: each act leaves exactly one event, whose name and subject are known beforehand.

use serde_json::Value;

/// An act of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Issue,
    Renew,
    Revoke,
    Fetch,
    Acknowledge,
    Account,
    Token,
    ProfileCreate,
    ProfileChange,
    Issuer,
    Tenant,
    Invite,
}

impl Act {
    pub(crate) const ALL: [Self; 12] = [
        Self::Issue,
        Self::Renew,
        Self::Revoke,
        Self::Fetch,
        Self::Acknowledge,
        Self::Account,
        Self::Token,
        Self::ProfileCreate,
        Self::ProfileChange,
        Self::Issuer,
        Self::Tenant,
        Self::Invite,
    ];

    /// The act's name in the log.
    pub(crate) const fn event(self) -> &'static str {
        match self {
            Self::Issue => "certificate.issue",
            Self::Renew => "certificate.renew",
            Self::Revoke => "certificate.revoke",
            Self::Fetch => "private-key.fetch",
            Self::Acknowledge => "private-key.erase",
            Self::Account => "account.create",
            Self::Token => "token.mint",
            Self::ProfileCreate => "profile.create",
            Self::ProfileChange => "profile.change",
            Self::Issuer => "issuer.create",
            Self::Tenant => "tenant.create",
            Self::Invite => "tenant.invite",
        }
    }

    /// Whether the same request under the same key is answered as it was: not a change of a profile, which has If-Match
    /// instead, nor a fetch, which is done and recorded anew.
    pub(crate) const fn repeats_alike(self) -> bool {
        !matches!(self, Self::ProfileChange | Self::Fetch)
    }

    /// The subject of an event of this act.
    pub(crate) fn subject(self, event: &Value) -> String {
        let detail = &event["detail"];
        let field = match self {
            Self::Issue | Self::Renew | Self::Revoke | Self::Fetch | Self::Acknowledge => "certificate",
            Self::Account => "account",
            Self::Token => "token",
            Self::ProfileChange => return format!("{}/{}", detail["profile"].as_str().unwrap_or_default(), detail["version"]),
            Self::ProfileCreate => "profile",
            Self::Issuer => "issuer",
            Self::Tenant | Self::Invite => "tenant",
        };
        detail[field].as_str().unwrap_or_default().to_owned()
    }
}
