//! A program that is not signed yet, and the signed one written around a CMS.

use super::LARGEST;
use super::image::{ALIGNMENT, Checksum, Image, malformed};
use crate::verdict::Problem;
use chancery_domain::signature::{Digest, SignatureAlgorithm};
use chancery_x509::cms::{LARGEST_ENVELOPE, content_digest};
use std::io::{Read, Seek, Write};

/// A program that can be signed.
pub struct Package(Image);

impl Package {
    /// Reads the headers of a program that is not signed yet.
    ///
    /// # Errors
    /// A [`Problem`]: `form` or `bounds` if it is no program that can be signed, `signed` if it is signed already.
    pub fn of(file: &mut (impl Read + Seek)) -> Result<Self, Problem> {
        let image = Image::read(file)?;
        if image.table.is_some() {
            return Err(Problem::new("signed", "it is signed already: take the program as it was before"));
        }
        Ok(Self(image))
    }

    /// The digest of the file that goes with this kind of signature; reads it once.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be read.
    pub fn digest(&self, file: &mut (impl Read + Seek), algorithm: SignatureAlgorithm) -> Result<Digest, Problem> {
        self.0.digest(file, content_digest(algorithm))
    }

    /// Writes the signed program, reading the file twice.
    ///
    /// # Errors
    /// A [`Problem`]: `bounds` if file or CMS are too long, `form` if one cannot be read or the other written.
    pub fn write(&self, file: &mut (impl Read + Seek), cms: &[u8], out: &mut impl Write) -> Result<(), Problem> {
        let end = self.0.end();
        let table = table(cms);
        if cms.len() > LARGEST_ENVELOPE || end + table.len() as u64 > LARGEST {
            return Err(Problem::new("bounds", "the CMS or the signed program would be too long"));
        }
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let directory = [narrow(end), narrow(table.len() as u64)].concat();
        let mut checksum = Checksum::default();
        self.changed(file, &[(self.0.checksum, &[0; 4]), (self.0.directory, &directory)], |bytes| checksum.update(bytes))?;
        checksum.update(&table);
        let (checksum, mut written) = (checksum.finish().to_le_bytes(), Ok(()));
        self.changed(file, &[(self.0.checksum, &checksum), (self.0.directory, &directory)], |bytes| {
            if written.is_ok() {
                written = out.write_all(bytes);
            }
        })?;
        written.and_then(|()| out.write_all(&table)).map_err(|error| malformed(&error.to_string()))
    }

    /// The file piece by piece with other bytes in some places.
    fn changed(&self, file: &mut (impl Read + Seek), changes: &[(u64, &[u8])], mut take: impl FnMut(&[u8])) -> Result<(), Problem> {
        self.0.pour(file, self.0.end(), |at, bytes| {
            let mut bytes = bytes.to_vec();
            for (start, new) in changes {
                for (offset, byte) in (*start..).zip(*new) {
                    let place = offset.checked_sub(at).and_then(|place| usize::try_from(place).ok());
                    if let Some(old) = place.and_then(|place| bytes.get_mut(place)) {
                        *old = *byte;
                    }
                }
            }
            take(&bytes);
        })
    }
}

/// `WIN_CERTIFICATE`: length, revision 2.0, PKCS#7, padded.
fn table(cms: &[u8]) -> Vec<u8> {
    let length = (8 + cms.len()).next_multiple_of(usize::try_from(ALIGNMENT).unwrap_or(8));
    let head = [&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()[..], &[0, 2, 2, 0]].concat();
    let mut table = [&head, cms].concat();
    table.resize(length, 0);
    table
}
