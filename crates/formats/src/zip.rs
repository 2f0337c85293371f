//! ZIP archives (APPNOTE.TXT 6.3.10) read strictly enough to be signed (THREATS 33): every byte belongs to one entry or to the
//! directory, what directory and entry say of themselves is the same, and no name stands there twice.
//!
//! No ZIP64, no encryption, no comment at the end, nothing before the first entry; methods stored and deflated.

use crate::verdict::Problem;
use chancery_domain::enforced;
use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};

mod entry;

pub(crate) use entry::{Entry, stored};

/// Most entries.
pub const MOST_ENTRIES: usize = 65_534;
/// Most bytes of all entries expanded.
pub const LARGEST_EXPANDED: u64 = 4 << 30;
/// Longest directory, in bytes.
pub const LARGEST_DIRECTORY: u64 = 32 << 20;

const END: usize = 22;
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
const CENTRAL: usize = 46;

/// The directory of an archive, each entry compared with its place in the file.
pub(crate) struct Archive {
    /// In the order in which they stand in the file.
    pub(crate) entries: Vec<Entry>,
}

pub(crate) fn malformed(message: impl Into<String>) -> Problem {
    Problem::new("form", format!("not a ZIP archive that can be signed: {}", message.into()))
}

pub(crate) fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new("form", format!("the archive cannot be read: {error}"))
}

impl Archive {
    /// Reads the directory and every entry's own header.
    pub(crate) fn read(archive: &mut (impl Read + Seek)) -> Result<Self, Problem> {
        let (start, count, directory) = directory(archive)?;
        let mut entries = Vec::new();
        let mut rest = directory.as_slice();
        while !rest.is_empty() {
            if entries.len() >= MOST_ENTRIES {
                return Err(Problem::new("bounds", format!("more than {MOST_ENTRIES} entries")));
            }
            entries.push(entry(&mut rest)?);
        }
        if entries.len() != count && enforced!("zip.count") {
            return Err(malformed(format!("it has {} entries, and says {count}", entries.len())));
        }
        check_names(&entries)?;
        entries.sort_by_key(|entry| entry.offset);
        let total = entries.iter().try_fold(0_u64, |total, entry| total.checked_add(entry.size.into()));
        if total.is_none_or(|total| total > LARGEST_EXPANDED) && enforced!("zip.expanded") {
            return Err(Problem::new("bounds", format!("its entries expand to more than {LARGEST_EXPANDED} bytes")));
        }
        let ends: Vec<u64> = entries.iter().skip(1).map(|entry| entry.offset).chain([start]).collect();
        if entries.first().map_or(start, |first| first.offset) != 0 {
            return Err(malformed("something stands before the first entry"));
        }
        for (entry, end) in entries.iter_mut().zip(ends) {
            entry.compare_local(archive, end)?;
        }
        Ok(Self { entries })
    }
}

/// Where the directory starts, how many entries it says it has, and its bytes.
fn directory(archive: &mut (impl Read + Seek)) -> Result<(u64, usize, Vec<u8>), Problem> {
    let length = archive.seek(SeekFrom::End(0)).map_err(|error| unreadable(&error))?;
    let at = length.checked_sub(END as u64).ok_or_else(|| malformed("it is too short"))?;
    let end = read_at(archive, at, END)?;
    let number = |from, width| number(&end, from, width);
    let (count, size, start) = (number(10, 2), number(12, 4), number(16, 4));
    if !end.starts_with(END_SIGNATURE) || number(20, 2) != 0 {
        return Err(malformed("it does not end with its directory: a comment or other data follows"));
    }
    // One disk; and where directory and end meet.
    if number(4, 4) != 0 || number(8, 2) != count || start + size != at || size > LARGEST_DIRECTORY {
        return Err(malformed("the end of its directory contradicts the file"));
    }
    let (count, size) = (usize::try_from(count).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or(0));
    if count == 0xffff {
        return Err(malformed("its directory is of ZIP64"));
    }
    Ok((start, count, read_at(archive, start, size)?))
}

/// The next entry of the directory.
fn entry(rest: &mut &[u8]) -> Result<Entry, Problem> {
    let short = || malformed("its directory ends within an entry");
    let (head, after) = rest.split_at_checked(CENTRAL).ok_or_else(short)?;
    let number = |from, width| number(head, from, width);
    let lengths = [28, 30, 32].map(|at| usize::try_from(number(at, 2)).unwrap_or(0));
    let whole = lengths.iter().sum::<usize>();
    let (fields, next) = after.split_at_checked(whole).ok_or_else(short)?;
    if !head.starts_with(CENTRAL_SIGNATURE) || number(34, 2) != 0 {
        return Err(malformed("its directory holds something else than entries"));
    }
    let name = fields.get(..lengths[0]).and_then(|name| std::str::from_utf8(name).ok()).ok_or_else(|| malformed("a name is not UTF-8"))?;
    *rest = next;
    let central = [head, fields].concat();
    let narrow = |from, width| u32::try_from(number(from, width)).unwrap_or(0);
    Ok(Entry {
        name: name.to_owned(),
        version: narrow(6, 2),
        flags: narrow(8, 2),
        method: narrow(10, 2),
        crc: narrow(16, 4),
        compressed: narrow(20, 4),
        size: narrow(24, 4),
        offset: number(42, 4),
        central,
        data: 0,
        end: 0,
    })
}

/// No name twice, whatever its case in the folder that holds signatures, and none that leads out of where it is unpacked.
fn check_names(entries: &[Entry]) -> Result<(), Problem> {
    let mut seen = HashSet::new();
    for entry in entries {
        let name = entry.name.as_str();
        let parts = name.strip_suffix('/').unwrap_or(name).split('/');
        let leads_out = name.contains(['\\', '\0', '\n', '\r', ':']) || parts.into_iter().any(|part| matches!(part, "" | "." | ".."));
        if leads_out && enforced!("zip.name") {
            return Err(Problem::new("name", format!("the name {name:?} leads out of the archive, or is none")));
        }
        if !seen.insert(name.to_ascii_lowercase()) && enforced!("zip.twice") {
            return Err(Problem::new("name", format!("the name {name:?} stands there twice: which one is meant?")));
        }
    }
    Ok(())
}

pub(crate) fn read_at(archive: &mut (impl Read + Seek), at: u64, length: usize) -> Result<Vec<u8>, Problem> {
    archive.seek(SeekFrom::Start(at)).map_err(|error| unreadable(&error))?;
    let mut bytes = vec![0; length];
    archive.read_exact(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

/// Little-endian; 0 past the end.
pub(crate) fn number(bytes: &[u8], from: usize, width: usize) -> u64 {
    let octets = bytes.get(from..from + width).unwrap_or_default();
    octets.iter().rev().fold(0, |number, octet| number << 8 | u64::from(*octet))
}
