//! Whether a PDF is what its signers signed: all of it but the hole that a signature stands in (THREATS 31).
//!
//! The file is not interpreted: whatever a viewer makes of it, every byte but the signature itself must be covered by the last signature,
//! so that nothing can be appended, replaced or shown instead. An earlier signature vouches for the revision that it covers, and for
//! nothing that was appended later, even by another trusted signer; the verdict says where it ends.

use super::{LARGEST_CMS, MOST_SIGNATURES};
use crate::signed_data::{self, Rules};
use crate::trust::Trust;
use crate::verdict::{Problem, Verified};
use chancery_domain::signature::{Digest, DigestAlgorithm};
use chancery_domain::{Timestamp, enforced};
use chancery_x509::Purpose;
use chancery_x509::cms::{ID_DATA, ID_TIMESTAMP_TOKEN, SignedData};
use chancery_x509::hash::Hasher;
use std::io::{Read, Seek, SeekFrom};

/// Where a signature is looked for at a time.
const PIECE: usize = 64 << 10;
const BYTE_RANGE: &[u8] = b"/ByteRange";
/// Longest signature dictionary on each side of the hole.
const DICTIONARY: u64 = 8 << 10;

/// A signature and the revision that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRevision {
    /// Who signed it.
    pub verified: Verified,
    /// How many bytes of the file it covers, from the first: the file's length for the last signature.
    pub length: u64,
}

/// The four numbers of a byte range, and where they stand.
struct Range {
    at: u64,
    hole: u64,
    resumes: u64,
    end: u64,
}

/// Verifies every signature of a PDF, in the order of the revisions that they cover. The last covers the whole file.
///
/// # Errors
/// Every [`Problem`] of the first layer of the first signature that does not hold.
pub fn verify(pdf: &mut (impl Read + Seek), trust: &Trust, at: Timestamp) -> Result<Vec<SignedRevision>, Vec<Problem>> {
    let one = |problem| vec![problem];
    let length = pdf.seek(SeekFrom::End(0)).map_err(|error| one(unreadable(&error)))?;
    let mut ranges = find(pdf).map_err(one)?;
    ranges.sort_by_key(|range| range.end);
    let Some(last) = ranges.last() else { return Err(one(Problem::new("unsigned", "there is no signature in it"))) };
    if last.end != length && enforced!("pades.whole") {
        let message = format!("the last signature covers {} of {length} bytes: it was changed after it was signed", last.end);
        return Err(one(Problem::new("covered", message)));
    }
    let mut revisions: Vec<SignedRevision> = Vec::new();
    for range in &ranges {
        let (cms, digest_of) = signature(pdf, range).map_err(one)?;
        let read = SignedData::from_der(&cms).map_err(one)?;
        let digest = digest(pdf, range, digest_of).map_err(one)?;
        let rules = Rules {
            content_type: ID_DATA,
            detached: Some(&digest),
            certificate_bound: true,
            purposes: &[Purpose::DocumentSigning, Purpose::EmailProtection],
            timestamp: ID_TIMESTAMP_TOKEN,
        };
        let verified = signed_data::verify(&read, &rules, trust, at)?;
        revisions.push(SignedRevision { verified, length: range.end });
    }
    Ok(revisions)
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new("form", format!("the PDF cannot be read: {error}"))
}

/// Every byte range in the file. One that is not of four numbers is somebody's text, and covers nothing.
fn find(pdf: &mut (impl Read + Seek)) -> Result<Vec<Range>, Problem> {
    let mut found = Vec::new();
    let (mut window, mut start) = (Vec::new(), 0_u64);
    pdf.seek(SeekFrom::Start(0)).map_err(|error| unreadable(&error))?;
    let mut places = Vec::new();
    loop {
        let kept = window.len();
        let read = pdf.take(PIECE as u64).read_to_end(&mut window).map_err(|error| unreadable(&error))?;
        places.extend(memchr::memmem::find_iter(&window, BYTE_RANGE).map(|at| start + at as u64));
        if places.len() > MOST_SIGNATURES * 4 {
            return Err(Problem::new("bounds", format!("more than {MOST_SIGNATURES} signatures")));
        }
        if read == 0 {
            break;
        }
        // The name may stand across two pieces.
        let next = (kept + read).saturating_sub(BYTE_RANGE.len() - 1);
        window.drain(..next);
        start += next as u64;
    }
    for at in places {
        let text = around(pdf, at + BYTE_RANGE.len() as u64, 128)?;
        if let Some([0, hole, resumes, length]) = numbers(&text) {
            let end = resumes.checked_add(length).filter(|_| hole < resumes);
            let end = end.ok_or_else(|| Problem::new("covered", "a byte range ends before it begins"))?;
            found.push(Range { at, hole, resumes, end });
        }
    }
    if found.len() > MOST_SIGNATURES {
        return Err(Problem::new("bounds", format!("more than {MOST_SIGNATURES} signatures")));
    }
    Ok(found)
}

