//! Path validation (RFC 5280 section 6.1), as much of it as chains of this crate need: no policies, no revocation.
//! Whatever it does not understand it refuses.

use crate::certificate::Certificate;
use crate::extension::named;
use crate::key::PublicKey;
use crate::time::from_x509;
use chancery_domain::name::SubjectName;
use chancery_domain::{Timestamp, enforced};

/// Why a chain does not hold: which certificate (0 is the leaf) and what is wrong with it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("certificate {at} of the chain (0 is the leaf): {problem}")]
pub struct ChainError {
    /// Position, the leaf being 0.
    pub at: usize,
    /// What is wrong.
    pub problem: String,
}

/// Validates a path from a leaf (or an intermediate that shall be tested) over intermediates, its issuer first, to a root that is
/// trusted by being given, at a time.
///
/// # Errors
/// [`ChainError`] for the certificate that does not hold.
pub fn verify_chain(leaf_der: &[u8], intermediates: &[&[u8]], root_der: &[u8], at: Timestamp) -> Result<(), ChainError> {
    let path = std::iter::once(leaf_der).chain(intermediates.iter().copied()).chain(std::iter::once(root_der));
    let mut chain = Vec::new();
    for (position, der) in path.enumerate() {
        chain.push(Certificate::from_der(der).map_err(|error| fault(position, error))?);
    }
    for (position, certificate) in chain.iter().enumerate() {
        in_time(certificate, at).map_err(|problem| fault(position, problem))?;
        let unknown = certificate.tbs.extensions.unknown.iter().find(|unknown| unknown.critical);
        if let Some(unknown) = unknown.filter(|_| enforced!("chain.critical")) {
            return Err(fault(position, format!("critical extension {} is not understood", named(unknown.value))));
        }
        // The root's own signature proves nothing, but that it was not damaged.
        let issuer = chain.get(position + 1).unwrap_or(certificate);
        signed_by(certificate, issuer).map_err(|problem| fault(position, problem))?;
    }
    for (position, authority) in chain.iter().enumerate().skip(1) {
        let below = chain.get(..position).unwrap_or_default();
        is_authority_over(authority, below).map_err(|problem| fault(position, problem))?;
    }
    Ok(())
}

/// Whether the authority with this certificate signed that one: its name and its signature, whatever else it says and when.
pub fn is_signed_by(certificate_der: &[u8], authority_der: &[u8]) -> bool {
    let (certificate, authority) = (Certificate::from_der(certificate_der), Certificate::from_der(authority_der));
    certificate.is_ok_and(|certificate| authority.is_ok_and(|authority| signed_by(&certificate, &authority).is_ok()))
}

fn fault(at: usize, problem: impl ToString) -> ChainError {
    ChainError { at, problem: problem.to_string() }
}

fn in_time(certificate: &Certificate<'_>, at: Timestamp) -> Result<(), String> {
    let validity = &certificate.tbs.validity;
    let (from, to) = (from_x509(validity.not_before), from_x509(validity.not_after));
    // notAfter is inclusive: its whole second is valid.
    let begun = from <= at || !enforced!("chain.not-before");
    let ended = at.whole_second() > to && enforced!("chain.not-after");
    if begun && !ended { Ok(()) } else { Err(format!("valid from {from} to {to}, not at {at}")) }
}

fn signed_by(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<(), String> {
    if certificate.tbs.issuer_der != issuer.tbs.subject_der && enforced!("chain.issuer-name") {
        return Err("its issuer's name is not the subject of the next certificate".to_owned());
    }
    let named = certificate.tbs.extensions.authority_key_identifier.as_ref().and_then(|found| found.value);
    let own = issuer.tbs.extensions.subject_key_identifier.as_ref().map(|found| found.value);
    if named.is_some() && named != own && enforced!("chain.key-identifier") {
        return Err("its authorityKeyIdentifier is not the subjectKeyIdentifier of the next certificate".to_owned());
    }
    let key = PublicKey::from_spki_der(issuer.tbs.spki_der).map_err(|error| format!("the key of its issuer: {error}"))?;
    let verified = key.verify_identified(certificate.parts.algorithm_der, certificate.parts.tbs_der, certificate.parts.signature);
    if enforced!("chain.signature") { verified.map_err(|error| error.to_string()) } else { Ok(()) }
}

/// `below` is everything under the authority, the leaf first.
fn is_authority_over(authority: &Certificate<'_>, below: &[Certificate<'_>]) -> Result<(), String> {
    let extensions = &authority.tbs.extensions;
    let basic = extensions.basic_constraints.as_ref().filter(|found| found.value.ca);
    if basic.is_none() && enforced!("chain.authority") {
        return Err("not an authority: basicConstraints lacks CA:TRUE".to_owned());
    }
    if !extensions.allows_usage(5) && enforced!("chain.key-usage") {
        return Err("not an authority: keyUsage lacks keyCertSign".to_owned());
    }
    // Counted are the intermediates between it and the last certificate, which may itself be an authority (RFC 5280 section 4.2.1.9).
    let between = below.len().saturating_sub(1);
    let limit = basic.and_then(|found| found.value.path_len_constraint);
    if limit.is_some_and(|limit| between > usize::from(limit)) && enforced!("chain.path-length") {
        return Err(format!("its pathLenConstraint does not allow the {between} authorities below it"));
    }
    let Some(constraints) = &extensions.name_constraints else { return Ok(()) };
    for certificate in below {
        for name in names(certificate)? {
            if !constraints.value.permit(&name) && enforced!("chain.names") {
                return Err(format!("its name constraints do not permit {name}"));
            }
        }
    }
    Ok(())
}

