//! A chain that a customer supplies for an authority of ours: judged before anything is issued under it (THREATS 16).

use crate::certificate::Certificate;
use crate::chain::{ChainError, verify_chain};
use crate::constraints::Constraints;
use crate::extension::named;
use crate::issuer::{IssuerCertificate, IssuerError};
use crate::key::PublicKey;
use crate::pem::{self, PemError};
use crate::plan::DistinguishedName;
use crate::plan::write::authority_name;
use crate::summary::text;
use crate::time::from_x509;
use chancery_domain::pattern::NamePattern;
use chancery_domain::{Timestamp, enforced};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_INHIBIT_ANY_POLICY, ID_CE_POLICY_CONSTRAINTS, ID_CE_POLICY_MAPPINGS};

/// More certificates than any sane chain has.
const LONGEST: usize = 8;
/// Longest certificate, in bytes: each is kept, and roots are handed to whoever asks for the bundle.
const LARGEST: usize = 16 * 1024;

/// What decides on the policies of whatever is below (RFC 5280 section 6.1), which is not worked out here.
const ON_POLICIES: [ObjectIdentifier; 3] = [ID_CE_POLICY_CONSTRAINTS, ID_CE_POLICY_MAPPINGS, ID_CE_INHIBIT_ANY_POLICY];

/// What a certificate was requested for.
#[derive(Clone, Copy, Debug)]
pub struct AuthorityWish<'a> {
    /// The subject of the request.
    pub subject: &'a DistinguishedName,
    /// The key of the request.
    pub key: &'a PublicKey,
    /// What the authority shall issue for; the request asks for name constraints derived from it.
    pub names: &'a [NamePattern],
}

/// A chain that holds.
#[derive(Clone, Debug)]
pub struct SuppliedChain {
    /// The certificate of our own key.
    pub certificate: IssuerCertificate,
    /// Those above it, its issuer first, the root last; DER.
    pub above: Vec<Vec<u8>>,
    /// The kinds of name (RFC 5280 section 4.2.1.6) for which the chain's name constraints permit more than was asked for.
    pub wider: Vec<&'static str>,
}

/// Why a chain is refused. It is always its sender's mistake.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SuppliedError {
    /// Text that is no PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Something else than certificates.
    #[error("the PEM block {0} is a {1}, not a CERTIFICATE: send certificates alone, and never a private key")]
    Label(usize, String),
    /// A certificate that is padded, or no certificate at all.
    #[error("the certificate {0} is longer than {LARGEST} bytes: no authority's needs as many")]
    Length(usize),
    /// Too few or too many.
    #[error("{0} certificates: send {1}")]
    Count(usize, &'static str),
    /// A certificate that does not do.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Reads and verifies the chain for an authority of ours: its own certificate first, each signed by the next, the self-signed root last.
///
/// # Errors
/// [`SuppliedError`] naming the certificate and what is wrong with it.
pub fn supplied_chain(pem: &str, wish: &AuthorityWish<'_>, now: Timestamp) -> Result<SuppliedChain, SuppliedError> {
    let ders = certificates(pem)?;
    if !(2..=LONGEST).contains(&ders.len()) && enforced!("supplied.count") {
        return Err(SuppliedError::Count(ders.len(), "the authority's own, those between, and the root: 2 to 8 in this order"));
    }
    let chain = parsed(&ders)?;
    let [own, .., root] = chain.as_slice() else { return Err(SuppliedError::Count(ders.len(), "at least two")) };
    if own.tbs.spki_der != wish.key.spki_der() && enforced!("supplied.key") {
        return Err(fault(0, "its key is not the one that the request was made for"));
    }
    same_subject(own, wish.subject).map_err(|problem| fault(0, problem))?;
    if root.tbs.issuer_der != root.tbs.subject_der && enforced!("supplied.self-signed") {
        return Err(fault(chain.len() - 1, "not self-signed: the chain ends with its root"));
    }
    no_repetition(&chain)?;
    let between: Vec<_> = ders.iter().skip(1).take(ders.len() - 2).map(Vec::as_slice).collect();
    let (Some(first), Some(last)) = (ders.first(), ders.last()) else { return Err(SuppliedError::Count(0, "at least two")) };
    verify_chain(first, &between, last, now)?;
    for (position, authority) in chain.iter().enumerate() {
        fits(position, authority, chain.get(position + 1), wish.names).map_err(|problem| fault(position, problem))?;
    }
    let certificate = IssuerCertificate::from_der(first).map_err(|error: IssuerError| fault(0, error))?;
    Ok(SuppliedChain { certificate, above: ders.iter().skip(1).cloned().collect(), wider: wider(&chain, wish.names) })
}

/// Reads and verifies one self-signed root.
///
/// # Errors
/// [`SuppliedError`].
pub fn supplied_root(text: &str, now: Timestamp) -> Result<Vec<u8>, SuppliedError> {
    let ders = certificates(text)?;
    let alone = ders.len() == 1 || !enforced!("supplied.root-alone");
    let Some(root) = ders.first().filter(|_| alone) else { return Err(SuppliedError::Count(ders.len(), "the root alone")) };
    // As if it had signed itself once more: in its time, an authority, and undamaged.
    verify_chain(root, &[], root, now)?;
    Ok(root.clone())
}

fn certificates(text: &str) -> Result<Vec<Vec<u8>>, SuppliedError> {
    let mut ders = Vec::new();
    for (position, block) in pem::decode(text)?.into_iter().enumerate() {
        if block.label != pem::CERTIFICATE && enforced!("supplied.label") {
            return Err(SuppliedError::Label(position, block.label.clone()));
        }
        if block.der.len() > LARGEST && enforced!("supplied.length") {
            return Err(SuppliedError::Length(position));
        }
        ders.push(block.der.to_vec());
    }
    Ok(ders)
}

fn parsed(ders: &[Vec<u8>]) -> Result<Vec<Certificate<'_>>, SuppliedError> {
    let mut chain = Vec::with_capacity(ders.len());
    for (position, der) in ders.iter().enumerate() {
        chain.push(Certificate::from_der(der).map_err(|error| fault(position, format!("not a version 3 certificate in DER: {error}")))?);
    }
    Ok(chain)
}

