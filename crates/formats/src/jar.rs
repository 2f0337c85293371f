//! Signed Java archives (JAR File Specification, "Signed JAR File"): a manifest with the digest of every entry, a signature file with the
//! digest of the manifest, and a detached CMS over that. SHA-256 throughout; entries are read as a stream and never held whole.
//!
//! Packaging and signing are apart: [`Package::of`] reads the archive where it is, only [`Package::digest`] goes to the signer,
//! [`prepare`] makes the CMS there, and [`Package::write`] puts it in. Bounds: those of ZIP in `crate::zip`, manifest and signature file
//! [`LARGEST_MANIFEST`] each.

use crate::cms::{Prepared, content_digest};
use crate::verdict::{Certified, Problem};
use crate::{cms, zip};
use chancery_domain::Timestamp;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_x509::hash;
use std::io::{Read, Seek};

mod manifest;
mod package;
mod verify;

pub use package::Package;
pub use verify::verify;

/// Longest manifest and longest signature file, in bytes.
pub const LARGEST_MANIFEST: u32 = 16 << 20;

const MANIFEST: &str = "META-INF/MANIFEST.MF";
const FOLDER: &str = "META-INF/";

/// Makes the CMS over a signature file of which only the digest is known ([`content_digest`] of which kind).
///
/// # Errors
/// As [`cms::prepare`].
pub fn prepare(signer: &Certified<'_>, signature_file: &Digest, signing_time: Timestamp) -> Result<Prepared, Problem> {
    cms::prepare(signer, cms::Signed::Detached(signature_file), signing_time)
}

/// How the file with the CMS ends: `RSA`, or `EC` for all other keys.
pub const fn extension(algorithm: SignatureAlgorithm) -> &'static str {
    if algorithm.fits(KeyAlgorithm::Rsa2048) { "RSA" } else { "EC" }
}

impl Package {
    /// The digest of the signature file that goes with this kind of signature.
    pub fn digest(&self, algorithm: SignatureAlgorithm) -> Digest {
        hash::digest(content_digest(algorithm), &self.signature_file)
    }
}

/// Whether an entry belongs to a signature and is not itself signed, and by what: the manifest, signature files and their CMS.
enum Role<'a> {
    Manifest,
    /// The name without folder and ending.
    SignatureFile(&'a str),
    Block(&'a str),
    /// Reserved for signatures, and nothing that is known.
    Other,
    /// To be signed.
    Signed,
}

fn role(name: &str) -> Role<'_> {
    let Some(file) = name.get(..FOLDER.len()).filter(|folder| folder.eq_ignore_ascii_case(FOLDER)).and_then(|_| name.get(FOLDER.len()..))
    else {
        return Role::Signed;
    };
    let ends = |ending: &str| {
        let start = file.len().checked_sub(ending.len())?;
        file.get(start..).filter(|end| end.eq_ignore_ascii_case(ending)).and_then(|_| file.get(..start))
    };
    if file.contains('/') {
        return Role::Signed;
    }
    if file.eq_ignore_ascii_case("MANIFEST.MF") {
        return Role::Manifest;
    }
    if let Some(base) = ends(".SF") {
        return Role::SignatureFile(base);
    }
    match [".RSA", ".EC", ".DSA"].into_iter().find_map(ends) {
        Some(base) => Role::Block(base),
        None if file.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIG-")) => Role::Other,
        None => Role::Signed,
    }
}

fn entry_digest(entry: &zip::Entry, archive: &mut (impl Read + Seek), algorithm: DigestAlgorithm) -> Result<Digest, Problem> {
    let mut hasher = hash::Hasher::new(algorithm);
    entry.expand(archive, |piece| hasher.update(piece))?;
    Ok(hasher.finish())
}