/// `[ a b c d ]` after optional spaces.
fn numbers(text: &[u8]) -> Option<[u64; 4]> {
    let text = text.trim_ascii_start().strip_prefix(b"[")?;
    let end = text.iter().position(|byte| *byte == b']')?;
    let inside = std::str::from_utf8(text.get(..end)?).ok()?;
    let numbers: Vec<u64> = inside.split_ascii_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// At most so many bytes from there on.
fn around(pdf: &mut (impl Read + Seek), from: u64, length: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    pdf.seek(SeekFrom::Start(from)).map_err(|error| unreadable(&error))?;
    pdf.take(length).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

/// The CMS in the hole, which is the Contents of the dictionary that the byte range stands in, and nothing else.
fn signature(pdf: &mut (impl Read + Seek), range: &Range) -> Result<(Vec<u8>, DigestAlgorithm), Problem> {
    let wrong = |what: &str| Problem::new("covered", format!("the byte range leaves out something else than its signature: {what}"));
    let digits = range.resumes - range.hole;
    if digits > 2 * LARGEST_CMS as u64 + 2 {
        return Err(Problem::new("bounds", format!("a hole for more than {LARGEST_CMS} bytes")));
    }
    let hole = around(pdf, range.hole, digits)?;
    let inside = hole.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).ok_or_else(|| wrong("not a hexadecimal string"))?;
    let bytes = hex::decode(inside).map_err(|_| wrong("not a hexadecimal string"))?;
    // Of one case, so that there is one way to write it.
    if inside.iter().any(u8::is_ascii_lowercase) && inside.iter().any(u8::is_ascii_uppercase) && enforced!("pades.case") {
        return Err(wrong("letters of either case"));
    }
    let from = range.hole.saturating_sub(DICTIONARY);
    let before = around(pdf, from, range.hole - from)?;
    let after = around(pdf, range.resumes, DICTIONARY)?;
    if !before.trim_ascii_end().ends_with(b"/Contents") && enforced!("pades.contents") {
        return Err(wrong("not the Contents"));
    }
    let start = memchr::memmem::rfind(&before, b" obj").ok_or_else(|| wrong("not in an object"))?;
    let end = memchr::memmem::find(&after, b"endobj").ok_or_else(|| wrong("not in an object"))?;
    let within = range.at >= from + start as u64 && range.at < range.resumes + end as u64;
    if !within && enforced!("pades.object") {
        return Err(wrong("of another object"));
    }
    let dictionary = [before.get(start..).unwrap_or_default(), after.get(..end).unwrap_or_default()].concat();
    let detached = memchr::memmem::find(&dictionary, b"ETSI.CAdES.detached").is_some();
    if !detached && enforced!("pades.subfilter") {
        return Err(Problem::new("form", "a signature of another SubFilter than ETSI.CAdES.detached is not read"));
    }
    let cms = unpadded(bytes)?;
    let algorithm = SignedData::from_der(&cms)?.digest_algorithm();
    Ok((cms, algorithm))
}

/// Without the zeros behind the one DER value.
fn unpadded(mut bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let wrong = || Problem::new("form", "the signature's Contents are no DER value with zeros behind it");
    let (first, rest) = bytes.split_at_checked(2).ok_or_else(wrong)?;
    let long =
        usize::from(first.get(1).copied().unwrap_or(0)).checked_sub(0x80).filter(|octets| (1..=4).contains(octets)).ok_or_else(wrong)?;
    let octets = rest.get(..long).ok_or_else(wrong)?;
    let length = octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    let padding = bytes.get(2 + long + length..).ok_or_else(wrong)?;
    if padding.iter().any(|byte| *byte != 0) && enforced!("pades.padding") {
        return Err(wrong());
    }
    bytes.truncate(2 + long + length);
    Ok(bytes)
}

fn digest(pdf: &mut (impl Read + Seek), range: &Range, algorithm: DigestAlgorithm) -> Result<Digest, Problem> {
    let mut hasher = Hasher::new(algorithm);
    let mut piece = vec![0; PIECE];
    for (from, to) in [(0, range.hole), (range.resumes, range.end)] {
        pdf.seek(SeekFrom::Start(from)).map_err(|error| unreadable(&error))?;
        let mut left = to - from;
        while left > 0 {
            let read = (&mut *pdf).take(left).read(&mut piece).map_err(|error| unreadable(&error))?;
            if read == 0 {
                return Err(Problem::new("covered", "a byte range reaches past the end of the file"));
            }
            hasher.update(piece.get(..read).unwrap_or_default());
            left -= read as u64;
        }
    }
    Ok(hasher.finish())
}
