//! A file to be signed: what is sent of it, and how the signature gets to it.

use crate::client::progress_of;
use crate::ended::Ended;
use crate::system::SystemClock;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Clock;
use chancery_domain::signature::{Digest, DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_formats::cms::content_digest;
use chancery_formats::in_toto::{Subject, statement};
use chancery_formats::pades::{self, SecurityStore};
use chancery_formats::{Certified, Problem, authenticode, jar};
use chancery_http::api::signatures::DocumentBody;
use chancery_http::api::signers::SignerDocument;
use chancery_x509::hash::Hasher;
use chancery_x509::pem;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// So much of a file is read at once.
const PIECE: usize = 1 << 20;
/// What the signature's files in an archive are called.
const SIGNATURE_FILE: &str = "CHANCERY";
/// A longer document does not fit into a request when it must be sent whole.
const LONGEST: u64 = 180 * 1024;

/// How files are to be signed.
pub(crate) struct Wanted {
    pub(super) format: Format,
    pub(crate) algorithm: SignatureAlgorithm,
    attached: bool,
    /// The signer's certificates, DER.
    chain: Vec<Vec<u8>>,
    /// Those of the authority whose timestamp goes into the signature.
    pub(super) timestamper: Option<Vec<Vec<u8>>>,
    /// What goes into a PDF so that nobody has to look for it later.
    pub(super) lasting: Lasting,
}

/// Certificates and revocation lists, DER.
#[derive(Default)]
pub(super) struct Lasting {
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) crls: Vec<Vec<u8>>,
}

impl Wanted {
    /// Of this signer. Its key says what is to be sent, and its chain how much room a signature takes.
    pub(crate) fn of(
        signer: &SignerDocument,
        format: Format,
        algorithm: Option<SignatureAlgorithm>,
        attached: bool,
    ) -> Result<Self, Ended> {
        let algorithm = match algorithm {
            Some(named) => named,
            None => {
                let version = signer.versions.first().ok_or_else(unknown)?;
                let key = KeyAlgorithm::from_name(&version.key_algorithm).ok_or_else(unknown)?;
                let preferred = signer.signing_profile.algorithms.iter().copied().find(|algorithm| algorithm.fits(key));
                preferred.unwrap_or(SignatureAlgorithm::usual(key))
            }
        };
        Ok(Self { format, algorithm, attached, chain: chain_of(signer)?, timestamper: None, lasting: Lasting::default() })
    }

    /// The signer's certificates, DER.
    pub(crate) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }
}

/// The certificates of a signer's newest version, DER.
pub(super) fn chain_of(signer: &SignerDocument) -> Result<Vec<Vec<u8>>, Ended> {
    let version = signer.versions.first().ok_or_else(unknown)?;
    Ok(pem::decode(&version.chain).map_err(|_| unknown())?.into_iter().map(|block| block.der.to_vec()).collect())
}

fn unknown() -> Ended {
    Ended::Malformed("the signer has a key or chain of an unknown kind: update chancery".to_owned())
}

/// A file to be signed, and what is sent of it.
pub(crate) struct Ware {
    pub(super) path: PathBuf,
    pub(crate) asked: DocumentBody,
    package: Option<Package>,
}

/// A file that the signature goes into, taken apart.
enum Package {
    Archive(jar::Package),
    Pdf(pades::Package),
    Program(authenticode::Package),
}

impl Ware {
    pub(crate) fn of(path: &Path, wanted: &Wanted) -> Result<Self, Ended> {
        let failed = |source| Ended::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let empty = DocumentBody { name: name_of(path), digest: None, size: None, content: None };
        let ware = |asked, package| Self { path: path.to_owned(), asked, package };
        let packaged = Package::of(&mut file, wanted).map_err(|problem| unfit(path, &problem))?;
        if let Some((package, digest)) = packaged {
            return Ok(ware(DocumentBody { digest: Some(digest.to_string()), size: Some(length), ..empty }, Some(package)));
        }
        let by_digest = match wanted.format {
            Format::Cms if !wanted.attached => Some(content_digest(wanted.algorithm)),
            Format::Sigstore if !wanted.attached => wanted.algorithm.digest(),
            Format::Raw => wanted.algorithm.digest(),
            Format::Timestamp => Some(wanted.algorithm.digest().unwrap_or(DigestAlgorithm::Sha256)),
            _ => None,
        };
        let Some(kind) = by_digest else {
            let content = whole(&mut file, length, path)?;
            return Ok(ware(DocumentBody { content: Some(STANDARD.encode(content)), ..empty }, None));
        };
        let (digest, size) = hashed(&mut file, length, kind, path).map_err(failed)?;
        Ok(ware(DocumentBody { digest: Some(digest), size: Some(size), ..empty }, None))
    }

    /// A statement about these files, of which only the digests go into it.
    pub(crate) fn statement(files: &[PathBuf], predicate_type: &str, predicate: &Path) -> Result<Self, Ended> {
        let subjects = files.iter().map(|path| subject(path)).collect::<Result<Vec<_>, _>>()?;
        let failed = |source| Ended::File { path: predicate.to_owned(), source };
        let mut file = File::open(predicate).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let said = whole(&mut file, length, predicate)?;
        let statement = statement(&subjects, predicate_type, &said)
            .map_err(|error| Ended::Usage(format!("{}: no statement can be made of it: {error}", predicate.display())))?;
        let (path, name) = match files {
            [only] => (only.clone(), name_of(only)),
            _ => (predicate.to_owned(), None),
        };
        let asked = DocumentBody { name, digest: None, size: None, content: Some(STANDARD.encode(statement)) };
        Ok(Self { path, asked, package: None })
    }

