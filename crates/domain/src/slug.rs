//! The short name of a tenant: what people type, never what anything is sealed to or addressed by in public.

use crate::enforced;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// 3 to 40 characters, lower-case ASCII letters, digits and single hyphens inside, a letter first; not a reserved word.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Why a text is no slug (THREATS 4).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadSlug {
    /// Wrong characters or length.
    #[error("a slug has 3 to 40 characters: a lower-case letter first, then letters, digits and single hyphens, no hyphen last")]
    Grammar,
    /// A word that the product keeps for itself.
    #[error("this slug is reserved: choose another")]
    Reserved,
}

const RESERVED: &[&str] = &[
    "acme",
    "admin",
    "administrator",
    "api",
    "audit",
    "bootstrap",
    "chancery",
    "console",
    "default",
    "demo",
    "global",
    "health",
    "internal",
    "localhost",
    "metrics",
    "none",
    "null",
    "operator",
    "pki",
    "platform",
    "public",
    "root",
    "self",
    "shared",
    "static",
    "support",
    "system",
    "tenant",
    "tenants",
    "undefined",
    "www",
];

impl Slug {
    /// The slug's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = BadSlug;
    fn from_str(text: &str) -> Result<Self, BadSlug> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        if (!(3..=40).contains(&text.len()) || !letters || !ends || text.contains("--")) && enforced!("slug.grammar") {
            return Err(BadSlug::Grammar);
        }
        if RESERVED.contains(&text) && enforced!("slug.reserved") { Err(BadSlug::Reserved) } else { Ok(Self(text.to_owned())) }
    }
}

impl TryFrom<String> for Slug {
    type Error = BadSlug;
    fn try_from(text: String) -> Result<Self, BadSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slug({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // THREATS 4
    #[test]
    fn names_that_confuse_are_refused() {
        for bad in [
            "",
            "..",
            "%2e%2e",
            "ab",
            "-acme",
            "acme-",
            "a--b",
            "xn--80ak6aa92e",
            "Acme",
            "аcme",
            "ac.me",
            "ac/me",
            "ac me",
            "acme\0",
            "1acme",
        ] {
            assert_eq!(bad.parse::<Slug>(), Err(BadSlug::Grammar), "{bad}");
        }
        for word in RESERVED {
            assert!(word.parse::<Slug>().is_err(), "{word}");
        }
        assert_eq!("root".parse::<Slug>(), Err(BadSlug::Reserved));
        assert!("acme-corp-2".parse::<Slug>().is_ok());
    }
}