/// An authority that stands twice in a chain makes a loop.
fn no_repetition(chain: &[Certificate<'_>]) -> Result<(), SuppliedError> {
    for (position, later) in chain.iter().enumerate() {
        let same =
            |earlier: &Certificate<'_>| earlier.tbs.spki_der == later.tbs.spki_der || earlier.tbs.subject_der == later.tbs.subject_der;
        if chain.iter().take(position).any(same) && enforced!("supplied.repetition") {
            return Err(fault(position, "its key or its subject stands in the chain already"));
        }
    }
    Ok(())
}

/// Compared as text: whoever signs may write another type of string, and no other name (RFC 5280 section 7.1).
fn same_subject(own: &Certificate<'_>, subject: &DistinguishedName) -> Result<(), String> {
    let unreadable = |_| "its subject is no name".to_owned();
    let (asked, given) = (text(&authority_name(subject)).map_err(unreadable)?, text(own.tbs.subject_der).map_err(unreadable)?);
    if asked != given && enforced!("supplied.subject") {
        return Err(format!("its subject is {given}, and the request's is {asked}: have it signed with the subject as it was asked for"));
    }
    Ok(())
}

/// For which kinds of name more is permitted than was asked for. A root's own constraints do not count, for whoever trusts it may take
/// no more of it than name and key (RFC 5280 section 6.1.1 d); neither do those that a verifier may skip, not being critical.
fn wider(chain: &[Certificate<'_>], names: &[NamePattern]) -> Vec<&'static str> {
    let below_root = chain.iter().take(chain.len().saturating_sub(1));
    let constraints = below_root.filter_map(|certificate| certificate.tbs.extensions.name_constraints.as_ref());
    let given: Vec<_> = constraints.filter(|found| found.critical).map(|found| &found.value).collect();
    Constraints::from_patterns(names).exceeded_by(&given)
}

/// What a chain must be besides valid, so that every leaf which may be issued under it verifies.
fn fits(position: usize, authority: &Certificate<'_>, above: Option<&Certificate<'_>>, names: &[NamePattern]) -> Result<(), String> {
    let (tbs, extensions) = (&authority.tbs, &authority.tbs.extensions);
    let key = PublicKey::from_spki_der(tbs.spki_der).map_err(|error| error.to_string())?;
    if !key.algorithm().may_issue() && enforced!("supplied.weak-key") {
        return Err(format!("{} keys are too weak for authorities", key.algorithm().as_str()));
    }
    // Below it there is a leaf, too: `position` authorities stand between the two (RFC 5280 section 4.2.1.9).
    let limit = extensions.basic_constraints.as_ref().and_then(|found| found.value.path_len_constraint);
    if limit.is_some_and(|limit| position > usize::from(limit)) && enforced!("supplied.path-length") {
        return Err(format!("its pathLenConstraint does not allow the {position} authorities between it and what is issued"));
    }
    if above.is_some() && extensions.extended_key_usage.is_some() && enforced!("supplied.extended-key-usage") {
        return Err("extendedKeyUsage would limit what is issued: have it signed without".to_owned());
    }
    let on_policies = extensions.unknown.iter().find(|found| ON_POLICIES.contains(&found.value));
    if let Some(found) = on_policies.filter(|_| enforced!("supplied.policies")) {
        let name = named(found.value);
        return Err(format!("{name} is not understood, and what is issued carries no policies: have it signed without"));
    }
    if let Some(above) = above {
        let (end, above_end) = (from_x509(tbs.validity.not_after), from_x509(above.tbs.validity.not_after));
        if end > above_end && enforced!("supplied.outlives-issuer") {
            return Err(format!("it ends at {end}, after its issuer at {above_end}"));
        }
    }
    let Some(constraints) = &extensions.name_constraints else { return Ok(()) };
    match names.iter().find(|pattern| !constraints.value.cover(pattern)).filter(|_| enforced!("supplied.names")) {
        Some(pattern) => Err(format!("its name constraints exclude {pattern}, or some of it, which the issuer is to issue for")),
        None => Ok(()),
    }
}

fn fault(at: usize, problem: impl ToString) -> SuppliedError {
    SuppliedError::Chain(ChainError { at, problem: problem.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_certificate_is_refused_before_it_is_read() {
        let refusal = |length| supplied_root(&pem::encode(pem::CERTIFICATE, &vec![0; length]), Timestamp::from_seconds(0)).unwrap_err();
        assert_eq!(refusal(LARGEST + 1), SuppliedError::Length(0));
        assert!(matches!(refusal(LARGEST), SuppliedError::Chain(_)));
    }
}
