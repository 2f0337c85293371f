//! The few fields of a Portable Executable that a signature is about, and what is digested of the rest.

use super::LARGEST;
use crate::verdict::Problem;
use crate::zip::{number, read_at};
use chancery_domain::signature::{Digest, DigestAlgorithm};
use chancery_x509::hash::Hasher;
use std::io::{Read, Seek, SeekFrom};

/// Certificate tables begin, and their entries end, at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;
/// Place of the checksum in the optional header, and of the fifth data directory in that of PE32 and of PE32+.
const CHECKSUM: u64 = 64;
const DIRECTORY: [u64; 2] = [128, 144];

/// Where things stand, in bytes from the file's start.
pub(super) struct Image {
    pub(super) length: u64,
    /// The checksum, 4 bytes.
    pub(super) checksum: u64,
    /// The entry of the certificate table in the data directories, 8 bytes.
    pub(super) directory: u64,
    /// The certificate table, at the file's end.
    pub(super) table: Option<u64>,
}

pub(super) fn malformed(message: &str) -> Problem {
    Problem::new("form", format!("not a Windows program that can be signed: {message}"))
}

impl Image {
    pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Self, Problem> {
        let length = file.seek(SeekFrom::End(0)).map_err(|error| malformed(&error.to_string()))?;
        if length > LARGEST {
            return Err(Problem::new("bounds", format!("a program of more than {LARGEST} bytes")));
        }
        let dos = read_at(file, 0, 64).map_err(|_| malformed("it is too short"))?;
        let coff = number(&dos, 60, 4);
        let head = read_at(file, coff, 24).map_err(|_| malformed("its header lies past its end"))?;
        if !dos.starts_with(b"MZ") || !head.starts_with(b"PE\0\0") {
            return Err(malformed("it does not begin as one"));
        }
        let optional = coff + 24;
        let size = number(&head, 20, 2);
        let fields = read_at(file, optional, usize::try_from(size).unwrap_or(0)).map_err(|_| malformed("its header is cut off"))?;
        let directory = match number(&fields, 0, 2) {
            0x10b => DIRECTORY[0],
            0x20b => DIRECTORY[1],
            _ => return Err(malformed("neither PE32 nor PE32+")),
        };
        // Their number stands before the directories, of which the table's is the fifth.
        let at = usize::try_from(directory).unwrap_or(0);
        if directory + 8 > size || number(&fields, at - 36, 4) < 5 {
            return Err(malformed("it has no place for a certificate table"));
        }
        let (start, table_size) = (number(&fields, at, 4), number(&fields, at + 4, 4));
        let image = Self { length, checksum: optional + CHECKSUM, directory: optional + directory, table: None };
        if start == 0 && table_size == 0 {
            return Ok(image);
        }
        let last = start + table_size == length && start % ALIGNMENT == 0 && start >= optional + size;
        if last { Ok(Self { table: Some(start), ..image }) } else { Err(malformed("its certificate table is not its end")) }
    }

    /// What the table stands behind: the file's own bytes, with zeros up to the next multiple.
    pub(super) fn end(&self) -> u64 {
        self.table.unwrap_or_else(|| self.length.next_multiple_of(ALIGNMENT))
    }

    /// The digest of the file but checksum, directory entry and table.
    pub(super) fn digest(&self, file: &mut (impl Read + Seek), algorithm: DigestAlgorithm) -> Result<Digest, Problem> {
        let mut hasher = Hasher::new(algorithm);
        self.pour(file, self.end(), |at, bytes| {
            let slice = |from: u64, to: u64| {
                let [from, to] = [from, to].map(|place| usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len()));
                bytes.get(from..to).unwrap_or_default()
            };
            let mut from = at;
            for (start, length) in [(self.checksum, 4), (self.directory, 8)] {
                hasher.update(slice(from, start));
                from = from.max(start + length);
            }
            hasher.update(slice(from, u64::MAX));
        })?;
        Ok(hasher.finish())
    }

    /// The file up to there piece by piece, with its place; zeros follow its end.
    pub(super) fn pour(&self, file: &mut (impl Read + Seek), end: u64, mut take: impl FnMut(u64, &[u8])) -> Result<(), Problem> {
        let failed = |error: std::io::Error| malformed(&error.to_string());
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (mut piece, mut at) = (vec![0; 64 << 10], 0);
        while at < end.min(self.length) {
            let read = (&mut *file).take(end - at).read(&mut piece).map_err(failed)?;
            if read == 0 {
                return Err(malformed("it became shorter while it was read"));
            }
            take(at, piece.get(..read).unwrap_or_default());
            at += read as u64;
        }
        let padding = usize::try_from(end.saturating_sub(at)).unwrap_or(0);
        take(at, &vec![0; padding]);
        Ok(())
    }
}

/// The checksum of a program: the sum of its 16-bit words with carries put back, and its length.
#[derive(Default)]
pub(super) struct Checksum {
    sum: u64,
    length: u64,
}

impl Checksum {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.sum += u64::from(*byte) << (8 * (self.length % 2));
            self.length += 1;
        }
    }
    pub(super) fn finish(mut self) -> u32 {
        while self.sum > 0xffff {
            self.sum = (self.sum & 0xffff) + (self.sum >> 16);
        }
        u32::try_from(self.sum + self.length).unwrap_or(u32::MAX)
    }
}
