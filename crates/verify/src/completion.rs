//! The certificate of completion: a valid bundle, told to people on a page that can be printed.

use crate::bundle::KIND as BUNDLE;
use crate::report::{Report, Said, Verdict};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::DigestAlgorithm;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::hash::digest;

/// A larger logo is refused.
pub const LARGEST_LOGO: usize = 256 * 1024;

/// Whose page it is.
#[derive(Clone, Debug)]
pub struct Brand {
    name: String,
    /// As a `data:` address.
    logo: Option<String>,
}

/// Why a logo is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct NotALogo;

impl Brand {
    /// A name and perhaps a logo, PNG of at most [`LARGEST_LOGO`] bytes.
    ///
    /// # Errors
    /// [`NotALogo`] if it is something else.
    pub fn new(name: String, logo: Option<&[u8]>) -> Result<Self, NotALogo> {
        let address = |png: &[u8]| {
            let fits = png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() <= LARGEST_LOGO;
            if fits { Ok(format!("data:image/png;base64,{}", STANDARD.encode(png))) } else { Err(NotALogo) }
        };
        Ok(Self { name, logo: logo.map(address).transpose()? })
    }
}

#[derive(Template)]
#[template(path = "completion.html")]
struct Page<'a> {
    brand: Option<&'a Brand>,
    said: &'a [Said],
    at: Timestamp,
    sha256: &'a str,
}

/// Whether something was made: a refusal is no completion.
fn is_done(report: &Report) -> bool {
    let says = |label, text: &[&str]| report.said.iter().any(|said| said.label == label && text.contains(&said.text.as_str()));
    (says("outcome", &["done"]) && says("act", &["signature.create", "certificate.issue", "certificate.renew"]))
        || !enforced!("completion.done")
}

/// The page of this file, as HTML; of none that is not a valid evidence bundle of something that was made.
pub fn completion(file: &[u8], report: &Report, brand: Option<&Brand>, at: Timestamp) -> Option<String> {
    let digest = digest(DigestAlgorithm::Sha256, file).to_string();
    let sha256 = digest.split_once(':').map_or("", |(_, hexadecimal)| hexadecimal);
    let page = Page { brand, said: &report.said, at, sha256 };
    (report.verdict == Verdict::Valid && report.kind == BUNDLE && is_done(report)).then(|| page.render().ok()).flatten()
}
