//! One entry: its header before the data, the data expanded within limits, and entries written anew.

use super::{malformed, number, read_at, unreadable};
use crate::verdict::Problem;
use chancery_domain::enforced;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::io::{Read, Seek, SeekFrom, Write};

const LOCAL: usize = 30;
const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";
const STORED: u32 = 0;
const DEFLATED: u32 = 8;
/// Which flags an entry may have: how well it was deflated, a descriptor behind the data, UTF-8.
const FLAGS: u32 = 0x080e;
const VERSION: u32 = 20;
const WITH_DESCRIPTOR: u32 = 0x0008;
/// Entries that expand to more than this must not expand beyond the ratio.
const SMALL: u32 = 16 << 20;
/// How many times larger than its data an entry may be.
const LARGEST_RATIO: u64 = 250;

/// What the directory says of an entry.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// What a reader must know: 20 is folders and deflated data.
    pub(super) version: u32,
    pub(super) flags: u32,
    pub(super) method: u32,
    pub(super) crc: u32,
    pub(super) compressed: u32,
    /// Expanded, in bytes.
    pub(crate) size: u32,
    /// Where its own header starts.
    pub(crate) offset: u64,
    /// Its record in the directory.
    pub(crate) central: Vec<u8>,
    /// Where its data starts.
    pub(super) data: u64,
    /// Where it ends, with what describes the data behind it.
    pub(crate) end: u64,
}

impl Entry {
    /// A folder, which holds nothing.
    pub(crate) fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    /// Compares its own header with the directory's; it must end where the next entry starts.
    pub(super) fn compare_local(&mut self, archive: &mut (impl Read + Seek), end: u64) -> Result<(), Problem> {
        let differs = || malformed(format!("the entry {:?} says something else of itself than the directory", self.name));
        if self.offset + LOCAL as u64 > end {
            return Err(malformed(format!("the entry {:?} overlaps the next", self.name)));
        }
        let head = read_at(archive, self.offset, LOCAL)?;
        let number = |from, width| number(&head, from, width);
        let (name, extra) = (number(26, 2), number(28, 2));
        let behind = u64::from(self.flags & WITH_DESCRIPTOR != 0);
        let data = self.offset + LOCAL as u64 + name + extra;
        let descriptor = data + u64::from(self.compressed);
        let own_name = read_at(archive, self.offset + LOCAL as u64, usize::try_from(name).unwrap_or(0))?;
        let same = head.starts_with(LOCAL_SIGNATURE) && own_name == self.name.as_bytes();
        let same = same && number(6, 2) == u64::from(self.flags) && number(8, 2) == u64::from(self.method);
        let sizes = [(14, self.crc), (18, self.compressed), (22, self.size)];
        let same = same && sizes.iter().all(|(at, value)| number(*at, 4) == u64::from(*value) || behind == 1 && number(*at, 4) == 0);
        if !same && enforced!("zip.local") {
            return Err(differs());
        }
        let supported = self.version.max(u32::try_from(number(4, 2)).unwrap_or(0)) <= VERSION;
        let supported = supported && self.flags & !FLAGS == 0 && matches!(self.method, STORED | DEFLATED);
        if !supported || (self.method == STORED && self.compressed != self.size) || (self.is_folder() && self.size != 0) {
            return Err(malformed(format!("the entry {:?} is encrypted, or of a kind that is not read", self.name)));
        }
        let tail = usize::try_from(end.checked_sub(descriptor).ok_or_else(differs)?).unwrap_or(usize::MAX);
        if tail > if behind == 1 { 16 } else { 0 } {
            return Err(malformed(format!("something stands behind the entry {:?}", self.name)));
        }
        let described = read_at(archive, descriptor, tail)?;
        let values = described.strip_prefix(DESCRIPTOR_SIGNATURE).filter(|rest| rest.len() == 12).unwrap_or(&described);
        let expected: Vec<u8> = [self.crc, self.compressed, self.size].iter().flat_map(|value| value.to_le_bytes()).collect();
        if behind == 1 && values != expected {
            return Err(differs());
        }
        (self.data, self.end) = (data, end);
        self.check_ratio()
    }

