//! A bundle: the files of one version of a policy, its canonical bytes and their digest.

use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::enforced;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most files of a bundle.
pub const MOST_FILES: usize = 100;
/// Most bytes of all files together.
pub const MOST_BYTES: usize = 256 * 1024;
/// The folder of the fixtures.
pub const FIXTURES: &str = "fixtures/";

const SCHEMA: &str = "chancery-policy-bundle/1";

/// The files of one version of a policy: `NAME.rego` and `fixtures/NAME.json`, UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
}

/// Why files are no bundle.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadBundle {
    /// There is nothing to evaluate.
    #[error("no .rego file: a bundle has at least one")]
    Empty,
    /// There are too many files.
    #[error("{0} files, at most {MOST_FILES} are taken")]
    Files(usize),
    /// They are too long.
    #[error("{0} bytes, at most {MOST_BYTES} are taken")]
    Bytes(usize),
    /// A file is not called as files of a bundle are.
    #[error(
        "{0:?}: files of a bundle are called NAME.rego and fixtures/NAME.json, the name of 1 to 60 lower-case letters, digits, hyphens and underscores"
    )]
    Name(String),
    /// A file is no text.
    #[error("{0}: not UTF-8")]
    Text(String),
    /// Bytes that should be a bundle are none.
    #[error("not the canonical bytes of a bundle")]
    Canonical,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canonical {
    schema: String,
    files: BTreeMap<String, String>,
}

impl Bundle {
    /// A bundle of these files, by their paths.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, BadBundle> {
        let mut texts = BTreeMap::new();
        for (path, bytes) in files {
            let text = String::from_utf8(bytes).map_err(|_| BadBundle::Text(path.clone()))?;
            texts.insert(path, text);
        }
        Self::of(texts)
    }

    fn of(files: BTreeMap<String, String>) -> Result<Self, BadBundle> {
        if let Some(path) = files.keys().find(|path| !is_path(path) && enforced!("policy.bundle.path")) {
            return Err(BadBundle::Name(path.clone()));
        }
        if files.len() > MOST_FILES && enforced!("policy.bundle.files") {
            return Err(BadBundle::Files(files.len()));
        }
        let bytes = files.iter().map(|(path, text)| path.len() + text.len()).sum();
        if bytes > MOST_BYTES && enforced!("policy.bundle.bytes") {
            return Err(BadBundle::Bytes(bytes));
        }
        let bundle = Self { files };
        if bundle.rego().next().is_none() {
            return Err(BadBundle::Empty);
        }
        Ok(bundle)
    }

    /// Its one form as bytes: JSON of the schema's name and the files by path, sorted, with nothing between.
    pub fn canonical(&self) -> Vec<u8> {
        let whole = Canonical { schema: SCHEMA.to_owned(), files: self.files.clone() };
        serde_json::to_vec(&whole).unwrap_or_default()
    }

    /// A bundle from its canonical bytes.
    ///
    /// # Errors
    /// They are not what [`Bundle::canonical`] makes of any bundle.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, BadBundle> {
        let whole: Canonical = serde_json::from_slice(bytes).map_err(|_| BadBundle::Canonical)?;
        let bundle = Self::of(whole.files)?;
        if whole.schema == SCHEMA && bundle.canonical() == bytes || !enforced!("policy.bundle.canonical") {
            Ok(bundle)
        } else {
            Err(BadBundle::Canonical)
        }
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, &self.canonical()).as_ref());
        sum
    }

    /// All files, by path.
    pub const fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The files of rules.
    pub fn rego(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter(|(path, _)| !path.starts_with(FIXTURES)).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files of fixtures.
    pub fn fixtures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter(|(path, _)| path.starts_with(FIXTURES)).map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn is_path(path: &str) -> bool {
    let name = match path.strip_prefix(FIXTURES) {
        Some(fixture) => fixture.strip_suffix(".json"),
        None => path.strip_suffix(".rego"),
    };
    name.is_some_and(|name| {
        (1..=60).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &[u8])]) -> Result<Bundle, BadBundle> {
        Bundle::new(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())))
    }

    #[test]
    fn a_bundle_has_one_form_whatever_the_order_of_its_files() {
        let one = files(&[("b.rego", b"package chancery"), ("a.rego", b"package chancery"), ("fixtures/x.json", b"{}")]).unwrap();
        let other = files(&[("fixtures/x.json", b"{}"), ("a.rego", b"package chancery"), ("b.rego", b"package chancery")]).unwrap();
        assert_eq!(one.canonical(), other.canonical());
        assert_eq!(Bundle::from_canonical(&one.canonical()).unwrap(), one);
        assert_eq!(one.rego().count(), 2);
        let changed = files(&[("b.rego", b"package chancery "), ("a.rego", b"package chancery"), ("fixtures/x.json", b"{}")]).unwrap();
        assert_ne!(one.digest(), changed.digest());
        let mut spaced = one.canonical();
        spaced.push(b'\n');
        assert_eq!(Bundle::from_canonical(&spaced), Err(BadBundle::Canonical));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let rego: (&str, &[u8]) = ("a.rego", b"package chancery");
        assert_eq!(files(&[]), Err(BadBundle::Empty));
        assert_eq!(files(&[("fixtures/x.json", b"{}")]), Err(BadBundle::Empty));
        assert_eq!(files(&[("a.rego", b"\xff\xfe")]), Err(BadBundle::Text("a.rego".to_owned())));
        for path in [
            "../a.rego",
            "/a.rego",
            "b/a.rego",
            "fixtures/../x.json",
            "fixtures/a.rego",
            "x.json",
            "A.rego",
            ".rego",
            "a.rego\0",
            "fixtures/a/b.json",
        ] {
            assert_eq!(files(&[rego, (path, b"{}")]), Err(BadBundle::Name(path.to_owned())), "{path}");
        }
        assert!(matches!(files(&[("a.rego", &vec![b'#'; MOST_BYTES])]), Err(BadBundle::Bytes(_))));
        let many: Vec<_> = (0..=MOST_FILES).map(|n| (format!("a{n}.rego"), Vec::new())).collect();
        assert_eq!(Bundle::new(many), Err(BadBundle::Files(MOST_FILES + 1)));
    }
}
