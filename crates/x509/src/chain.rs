//! Path validation (RFC 5280 section 6), as much of it as chains of this crate need.

use chancery_domain::Timestamp;

/// Why a chain does not hold: which certificate (0 is the leaf) and what is wrong with it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("certificate {at} of the chain: {problem}")]
pub struct ChainError {
    /// Position, the leaf being 0.
    pub at: usize,
    /// What is wrong.
    pub problem: String,
}

/// Validates a path from a leaf over intermediates (the leaf's issuer first) to a trusted root, at a time.
///
/// # Errors
/// [`ChainError`] for the first certificate that does not hold.
pub fn verify_chain(_leaf_der: &[u8], _intermediates: &[&[u8]], _root_der: &[u8], _at: Timestamp) -> Result<(), ChainError> {
    unimplemented!()
}
