//! Whether a path was revoked at a time, by the lists that a verifier was given.

use crate::verdict::Problem;
use chancery_domain::{Timestamp, enforced};
use chancery_x509::{CertificateSummary, Crl, PublicKey};

/// Asks every list that the issuer of a certificate of the path signed.
///
/// # Errors
/// A [`Problem`]: `revoked`, or `crl` for a list that cannot be read, for it could have said so.
pub(crate) fn check(path: &[&[u8]], lists: &[Vec<u8>], at: Timestamp) -> Result<(), Problem> {
    for der in lists {
        let list = Crl::from_der(der).map_err(|error| Problem::new("crl", format!("a revocation list of the trust given: {error}")))?;
        for pair in path.windows(2) {
            let [certificate, issuer] = pair else { continue };
            if signed(&list, issuer) {
                check_one(certificate, &list, at)?;
            }
        }
    }
    Ok(())
}

fn signed(list: &Crl, issuer: &[u8]) -> bool {
    let summary = CertificateSummary::from_der(issuer).ok();
    let key = summary.and_then(|summary| PublicKey::from_spki_der(&summary.spki_der).ok());
    key.is_some_and(|key| list.verify(&key).is_ok())
}

fn check_one(certificate: &[u8], list: &Crl, at: Timestamp) -> Result<(), Problem> {
    let Ok(summary) = CertificateSummary::from_der(certificate) else { return Ok(()) };
    let entry = list.entries().iter().find(|entry| Some(entry.serial) == summary.serial && entry.revoked_at <= at);
    match entry.filter(|_| enforced!("formats.revoked")) {
        None => Ok(()),
        Some(entry) => {
            let message = format!("the certificate of {} was revoked at {}, and is judged at {at}", summary.subject, entry.revoked_at);
            Err(Problem::new("revoked", message))
        }
    }
}