    fn check_ratio(&self) -> Result<(), Problem> {
        let bomb = self.size > SMALL && u64::from(self.size) > u64::from(self.compressed) * LARGEST_RATIO;
        if bomb && enforced!("zip.ratio") {
            return Err(Problem::new("bounds", format!("the entry {:?} expands more than {LARGEST_RATIO} times", self.name)));
        }
        Ok(())
    }

    /// Expands the data piece by piece; no more than the directory says comes out.
    pub(crate) fn expand(&self, archive: &mut (impl Read + Seek), mut take: impl FnMut(&[u8])) -> Result<(), Problem> {
        archive.seek(SeekFrom::Start(self.data)).map_err(|error| unreadable(&error))?;
        let data = archive.take(self.compressed.into());
        match self.method {
            STORED => self.pour(data, &mut take).map(|_| ()),
            _ => {
                let decoder = self.pour(DeflateDecoder::new(data), &mut take)?;
                // All of the data belongs to it.
                let whole = decoder.total_in() == u64::from(self.compressed);
                if whole { Ok(()) } else { Err(malformed(format!("something stands behind the data of the entry {:?}", self.name))) }
            }
        }
    }

    fn pour<R: Read>(&self, mut from: R, take: &mut impl FnMut(&[u8])) -> Result<R, Problem> {
        let mut crc = Crc::new();
        let (mut piece, mut left) = (vec![0; 64 << 10], u64::from(self.size));
        loop {
            let read = from.read(&mut piece).map_err(|error| unreadable(&error))?;
            if read == 0 {
                break;
            }
            let too_long = || malformed(format!("the entry {:?} is longer than it says", self.name));
            left = left.checked_sub(read as u64).ok_or_else(too_long)?;
            let read = piece.get(..read).unwrap_or_default();
            crc.update(read);
            take(read);
        }
        if left == 0 && crc.sum() == self.crc {
            return Ok(from);
        }
        Err(malformed(format!("the entry {:?} is damaged", self.name)))
    }

    /// Its data, if it is no longer than this.
    pub(crate) fn bytes(&self, archive: &mut (impl Read + Seek), limit: u32) -> Result<Vec<u8>, Problem> {
        if self.size > limit && enforced!("zip.entry") {
            return Err(Problem::new("bounds", format!("the entry {:?} is longer than {limit} bytes", self.name)));
        }
        let mut bytes = Vec::new();
        self.expand(archive, |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    /// Copies header, data and descriptor as they are; returns the record for a directory in which it starts at `offset`.
    pub(crate) fn copy(&self, archive: &mut (impl Read + Seek), out: &mut impl Write, offset: u32) -> std::io::Result<Vec<u8>> {
        archive.seek(SeekFrom::Start(self.offset))?;
        let length = self.end - self.offset;
        let copied = std::io::copy(&mut archive.take(length), out)?;
        if copied != length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let mut central = self.central.clone();
        central.splice(42..46, offset.to_le_bytes());
        Ok(central)
    }
}

/// A stored entry: header with data, and the record for a directory in which it starts at `offset`. It is of 1980-01-01, when ZIP's
/// time begins.
pub(crate) fn stored(name: &str, data: &[u8], offset: u32) -> (Vec<u8>, Vec<u8>) {
    let mut crc = Crc::new();
    crc.update(data);
    let lengths = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let name_length = u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes();
    // Version 1.0, UTF-8, stored, 00:00 on 1980-01-01.
    let common = [
        &[10, 0, 0, 8, 0, 0, 0, 0, 0x21, 0][..],
        &crc.sum().to_le_bytes(),
        &lengths(data.len()),
        &lengths(data.len()),
        &name_length,
        &[0, 0],
    ];
    let common = common.concat();
    let local = [LOCAL_SIGNATURE, &common, name.as_bytes(), data].concat();
    let central = [&b"PK\x01\x02\x0a\x00"[..], &common, &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat();
    (local, central)
}
