//! Manifests and signature files (JAR File Specification): sections of attributes in lines of at most 72 bytes.

use crate::verdict::Problem;
use chancery_domain::enforced;
use chancery_domain::signature::DigestAlgorithm;

/// Longest line without its end, in bytes.
const LONGEST_LINE: usize = 72;

/// Most attributes of a section; each is compared with those before it.
const MOST_ATTRIBUTES: usize = 64;
/// Most sections.
const MOST_SECTIONS: usize = 2 * crate::zip::MOST_ENTRIES;

/// A section: its bytes with the empty line that ends it, and its attributes, continued lines joined.
pub(super) struct Section<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) attributes: Vec<(String, String)>,
}

impl Section<'_> {
    /// The value of the one attribute with this name, whatever its case.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Takes a manifest apart: the main section first, then those with names. Lines end with CR LF, LF or CR.
pub(super) fn sections(text: &[u8]) -> Result<Vec<Section<'_>>, Problem> {
    let (mut sections, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if sections.len() >= MOST_SECTIONS && enforced!("jar.sections") {
            return Err(Problem::new("bounds", format!("a manifest or signature file with more than {MOST_SECTIONS} sections")));
        }
        let mut used = 0;
        let mut attributes: Vec<(String, String)> = Vec::new();
        loop {
            let (line, length) = line(rest.get(used..).unwrap_or_default());
            used += length;
            if line.is_empty() {
                break;
            }
            add(&mut attributes, line)?;
        }
        // Empty lines between sections belong to the one before.
        while rest.get(used..).is_some_and(|rest| matches!(rest.first(), Some(b'\r' | b'\n'))) {
            used += line(rest.get(used..).unwrap_or_default()).1;
        }
        let (bytes, after) = rest.split_at_checked(used).unwrap_or((rest, &[]));
        sections.push(Section { bytes, attributes });
        rest = after;
    }
    Ok(sections)
}

/// The first line without its end, and its length with it.
fn line(text: &[u8]) -> (&[u8], usize) {
    let length = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    let end = match text.get(length..) {
        Some([b'\r', b'\n', ..]) => 2,
        Some([_, ..]) => 1,
        _ => 0,
    };
    (text.get(..length).unwrap_or_default(), length + end)
}

fn add(attributes: &mut Vec<(String, String)>, line: &[u8]) -> Result<(), Problem> {
    let wrong = || Problem::new("form", "a line of a manifest or signature file is no attribute in UTF-8, or stands there twice");
    let line = std::str::from_utf8(line).map_err(|_| wrong())?;
    if let Some(more) = line.strip_prefix(' ') {
        attributes.last_mut().ok_or_else(wrong)?.1.push_str(more);
        return Ok(());
    }
    let (name, value) = line.split_once(": ").ok_or_else(wrong)?;
    if attributes.len() >= MOST_ATTRIBUTES && enforced!("jar.attributes") {
        return Err(Problem::new(
            "bounds",
            format!("a section of a manifest or signature file with more than {MOST_ATTRIBUTES} attributes"),
        ));
    }
    if attributes.iter().any(|(found, _)| found.eq_ignore_ascii_case(name)) {
        return Err(wrong());
    }
    attributes.push((name.to_owned(), value.to_owned()));
    Ok(())
}

/// Appends an attribute, folded.
pub(super) fn write(out: &mut String, name: &str, value: &str) {
    let mut length = 0;
    for letter in name.chars().chain(": ".chars()).chain(value.chars()) {
        if length + letter.len_utf8() > LONGEST_LINE {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(letter);
        length += letter.len_utf8();
    }
    out.push_str("\r\n");
}

/// What a digest is called in attributes.
pub(super) const fn java_name(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "SHA-256",
        DigestAlgorithm::Sha384 => "SHA-384",
        DigestAlgorithm::Sha512 => "SHA-512",
    }
}

/// Whether this is the attribute of a digest, of whatever kind.
pub(super) fn is_digest(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("-digest")
}