    /// Writes the signature, or the file with it.
    pub(crate) fn write(self, to: &Path, signature: &[u8], algorithm: SignatureAlgorithm) -> Result<(), Ended> {
        let failed = |source| Ended::File { path: to.to_owned(), source };
        if std::fs::canonicalize(to).is_ok_and(|to| std::fs::canonicalize(&self.path).is_ok_and(|path| path == to)) {
            return Err(Ended::Usage(format!("{} is what was signed, and is not written over: name another --output", to.display())));
        }
        let Some(package) = self.package else { return std::fs::write(to, signature).map_err(failed) };
        let open = || File::open(&self.path).map_err(|source| Ended::File { path: self.path.clone(), source });
        match package {
            Package::Archive(package) => {
                package.write(&mut open()?, signature, algorithm, &mut File::create(to).map_err(failed)?).map_err(failed)
            }
            Package::Pdf(package) => {
                let signed = package.finish(signature).map_err(|problem| unfit(&self.path, &problem))?;
                std::fs::write(to, signed).map_err(failed)
            }
            Package::Program(package) => {
                let written = package.write(&mut open()?, signature, &mut File::create(to).map_err(failed)?);
                written.map_err(|problem| unfit(&self.path, &problem))
            }
        }
    }
}

impl Package {
    /// What the signature goes into, and the digest that is signed; nothing where it stands by itself.
    fn of(file: &mut (impl Read + Seek), wanted: &Wanted) -> Result<Option<(Self, Digest)>, Problem> {
        let algorithm = wanted.algorithm;
        Ok(Some(match wanted.format {
            Format::Jar => {
                let package = jar::Package::of(file, SIGNATURE_FILE)?;
                let digest = package.digest(algorithm);
                (Self::Archive(package), digest)
            }
            Format::Pades => {
                let mut pdf = Vec::new();
                let longest = u64::try_from(pades::LARGEST).unwrap_or(u64::MAX).saturating_add(1);
                file.take(longest).read_to_end(&mut pdf).map_err(|error| Problem::new("form", error.to_string()))?;
                let room = pades::room(&Certified { chain: &wanted.chain, algorithm }, wanted.timestamper.as_deref());
                let store = SecurityStore { certificates: &wanted.lasting.certificates, crls: &wanted.lasting.crls };
                let package = pades::Package::of(&pdf, room, SystemClock::new().now(), &store)?;
                let digest = package.digest(algorithm);
                (Self::Pdf(package), digest)
            }
            Format::Authenticode => {
                let package = authenticode::Package::of(file)?;
                let digest = package.digest(file, algorithm)?;
                (Self::Program(package), digest)
            }
            _ => return Ok(None),
        }))
    }
}

/// The file cannot be signed in this form.
fn unfit(path: &Path, problem: &Problem) -> Ended {
    Ended::Usage(format!("{}: {problem}", path.display()))
}

fn name_of(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// A file that something is said of.
fn subject(path: &Path) -> Result<Subject, Ended> {
    let failed = |source| Ended::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let (digest, _) = read_through(&mut file, length, DigestAlgorithm::Sha256, path).map_err(failed)?;
    Ok(Subject { name: name_of(path).unwrap_or_default(), digests: vec![digest] })
}

/// All of a file that is to be sent.
fn whole(file: &mut File, length: u64, path: &Path) -> Result<Vec<u8>, Ended> {
    if length > LONGEST {
        let message = "this form or kind of signature takes the document itself, and no more than so many bytes fit into a request";
        return Err(Ended::Usage(format!(
            "{}: {message}: {LONGEST}. Sign its digest: raw or cms with an ECDSA or RSA key",
            path.display()
        )));
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|source| Ended::File { path: path.to_owned(), source })?;
    Ok(content)
}

/// The digest of what is read, a piece at a time, and how long it is.
pub(crate) fn hashed(file: &mut impl Read, length: u64, kind: DigestAlgorithm, path: &Path) -> std::io::Result<(String, u64)> {
    read_through(file, length, kind, path).map(|(digest, size)| (digest.to_string(), size))
}

fn read_through(file: &mut impl Read, length: u64, kind: DigestAlgorithm, path: &Path) -> std::io::Result<(Digest, u64)> {
    let (mut hasher, mut piece, mut size) = (Hasher::new(kind), vec![0; PIECE], 0);
    let bar = progress_of(length, &format!("hashing {}", path.display()));
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => {
                hasher.update(piece.get(..read).unwrap_or_default());
                size += read as u64;
                bar.set_position(size);
            }
        }
    }
    bar.finish_and_clear();
    Ok((hasher.finish(), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hashed_by_pieces_and_never_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        std::fs::write(&path, vec![7; 3 * PIECE + 5]).unwrap();
        let asked = |algorithm| {
            let wanted = Wanted {
                format: Format::Raw,
                algorithm,
                attached: false,
                chain: Vec::new(),
                timestamper: None,
                lasting: Lasting::default(),
            };
            Ware::of(&path, &wanted).map(|ware| ware.asked)
        };
        let sent = asked(SignatureAlgorithm::RsaPssSha256).unwrap();
        let whole = chancery_x509::hash::digest(DigestAlgorithm::Sha256, &vec![7; 3 * PIECE + 5]);
        assert_eq!((sent.digest, sent.size, sent.content), (Some(whole.to_string()), Some(3 * PIECE as u64 + 5), None));
        assert_eq!(sent.name.as_deref(), Some("long"));
        assert!(asked(SignatureAlgorithm::Ed25519).err().unwrap().to_string().contains("takes the document itself"));
        std::fs::write(&path, b"short").unwrap();
        let sent = asked(SignatureAlgorithm::Ed25519).unwrap();
        assert_eq!((sent.digest, sent.size, sent.content.as_deref()), (None, None, Some("c2hvcnQ=")));
    }
}
