//! Documents whose versions are signed: a name that stays, and versions in one line.

use crate::signature::Digest;
use std::fmt;
use std::str::FromStr;

/// What a tenant calls a document: 1 to 255 bytes without control characters, for good.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentName(String);

/// A text that names no document.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a document's name has 1 to 255 bytes and no control characters")]
pub struct BadDocumentName;

impl DocumentName {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DocumentName {
    type Err = BadDocumentName;
    fn from_str(text: &str) -> Result<Self, BadDocumentName> {
        let fits = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadDocumentName) }
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not shown: it may say what a document is about (I9).
impl fmt::Debug for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentName({} bytes)", self.0.len())
    }
}

/// A version of a document: its number from 1, and the digest of what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// What it is.
    pub digest: Digest,
}

/// What is known of a document of which a version is to be signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionFacts {
    /// The version that the requester takes for the newest; 0 where there should be none yet.
    pub supersedes: Option<u32>,
    /// The newest version; `None` of a document that is new.
    pub newest: Option<Version>,
}

impl VersionFacts {
    /// The number of the newest version; 0 of a document that is new.
    pub fn newest_number(&self) -> u32 {
        self.newest.as_ref().map_or(0, |newest| newest.number)
    }

    /// Whether the newest version is this very thing, which then is signed once more.
    pub fn is_newest(&self, digest: &Digest) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.digest == *digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_told_and_is_not_shown_by_accident() {
        for good in ["contract-17", "Vertrag Müller/2026", &"a".repeat(255)] {
            assert_eq!(good.parse::<DocumentName>().unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "\u{7f}", &"a".repeat(256)] {
            assert_eq!(bad.parse::<DocumentName>(), Err(BadDocumentName), "{bad}");
        }
        assert_eq!(format!("{:?}", "secret".parse::<DocumentName>().unwrap()), "DocumentName(6 bytes)");
    }
}
