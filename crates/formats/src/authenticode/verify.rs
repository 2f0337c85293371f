//! Whether a program is what its signer signed: checksum and table are not digested, so each must be the only one possible.

use super::image::{Checksum, Image, malformed};
use super::{TIMESTAMP, digest_info, is_known};
use crate::signed_data::{self, Rules};
use crate::trust::Trust;
use crate::verdict::{Problem, Verified};
use crate::zip::{number, read_at};
use chancery_domain::{Timestamp, enforced};
use chancery_x509::Purpose;
use chancery_x509::cms::{ID_INDIRECT_DATA, LARGEST_ENVELOPE, SignedData};
use std::io::{Read, Seek};

/// How `data` begins in a SpcIndirectDataContent of a program: SPC_PE_IMAGE_DATA_OBJID.
const IMAGE_DATA_ID: &[u8] = b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f";

/// Verifies a signed program. The digest in the verdict is that of the file.
///
/// # Errors
/// Every [`Problem`] of the first layer that does not hold.
pub fn verify(file: &mut (impl Read + Seek), trust: &Trust, at: Timestamp) -> Result<Verified, Vec<Problem>> {
    let one = |problem| vec![problem];
    let image = Image::read(file).map_err(one)?;
    let table = table(&image, file).map_err(one)?;
    let cms = SignedData::from_der(&table).map_err(one)?;
    let rules = Rules {
        content_type: ID_INDIRECT_DATA,
        detached: None,
        // Neither Windows nor osslsigncode name the certificate among what is signed.
        certificate_bound: false,
        purposes: &[Purpose::CodeSigning],
        timestamp: TIMESTAMP,
    };
    let verified = signed_data::verify(&cms, &rules, trust, at)?;
    if !is_known(verified.algorithm) && enforced!("authenticode.algorithm") {
        return Err(one(Problem::new("algorithm", "Windows knows no such signatures")));
    }
    let digest = image.digest(file, cms.digest_algorithm()).map_err(one)?;
    let data = cms.content().and_then(|content| content.strip_suffix(digest_info(&digest).as_slice()));
    let Some(data) = data.or_else(|| cms.content().filter(|_| !enforced!("authenticode.digest"))) else {
        return Err(one(Problem::new("digest", "the program is not what was signed: its digest is another")));
    };
    let of_program =
        matches!(data, [0x30, length, inside @ ..] if usize::from(*length) == inside.len() && inside.starts_with(IMAGE_DATA_ID));
    if !of_program && enforced!("authenticode.data") {
        return Err(one(Problem::new("content-type", "what was signed is no program, or has page hashes, which are not read")));
    }
    check_checksum(&image, file).map_err(one)?;
    Ok(Verified { digest, ..verified })
}

/// The CMS of the one entry in the table.
fn table(image: &Image, file: &mut (impl Read + Seek)) -> Result<Vec<u8>, Problem> {
    let start = image.table.ok_or_else(|| Problem::new("unsigned", "there is no signature in it"))?;
    let length = usize::try_from(image.length - start).unwrap_or(usize::MAX);
    if length > LARGEST_ENVELOPE {
        return Err(Problem::new("bounds", format!("a certificate table of more than {LARGEST_ENVELOPE} bytes")));
    }
    let table = read_at(file, start, length)?;
    let size = number(&table, 0, 4);
    let one = size == length as u64 && length % 8 == 0 && table.get(4..8) == Some(&[0, 2, 2, 0]);
    if !one && enforced!("authenticode.table") {
        return Err(malformed("its certificate table is not one PKCS#7 signature of revision 2.0"));
    }
    let entry = table.get(8..).unwrap_or_default();
    // Up to seven zeros fill the table.
    let octets = entry.get(1).map_or(0, |octet| usize::from(octet & 0x7f));
    let long = entry.get(2..2 + octets).unwrap_or_default();
    let size = 2 + octets + long.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    let padding = entry.get(size..).filter(|_| (1..=3).contains(&octets)).ok_or_else(|| malformed("its signature is cut off"))?;
    if (padding.len() > 7 || padding.iter().any(|byte| *byte != 0)) && enforced!("authenticode.padding") {
        return Err(malformed("something stands behind its signature"));
    }
    Ok(entry.get(..size).unwrap_or_default().to_vec())
}

fn check_checksum(image: &Image, file: &mut (impl Read + Seek)) -> Result<(), Problem> {
    let mut checksum = Checksum::default();
    image.pour(file, image.length, |at, bytes| {
        let zeroed: Vec<u8> = (at..).zip(bytes).map(|(at, byte)| if at.wrapping_sub(image.checksum) < 4 { 0 } else { *byte }).collect();
        checksum.update(&zeroed);
    })?;
    let said = number(&read_at(file, image.checksum, 4)?, 0, 4);
    if said != u64::from(checksum.finish()) && enforced!("authenticode.checksum") {
        return Err(Problem::new("digest", "the program's checksum is not that of its bytes"));
    }
    Ok(())
}
