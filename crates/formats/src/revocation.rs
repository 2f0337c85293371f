//! Whether a path was revoked at a time, by the lists that a verifier was given.

use crate::verdict::Problem;
use chancery_domain::certificate::RevocationReason;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::{CertificateSummary, Crl, CrlEntry};

/// What a path's leaf signs, and so which of it a revocation undoes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signs {
    /// Documents, whose time somebody else witnessed or which are judged now: what is older than the revocation holds.
    Documents,
    /// The very times by which others are judged. Who stole the key writes any time: what is older holds only after an orderly end.
    Timestamps,
}

/// Asks every list that the issuer of a certificate of the path signed.
///
/// # Errors
/// A [`Problem`]: `revoked`, or `crl` for a list that cannot be read, for it could have said so.
pub(crate) fn check(path: &[&[u8]], lists: &[Vec<u8>], at: Timestamp, signs: Signs) -> Result<(), Problem> {
    for der in lists {
        let list = Crl::from_der(der).map_err(|error| Problem::new("crl", format!("a revocation list of the trust given: {error}")))?;
        for pair in path.windows(2) {
            let [certificate, issuer] = pair else { continue };
            if list.is_signed_by(issuer) {
                check_one(certificate, &list, at, signs)?;
            }
        }
    }
    Ok(())
}

fn check_one(certificate: &[u8], list: &Crl, at: Timestamp, signs: Signs) -> Result<(), Problem> {
    let Ok(summary) = CertificateSummary::from_der(certificate) else { return Ok(()) };
    let undone = |entry: &&CrlEntry| entry.revoked_at <= at || (signs == Signs::Timestamps && !is_orderly(entry.reason));
    let entry = list.entries().iter().filter(|entry| Some(entry.serial) == summary.serial).find(undone);
    match entry.filter(|_| enforced!("formats.revoked")) {
        None => Ok(()),
        Some(entry) => {
            let (revoked_at, reason) = (entry.revoked_at, entry.reason.as_str());
            let message = format!("the certificate of {} was revoked at {revoked_at} ({reason}), and is judged at {at}", summary.subject);
            Err(Problem::new("revoked", message))
        }
    }
}

/// Whether the key is known to have been its owner's alone until then (RFC 3161 section 4). An absent reason means that it is not, and is
/// read as unspecified: this one is taken for absent.
fn is_orderly(reason: RevocationReason) -> bool {
    use RevocationReason::{AffiliationChanged, CessationOfOperation, Superseded};
    matches!(reason, AffiliationChanged | Superseded | CessationOfOperation) || !enforced!("formats.timestamp-key-stolen")
}
