//! Path building: from a certificate over whatever came along to a root that is trusted, for a purpose, within bounds.

use crate::certificate::Certificate;
use crate::chain::verify_chain;
use crate::extension::{Extensions, ID_KP_DOCUMENT_SIGNING};
use crate::problem::Problem;
use chancery_domain::{Timestamp, enforced};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION, ID_KP_TIME_STAMPING};

/// Most certificates that may come along; more are refused before any is read.
pub const MOST_CERTIFICATES: usize = 16;
/// Longest path, leaf and root included.
pub const LONGEST_PATH: usize = 8;
/// Most certificates tried as the next of a path, over the whole search.
const MOST_STEPS: usize = 64;
/// Most paths whose signatures are verified.
const MOST_PATHS: usize = 8;

/// What a certificate is to be good for (extendedKeyUsage, RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// id-kp-codeSigning.
    CodeSigning,
    /// id-kp-emailProtection.
    EmailProtection,
    /// id-kp-documentSigning (RFC 9336).
    DocumentSigning,
    /// id-kp-timeStamping, critical and alone (RFC 3161 section 2.3).
    TimeStamping,
}

impl Purpose {
    const fn id(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => ID_KP_CODE_SIGNING,
            Self::EmailProtection => ID_KP_EMAIL_PROTECTION,
            Self::DocumentSigning => ID_KP_DOCUMENT_SIGNING,
            Self::TimeStamping => ID_KP_TIME_STAMPING,
        }
    }
    const fn as_str(self) -> &'static str {
        match self {
            Self::CodeSigning => "codeSigning",
            Self::EmailProtection => "emailProtection",
            Self::DocumentSigning => "documentSigning",
            Self::TimeStamping => "timeStamping",
        }
    }
}

/// What path is looked for. Certificates are DER.
#[derive(Clone, Copy, Debug)]
pub struct PathWish<'a> {
    /// The signer's certificate.
    pub leaf: &'a [u8],
    /// What came along, in any order, believed in nothing.
    pub pool: &'a [&'a [u8]],
    /// The trusted roots.
    pub roots: &'a [&'a [u8]],
    /// When it is to hold.
    pub at: Timestamp,
    /// What for: any one of these.
    pub purposes: &'a [Purpose],
}

/// A path from the leaf to a root, both included, the leaf first.
///
/// # Errors
/// A [`Problem`]: `certificate` if one cannot be read, `purpose` if it is none for this, `untrusted` if no path leads to a root,
/// `chain` if one does but does not hold, `bounds` if there is too much to search.
pub fn find_path<'a>(wish: &PathWish<'a>) -> Result<Vec<&'a [u8]>, Problem> {
    if wish.pool.len() > MOST_CERTIFICATES && enforced!("path.certificates") {
        return Err(Problem::new("bounds", format!("{} certificates came along, at most {MOST_CERTIFICATES} are read", wish.pool.len())));
    }
    let leaf = read(wish.leaf).ok_or_else(|| Problem::new("certificate", "the signer's certificate is no version 3 certificate in DER"))?;
    let purpose = purpose_of(&leaf.1.tbs.extensions, wish.purposes)?;
    let unread = || Problem::new("certificate", "one of the certificates that came along is no version 3 certificate in DER");
    let mut known = vec![leaf];
    for der in wish.pool {
        known.push(read(der).ok_or_else(unread)?);
    }
    let roots = wish.roots.iter().filter_map(|der| read(der)).collect();
    let mut search = Search { known, roots, at: wish.at, purpose, steps: 0, paths: 0, refusal: None };
    let found = search.extend(&mut vec![0])?;
    match (found, search.refusal) {
        (Some(path), _) => Ok(path),
        (None, Some(refusal)) => Err(refusal),
        (None, None) => Err(Problem::new("untrusted", "no path leads from the signer's certificate to one of the trusted roots")),
    }
}

type Read<'a> = (&'a [u8], Certificate<'a>);

fn read(der: &[u8]) -> Option<Read<'_>> {
    Some((der, Certificate::from_der(der).ok()?))
}