fn names(certificate: &Certificate<'_>) -> Result<Vec<SubjectName>, String> {
    let found = certificate.tbs.extensions.alternative_names.as_ref();
    let names = found.map(|found| found.value.as_slice()).unwrap_or_default();
    names.iter().map(|name| name.subject_name().map_err(|error| error.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::{IssuerCertificate, IssuerError};
    use crate::lint::fixture::{Fixture, START, intermediate, leaf, root};

    fn verdict(leaf: &Fixture, intermediate: &Fixture) -> Result<(), (usize, String)> {
        let at = Timestamp::from_seconds(START + 1);
        let checked = verify_chain(&leaf.signed(), &[&intermediate.signed()], &root().signed(), at);
        checked.map_err(|error| (error.at, error.problem))
    }

    fn problem(leaf: &Fixture, intermediate: &Fixture) -> (usize, String) {
        verdict(leaf, intermediate).unwrap_err()
    }

    /// A critical extension that nobody knows.
    const STRANGER: &[u8] = b"\x30\x0c\x06\x03\x55\x1d\x63\x01\x01\xff\x04\x02\x05\x00";

    #[test]
    fn what_lints_would_not_sign_does_not_verify_either() {
        assert_eq!(verdict(&leaf(), &intermediate()), Ok(()));
        let strange = |fixture: Fixture| fixture.with(|fields| fields.extensions_der.extend_from_slice(STRANGER));
        assert!(problem(&strange(leaf()), &intermediate()).1.contains("2.5.29.99 is not understood"));
        // keyUsage cRLSign alone
        let silent = intermediate().replaced(b"\x03\x02\x01\x06", b"\x03\x02\x01\x02");
        assert_eq!(problem(&leaf(), &silent), (1, "not an authority: keyUsage lacks keyCertSign".to_owned()));
        let no_authority = intermediate().replaced(b"\x30\x06\x01\x01\xff\x02\x01\x00", b"\x30\x00");
        assert!(problem(&leaf(), &no_authority).1.contains("CA:TRUE"));
        let outside = leaf().replaced(b"\x82\x0eb.acme.example", b"\x82\x0eb.evil.example");
        assert_eq!(problem(&outside, &intermediate()), (1, "its name constraints do not permit dns:b.evil.example".to_owned()));
        let renamed = leaf().replaced(b"Acme Intermediate", b"Evil Intermediate");
        assert!(problem(&renamed, &intermediate()).1.contains("issuer's name"));
        let relabelled = leaf().replaced(&[0x3d, 4, 3, 2], &[0x3d, 4, 3, 3]);
        assert_eq!(problem(&relabelled, &intermediate()).0, 0);
    }

    #[test]
    fn neither_is_it_an_issuer() {
        let refused = |fixture: Fixture| match IssuerCertificate::from_der(&fixture.signed()) {
            Err(IssuerError::NotAnAuthority(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(IssuerCertificate::from_der(&intermediate().signed()).is_ok());
        assert!(refused(intermediate().with(|fields| fields.extensions_der.extend_from_slice(STRANGER))).contains("critical"));
        assert!(refused(intermediate().without(b"\x06\x03\x55\x1d\x0e")).contains("subjectKeyIdentifier"));
        assert!(refused(intermediate().replaced(b"\x03\x02\x01\x06", b"\x03\x02\x01\x02")).contains("keyUsage"));
        assert!(refused(intermediate().replaced(b"\x03\x02\x01\x06", b"\x03\x02\x02\x04")).contains("keyUsage"));
        assert!(refused(intermediate().replaced(b"\x55\x1d\x13\x01\x01\xff", b"\x55\x1d\x13")).contains("basicConstraints"));
    }
}
