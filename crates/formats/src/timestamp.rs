//! Timestamps over signatures (RFC 3161), whatever form these have: what one is over, where it goes, and whether it holds.

use crate::revocation::{self, Signs};
use crate::{Problem, TimestampWitness, Trust, authenticode, cms, sigstore};
use chancery_domain::Timestamp;
use chancery_domain::signature::{Digest, DigestAlgorithm, Format};
pub use chancery_x509::tsp::Imprint;
use chancery_x509::tsp::{TokenWish, verify_token};

/// The digest that a timestamp of a signature in this form is over: that of the bare signature in it.
///
/// # Errors
/// A [`Problem`] if it is no signature of this form, or the form carries no timestamp.
pub fn imprint(format: Format, signature: &[u8], algorithm: DigestAlgorithm) -> Result<Digest, Problem> {
    match format {
        Format::Sigstore => sigstore::timestamp_imprint(signature, algorithm),
        Format::Cms | Format::Jar | Format::Pades | Format::Authenticode => cms::timestamp_imprint(signature, algorithm),
        Format::Raw | Format::Jws | Format::Dsse | Format::Timestamp => Err(without(format)),
    }
}

/// The signature with a token where its form has it. Whether the token holds is for [`verify`].
///
/// # Errors
/// As [`imprint`]; if the token is not DER, or one more is not read.
pub fn put(format: Format, signature: &[u8], token: &[u8]) -> Result<Vec<u8>, Problem> {
    match format {
        Format::Sigstore => {
            let bundle = sigstore::with_timestamp(signature, token).map_err(|error| Problem::new("form", error.to_string()))?;
            Ok(bundle.into_bytes())
        }
        Format::Authenticode => authenticode::with_timestamp(signature, token),
        Format::Cms | Format::Jar | Format::Pades => cms::with_timestamp(signature, token),
        Format::Raw | Format::Jws | Format::Dsse | Format::Timestamp => Err(without(format)),
    }
}

fn without(format: Format) -> Problem {
    Problem::new("form", format!("a signature in the form {} carries no timestamp", format.as_str()))
}

/// Verifies a token at its own time, by the roots and lists of the trust given; none is later than `now` (THREATS 34).
///
/// # Errors
/// Every [`Problem`] of the first layer that does not hold.
pub fn verify(token: &[u8], imprint: Imprint<'_>, trust: &Trust, now: Timestamp) -> Result<TimestampWitness, Vec<Problem>> {
    let roots: Vec<&[u8]> = trust.timestamp_roots.iter().map(Vec::as_slice).collect();
    let verified = verify_token(token, &TokenWish { imprint, nonce: None, roots: &roots, now })?;
    let path: Vec<&[u8]> = verified.chain.iter().map(Vec::as_slice).collect();
    revocation::check(&path, &trust.crls, verified.at, Signs::Timestamps).map_err(|problem| vec![problem])?;
    Ok(TimestampWitness { at: verified.at, subject: verified.subject, chain: verified.chain })
}