/// The first of the purposes that a signer's certificate has, with a keyUsage that lets it sign.
fn purpose_of(extensions: &Extensions<'_>, purposes: &[Purpose]) -> Result<Purpose, Problem> {
    let usage = extensions.extended_key_usage.as_ref();
    let has = |purpose: &&Purpose| usage.is_some_and(|usage| usage.value.contains(&purpose.id()));
    let Some(purpose) = purposes.iter().find(has).or_else(|| purposes.first().filter(|_| !enforced!("path.purpose"))) else {
        let wanted = purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>().join(" or ");
        return Err(Problem::new("purpose", format!("the signer's certificate lacks the extendedKeyUsage {wanted}")));
    };
    let alone = usage.is_some_and(|usage| usage.critical && usage.value.len() == 1);
    if *purpose == Purpose::TimeStamping && !alone && enforced!("path.time-stamping-alone") {
        let message =
            "timeStamping is not the only extendedKeyUsage of the authority's certificate, or is not critical (RFC 3161 section 2.3)";
        return Err(Problem::new("purpose", message));
    }
    // digitalSignature and contentCommitment
    let signs = extensions.key_usage.is_none() || extensions.allows_usage(0) || extensions.allows_usage(1);
    if !signs && enforced!("path.key-usage") {
        return Err(Problem::new("purpose", "the keyUsage of the signer's certificate has neither digitalSignature nor contentCommitment"));
    }
    Ok(*purpose)
}

struct Search<'a> {
    /// The leaf, then what came along.
    known: Vec<Read<'a>>,
    roots: Vec<Read<'a>>,
    at: Timestamp,
    purpose: Purpose,
    steps: usize,
    paths: usize,
    /// Why the first path to a root does not hold.
    refusal: Option<Problem>,
}

impl<'a> Search<'a> {
    /// Depth first, the path being positions in `known`: a root above its last, or else each whose subject is the last one's issuer.
    fn extend(&mut self, path: &mut Vec<usize>) -> Result<Option<Vec<&'a [u8]>>, Problem> {
        let Some((_, last)) = path.last().and_then(|last| self.known.get(*last)) else { return Ok(None) };
        let issuer = last.tbs.issuer_der;
        if path.len() >= LONGEST_PATH {
            return Ok(None);
        }
        let roots: Vec<&'a [u8]> = self.roots.iter().filter(|(_, root)| root.tbs.subject_der == issuer).map(|(der, _)| *der).collect();
        for root in roots {
            if let Some(found) = self.holds(path, root)? {
                return Ok(Some(found));
            }
        }
        let named = |(_, (_, certificate)): &(usize, &Read<'a>)| certificate.tbs.subject_der == issuer;
        let next: Vec<usize> = self.known.iter().enumerate().skip(1).filter(named).map(|(position, _)| position).collect();
        for position in next {
            self.steps += 1;
            if self.steps > MOST_STEPS && enforced!("path.steps") {
                return Err(Problem::new("bounds", format!("no path found after trying {MOST_STEPS} certificates")));
            }
            if path.contains(&position) {
                continue;
            }
            path.push(position);
            if let Some(found) = self.extend(path)? {
                return Ok(Some(found));
            }
            path.pop();
        }
        Ok(None)
    }

    fn holds(&mut self, path: &[usize], root: &'a [u8]) -> Result<Option<Vec<&'a [u8]>>, Problem> {
        self.paths += 1;
        if self.paths > MOST_PATHS && enforced!("path.paths") {
            return Err(Problem::new("bounds", format!("more than {MOST_PATHS} paths lead to trusted roots of one name")));
        }
        let read: Vec<&Read<'a>> = path.iter().filter_map(|position| self.known.get(*position)).collect();
        let ders: Vec<&'a [u8]> = read.iter().map(|(der, _)| *der).collect();
        let Some((leaf, between)) = ders.split_first() else { return Ok(None) };
        let chain = verify_chain(leaf, between, root, self.at).map_err(|error| Problem::new("chain", error.to_string()));
        let limited = read.iter().skip(1).any(|(_, authority)| !permits(&authority.tbs.extensions, self.purpose));
        let purpose = if limited && enforced!("path.authority-purpose") {
            let message = format!("an authority between the signer and the root is not one for {}", self.purpose.as_str());
            Err(Problem::new("purpose", message))
        } else {
            Ok(())
        };
        match chain.and(purpose) {
            Ok(()) => Ok(Some(ders.into_iter().chain([root]).collect())),
            Err(problem) => {
                self.refusal.get_or_insert(problem);
                Ok(None)
            }
        }
    }
}

/// An authority's extendedKeyUsage limits what is below it, as all implementations take it.
fn permits(authority: &Extensions<'_>, purpose: Purpose) -> bool {
    let usage = authority.extended_key_usage.as_ref();
    usage.is_none_or(|usage| usage.value.contains(&purpose.id()) || usage.value.contains(&ANY_EXTENDED_KEY_USAGE))
}
