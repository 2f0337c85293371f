//! Short names that stand in addresses: of profiles, signers and roles.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! short_names {
    ($($(#[$doc:meta])* $name:ident, $bad:ident: $what:literal;)*) => {$(
        $(#[$doc])*
        /// 2 to 40 characters, lower-case letters, digits and inner hyphens, a letter first.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub(crate) String);

        #[doc = concat!("A text that is no ", $what, ".")]
        #[derive(Debug, thiserror::Error, PartialEq, Eq)]
        #[error("a {} has 2 to 40 lower-case letters, digits and inner hyphens, a letter first", $what)]
        pub struct $bad;

        impl $name {
            /// The name's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $bad;
            fn from_str(text: &str) -> Result<Self, $bad> {
                if is_short_name(text) { Ok(Self(text.to_owned())) } else { Err($bad) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $bad;
            fn try_from(text: String) -> Result<Self, $bad> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

short_names! {
    /// The name of a certificate profile.
    ProfileName, BadProfileName: "profile name";
    /// The name of a signer.
    SignerName, BadSignerName: "signer's name";
    /// The name of a role.
    RoleName, BadRoleName: "role's name";
    /// A label of profiles and signers, such as `production`, by which scopes tell them apart.
    Environment, BadEnvironment: "environment";
}

fn is_short_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    (2..=40).contains(&text.len()) && letters && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_an_address() {
        for good in ["ab", "release-2", "a0", &"a".repeat(40)] {
            assert_eq!(good.parse::<SignerName>().unwrap().as_str(), good);
        }
        for bad in ["", "a", "-a", "a-", "0a", "A-b", "a_b", "a/b", "a b", "ä-b", &"a".repeat(41)] {
            assert_eq!(bad.parse::<SignerName>(), Err(BadSignerName), "{bad}");
        }
        assert_eq!(BadSignerName.to_string(), "a signer's name has 2 to 40 lower-case letters, digits and inner hyphens, a letter first");
    }
}
