//! Typed identifiers: 128-bit UUIDs (version 7 when made here), so that no id can stand for another kind of thing.

use crate::port::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A text that is no identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an identifier: give the 36-character UUID form")]
pub struct BadId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: UUID version 7 (RFC 9562 section 5.7) from the given clock and randomness.
            pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                let mut random = [0; 10];
                entropy.fill(&mut random);
                let millis = clock.now().millis().max(0) as u64;
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
            /// The id with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
            /// The id in a stored column of 16 bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, BadId> {
                Uuid::from_slice(bytes).map(Self).map_err(|_| BadId)
            }
            /// Its 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }
        impl FromStr for $name {
            type Err = BadId;
            /// Only the canonical lower-case hyphenated form: one object, one address.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let id = Uuid::try_parse(text).map_err(|_| BadId)?;
                if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Err(BadId) }
            }
        }
    )*};
}

ids! {
    /// A tenant. [`TenantId::PLATFORM`] is the operator's own realm, a tenant like any other to the store.
    TenantId
    /// A service account or person inside one tenant.
    AccountId
    /// Whoever holds one or more user accounts of a tenant.
    PersonId
    /// A bearer or enrolment token.
    TokenId
    /// A key of an account; it follows from the key.
    AccountKeyId
    /// A certificate authority of a tenant.
    IssuerId
    /// A request for a certificate and its history.
    OrderId
    /// An issued certificate.
    CertificateId
    /// An audit event.
    EventId
    /// A named signer of a tenant.
    SignerId
    /// A signature made for a tenant.
    SignatureId
    /// A document of a tenant, of which versions are signed.
    DocumentId
    /// A role of a tenant's own.
    RoleId
    /// What an account holds of a role.
    BindingId
    /// Two duties that nobody may hold together.
    ConflictId
    /// A legal hold.
    HoldId
    /// A unit of deferred work.
    JobId
    /// The random part of a public address (CRL, AIA); says nothing about the tenant.
    PublicId
}

impl TenantId {
    /// The operator's realm: tenants, operators and platform events live here, under keys of its own.
    pub const PLATFORM: Self = Self::from_bytes([0; 16]);
}

impl PublicId {
    /// A fully random id (UUID version 4): an address made of it leaks no time of creation.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 16];
        entropy.fill(&mut random);
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_parses() {
        let text = "0190a000-0000-7000-8000-000000000001";
        assert_eq!(text.parse::<OrderId>().unwrap().to_string(), text);
        for bad in
            ["", "..", "0190a00000007000800000000000000a", "0190A000-0000-7000-8000-000000000001", "{0190a000-0000-7000-8000-000000000001}"]
        {
            assert_eq!(bad.parse::<OrderId>(), Err(BadId), "{bad}");
        }
    }
}
