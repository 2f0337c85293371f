//! Whether everything in an archive is what one signer signed.

use super::manifest::{Section, is_digest, java_name, sections};
use super::{LARGEST_MANIFEST, Role, entry_digest, role};
use crate::signed_data::{self, Rules};
use crate::trust::Trust;
use crate::verdict::{Problem, Verified};
use crate::zip::{Archive, Entry};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::DigestAlgorithm;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::cms::{ID_DATA, ID_TIMESTAMP_TOKEN, LARGEST_ENVELOPE, SignedData};
use chancery_x509::{Purpose, hash};
use std::collections::HashMap;
use std::io::{Read, Seek};

/// Verifies a signed archive: one signer, and no entry that is not signed. The digest in the verdict is that of the signature file.
///
/// # Errors
/// Every [`Problem`] of the first layer that does not hold.
pub fn verify(archive: &mut (impl Read + Seek), trust: &Trust, at: Timestamp) -> Result<Verified, Vec<Problem>> {
    let one = |problem| vec![problem];
    let files = Files::find(Archive::read(archive).map_err(one)?.entries, archive).map_err(one)?;
    let cms = SignedData::from_der(&files.block).map_err(one)?;
    let digest = hash::digest(cms.digest_algorithm(), &files.signature_file);
    let rules = Rules {
        content_type: ID_DATA,
        detached: Some(&digest),
        // jarsigner does not name the certificate among what is signed.
        certificate_bound: false,
        purposes: &[Purpose::CodeSigning],
        timestamp: ID_TIMESTAMP_TOKEN,
    };
    let verified = signed_data::verify(&cms, &rules, trust, at)?;
    check_manifest(&files).map_err(one)?;
    check_entries(&files, archive)?;
    Ok(verified)
}

struct Files {
    manifest: Vec<u8>,
    signature_file: Vec<u8>,
    block: Vec<u8>,
    /// What is to be signed, and its digest of the kind that the manifest has.
    signed: Vec<Entry>,
}

impl Files {
    fn find(entries: Vec<Entry>, archive: &mut (impl Read + Seek)) -> Result<Self, Problem> {
        let missing = |what: &str| Problem::new("unsigned", format!("it is not signed: there is no {what}"));
        let (mut manifest, mut signature_file, mut block, mut signed) = (None, None, None, Vec::new());
        for entry in entries {
            let place = match role(&entry.name) {
                Role::Manifest => &mut manifest,
                Role::SignatureFile(_) => &mut signature_file,
                Role::Block(_) => &mut block,
                Role::Other => return Err(Problem::new("form", format!("{} is not understood", entry.name))),
                Role::Signed => {
                    signed.push(entry);
                    continue;
                }
            };
            let limit = if matches!(role(&entry.name), Role::Block(_)) { LARGEST_ENVELOPE as u32 } else { LARGEST_MANIFEST };
            let bytes = entry.bytes(archive, limit)?;
            if place.replace((entry.name, bytes)).is_some() {
                return Err(Problem::new("form", "it has several signers, of which one alone is read"));
            }
        }
        let (_, manifest) = manifest.ok_or_else(|| missing("manifest"))?;
        let (file_name, signature_file) = signature_file.ok_or_else(|| missing("signature file"))?;
        let (block_name, block) = block.ok_or_else(|| missing("CMS beside the signature file"))?;
        let base = |name: &str| match role(name) {
            Role::SignatureFile(base) | Role::Block(base) => base.to_ascii_uppercase(),
            _ => String::new(),
        };
        if base(&file_name) != base(&block_name) {
            return Err(missing("CMS beside the signature file"));
        }
        Ok(Self { manifest, signature_file, block, signed })
    }
}

/// The manifest as a whole is the signed one; that only some sections of it are (which the specification allows) is not enough.
fn check_manifest(files: &Files) -> Result<(), Problem> {
    let sections = sections(&files.signature_file)?;
    let main = sections.first().ok_or_else(|| Problem::new("form", "the signature file is empty"))?;
    let holds = digests(main, "-Digest-Manifest").any(|(algorithm, said)| hash::digest(algorithm, &files.manifest).as_bytes() == said);
    if !holds && enforced!("jar.manifest") {
        return Err(Problem::new("digest", "the manifest is not the one that was signed"));
    }
    Ok(())
}

/// The digests in a section whose names end so.
fn digests<'a>(section: &'a Section<'_>, ending: &'a str) -> impl Iterator<Item = (DigestAlgorithm, Vec<u8>)> + 'a {
    DigestAlgorithm::ALL.into_iter().filter_map(move |algorithm| {
        let text = section.attribute(&format!("{}{ending}", java_name(algorithm)))?;
        Some((algorithm, STANDARD.decode(text).ok()?))
    })
}

/// Every entry has a digest in the manifest and is what it says; every digest has its entry.
fn check_entries(files: &Files, archive: &mut (impl Read + Seek)) -> Result<(), Vec<Problem>> {
    let sections = sections(&files.manifest).map_err(|problem| vec![problem])?;
    let mut named: HashMap<&str, &Section<'_>> = HashMap::new();
    for section in sections.iter().skip(1) {
        let name = section.attribute("Name").unwrap_or_default();
        if named.insert(name, section).is_some() {
            return Err(vec![Problem::new("form", format!("the manifest has two sections named {name:?}"))]);
        }
    }
    let mut problems = Vec::new();
    for entry in &files.signed {
        let said = named.remove(entry.name.as_str()).and_then(|section| digests(section, "-Digest").last());
        let Some((algorithm, said)) = said else {
            // Folders hold nothing, and jarsigner signs only those that the manifest names.
            if !entry.is_folder() && enforced!("jar.covered") {
                problems.push(Problem::new("unsigned", format!("the entry {:?} is not signed: somebody added it", entry.name)));
            }
            continue;
        };
        let digest = entry_digest(entry, archive, algorithm).map_err(|problem| vec![problem])?;
        if digest.as_bytes() != said && enforced!("jar.entry") {
            problems.push(Problem::new("digest", format!("the entry {:?} is not what was signed", entry.name)));
        }
    }
    let lost = named.iter().filter(|(_, section)| section.attributes.iter().any(|(name, _)| is_digest(name)));
    for (name, _) in lost.filter(|_| enforced!("jar.lost")) {
        problems.push(Problem::new("missing", format!("the entry {name:?} was signed and is gone")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
