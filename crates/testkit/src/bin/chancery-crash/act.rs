//! What clients do, as requests: each act leaves exactly one event, whose name and subject are known beforehand.

use serde_json::Value;

macro_rules! acts {
    ($($name:ident = $event:literal $field:literal)*) => {
        /// An act of a client.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Act { $($name),* }

        impl Act {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// The act's name in the log.
            pub(crate) const fn event(self) -> &'static str {
                match self { $(Self::$name => $event),* }
            }

            /// The field of its event's detail that names what it was done to, or what was made.
            const fn field(self) -> &'static str {
                match self { $(Self::$name => $field),* }
            }
        }
    };
}

acts! {
    Issue = "certificate.issue" "certificate"
    Renew = "certificate.renew" "certificate"
    Revoke = "certificate.revoke" "certificate"
    Import = "certificate.import" "certificate"
    RemoveImported = "certificate.remove" "certificate"
    Fetch = "private-key.fetch" "certificate"
    Pkcs12 = "private-key.fetch" "certificate"
    Acknowledge = "private-key.erase" "certificate"
    Account = "account.create" "account"
    Disable = "account.disable" "account"
    Token = "token.mint" "token"
    Rotate = "token.rotate" "successor"
    EndToken = "token.revoke" "token"
    ProfileCreate = "profile.create" "profile"
    ProfileChange = "profile.change" "profile"
    Issuer = "issuer.create" "issuer"
    Roll = "issuer.roll" "issuer"
    Retire = "issuer.retire" "issuer"
    Ask = "issuer.request" "issuer"
    Complete = "issuer.activate" "issuer"
    Abandon = "issuer.abandon" "issuer"
    Anchor = "anchor.add" "anchor"
    RemoveAnchor = "issuer.remove" "issuer"
    Signer = "signer.create" "signer_id"
    RollSigner = "signer.roll" "signer_id"
    Sign = "signature.create" "signature"
    Tenant = "tenant.create" "tenant"
    Invite = "tenant.invite" "tenant"
    Suspend = "tenant.suspend" "tenant"
    Resume = "tenant.resume" "tenant"
}

impl Act {
    /// Whether it gives a private key away.
    pub(crate) const fn is_fetch(self) -> bool {
        matches!(self, Self::Fetch | Self::Pkcs12)
    }

    /// Whether a certificate comes of it.
    pub(crate) const fn certifies(self) -> bool {
        matches!(self, Self::Issue | Self::Renew)
    }

    /// Whether the same request under the same key is answered as it was: not a change of a profile, which has If-Match
    /// instead, nor a fetch, which is done and recorded anew.
    pub(crate) const fn repeats_alike(self) -> bool {
        !matches!(self, Self::ProfileChange) && !self.is_fetch()
    }

    /// Whether a record of its Idempotency-Key is kept.
    pub(crate) const fn is_keyed(self) -> bool {
        !matches!(self, Self::ProfileChange | Self::Pkcs12)
    }

    /// The subject of an event of this act.
    pub(crate) fn subject(self, event: &Value) -> String {
        let detail = &event["detail"];
        let subject = detail[self.field()].as_str().unwrap_or_default();
        if self == Self::ProfileChange { format!("{subject}/{}", detail["version"]) } else { subject.to_owned() }
    }
}
