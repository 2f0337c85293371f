//! Manifest and signature file for an archive, and the signed archive written around them.

use super::manifest::{is_digest, sections, write};
use super::{FOLDER, LARGEST_MANIFEST, MANIFEST, Role, entry_digest, extension, role};
use crate::verdict::Problem;
use crate::zip::{Archive, Entry, stored};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};
use chancery_x509::hash;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek, Write};

const DIGEST: &str = "SHA-256-Digest";

/// What is put into an archive to sign it, but the CMS.
pub struct Package {
    name: String,
    manifest: String,
    pub(super) signature_file: Vec<u8>,
    entries: Vec<Entry>,
}

impl Package {
    /// Reads an archive that is not signed yet, every entry once. The signer's files will have this name: letters and digits, 8 at most.
    ///
    /// # Errors
    /// A [`Problem`]: `form`, `name` or `bounds` if it is no archive that can be signed, `signed` if it is signed already.
    pub fn of(archive: &mut (impl Read + Seek), name: &str) -> Result<Self, Problem> {
        if !(1..=8).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Problem::new("name", "the name of the signer's files has 1 to 8 letters and digits"));
        }
        let Archive { entries } = Archive::read(archive)?;
        let (mut old, mut kept) = (Vec::new(), Vec::new());
        for entry in entries {
            match role(&entry.name) {
                Role::Manifest => old = entry.bytes(archive, LARGEST_MANIFEST)?,
                Role::Signed => kept.push(entry),
                Role::SignatureFile(_) | Role::Block(_) | Role::Other => {
                    return Err(Problem::new("signed", format!("it is signed already: {} is there; sign it without", entry.name)));
                }
            }
        }
        let manifest = manifest(&old, &kept, archive)?;
        let signature_file = signature_file(&manifest)?;
        if manifest.len().max(signature_file.len()) > LARGEST_MANIFEST as usize {
            return Err(Problem::new("bounds", format!("its manifest would have more than {LARGEST_MANIFEST} bytes")));
        }
        Ok(Self { name: name.to_ascii_uppercase(), manifest, signature_file, entries: kept })
    }

    /// The file that is signed.
    pub fn signature_file(&self) -> &[u8] {
        &self.signature_file
    }

    /// Writes the signed archive; `archive` is what was read. The CMS is one over [`Self::signature_file`], with a signature of this kind.
    ///
    /// # Errors
    /// That of reading or writing; `InvalidInput` if the archive grows past 4 GiB.
    pub fn write(
        &self,
        archive: &mut (impl Read + Seek),
        cms: &[u8],
        algorithm: SignatureAlgorithm,
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        let too_long = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
        let (mut directory, mut offset, mut count) = (Vec::new(), 0_u32, 0_u16);
        // First, where programs that read archives as streams look for them.
        let files = [
            (MANIFEST.to_owned(), self.manifest.as_bytes()),
            (format!("{FOLDER}{}.SF", self.name), &self.signature_file),
            (format!("{FOLDER}{}.{}", self.name, extension(algorithm)), cms),
        ];
        for (name, data) in files {
            let (local, central) = stored(&name, data, offset);
            out.write_all(&local)?;
            offset = u32::try_from(local.len()).ok().and_then(|length| offset.checked_add(length)).ok_or_else(too_long)?;
            directory.extend(central);
            count += 1;
        }
        for entry in &self.entries {
            directory.extend(entry.copy(archive, out, offset)?);
            let length = u32::try_from(entry.end - entry.offset).ok();
            offset = length.and_then(|length| offset.checked_add(length)).ok_or_else(too_long)?;
            count = count.checked_add(1).filter(|count| *count < u16::MAX).ok_or_else(too_long)?;
        }
        out.write_all(&directory)?;
        let size = u32::try_from(directory.len()).map_err(|_| too_long())?;
        offset.checked_add(size).ok_or_else(too_long)?;
        let numbers = [&count.to_le_bytes()[..], &count.to_le_bytes(), &size.to_le_bytes(), &offset.to_le_bytes(), &[0, 0]].concat();
        out.write_all(&[&b"PK\x05\x06\0\0\0\0"[..], &numbers].concat())
    }
}

/// What the old manifest says, with the digests of all entries in place of any that it has.
fn manifest(old: &[u8], entries: &[Entry], archive: &mut (impl Read + Seek)) -> Result<String, Problem> {
    let old = sections(old)?;
    let (main, named) = old.split_first().map_or((None, &[][..]), |(main, named)| (Some(main), named));
    let mut out = String::new();
    if main.and_then(|main| main.attribute("Manifest-Version")).is_none() {
        write(&mut out, "Manifest-Version", "1.0");
    }
    for (name, value) in main.iter().flat_map(|main| &main.attributes) {
        write(&mut out, name, value);
    }
    out.push_str("\r\n");
    let mut further: HashMap<&str, &[(String, String)]> = HashMap::new();
    for section in named {
        let name = section.attribute("Name").ok_or_else(|| Problem::new("form", "a section of the manifest has no Name"))?;
        if further.insert(name, &section.attributes).is_some() {
            return Err(Problem::new("name", format!("the manifest has two sections named {name:?}")));
        }
    }
    let mut section = |out: &mut String, name: &str, digest: Option<String>| {
        write(out, "Name", name);
        let others = further.remove(name).into_iter().flatten();
        for (name, value) in others.filter(|(name, _)| !is_digest(name) && !name.eq_ignore_ascii_case("Name")) {
            write(out, name, value);
        }
        if let Some(digest) = digest {
            write(out, DIGEST, &digest);
        }
        out.push_str("\r\n");
    };
    for entry in entries.iter().filter(|entry| !entry.is_folder()) {
        let digest = entry_digest(entry, archive, DigestAlgorithm::Sha256)?;
        section(&mut out, &entry.name, Some(STANDARD.encode(digest.as_bytes())));
    }
    // Of packages and the like, in the order in which they stood. jarsigner wants a digest where there is a folder.
    let nothing = hash::digest(DigestAlgorithm::Sha256, &[]);
    let names: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    for named in named.iter().filter_map(|section| section.attribute("Name")) {
        match (names.contains(named), named.ends_with('/')) {
            (false, _) => section(&mut out, named, None),
            (true, true) => section(&mut out, named, Some(STANDARD.encode(nothing.as_bytes()))),
            (true, false) => {}
        }
    }
    Ok(out)
}

fn signature_file(manifest: &str) -> Result<Vec<u8>, Problem> {
    let digest = |bytes: &[u8]| STANDARD.encode(hash::digest(DigestAlgorithm::Sha256, bytes).as_bytes());
    let sections = sections(manifest.as_bytes())?;
    let mut out = String::new();
    write(&mut out, "Signature-Version", "1.0");
    write(&mut out, "Created-By", "Chancery");
    write(&mut out, "SHA-256-Digest-Manifest", &digest(manifest.as_bytes()));
    write(&mut out, "SHA-256-Digest-Manifest-Main-Attributes", &digest(sections.first().map_or(&[], |main| main.bytes)));
    out.push_str("\r\n");
    for section in sections.iter().skip(1).filter(|section| section.attribute(DIGEST).is_some()) {
        write(&mut out, "Name", section.attribute("Name").unwrap_or_default());
        write(&mut out, DIGEST, &digest(section.bytes));
        out.push_str("\r\n");
    }
    Ok(out.into_bytes())
}
