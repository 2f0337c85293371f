//! The Merkle tree of RFC 6962 section 2.1, SHA-256: which subtrees a proof names, and whether proofs hold.
//!
//! Which tree this is: docs/audit-log.md. The proofs are those of RFC 6962, verified as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say.

use aws_lc_rs::digest::{Context, SHA256};
use chancery_domain::enforced;
use std::ops::Range;

/// A hash of the tree.
pub type Hash = [u8; 32];

/// The root of the tree without leaves: SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
    0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// A proof has at most so many hashes, as a tree has no more than 2^63 leaves.
pub const LONGEST_PROOF: usize = 63;

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofError {
    /// No such leaf, or no such earlier tree, is in a tree of this size.
    #[error("the proof is about {asked}, which a log of size {size} does not have")]
    Outside {
        /// The leaf's index, or the earlier size.
        asked: u64,
        /// The size.
        size: u64,
    },
    /// Another number of hashes than the tree's shape asks for.
    #[error("the proof has more or fewer hashes than a log of this size asks for")]
    Length,
    /// The hashes do not come to the root.
    #[error("the proof does not lead to the root of the log: the entry, or the log, is not the one that was signed")]
    Root,
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The subtrees whose roots prove that leaf `index` is in the tree of `size` leaves, from the leaf's sibling up.
pub fn inclusion(index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if index >= size {
        return Err(ProofError::Outside { asked: index, size });
    }
    let (mut ranges, mut low, mut high) = (Vec::new(), 0, size);
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// The subtrees whose roots prove that the tree of `old` leaves is the beginning of that of `new`.
pub fn consistency(old: u64, new: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if old > new {
        return Err(ProofError::Outside { asked: old, size: new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let (mut ranges, mut low, mut high) = (Vec::new(), 0, new);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    // A whole left part of the new tree is the old tree itself, whose root the verifier has.
    if low > 0 {
        ranges.push(low..high);
    }
    ranges.reverse();
    Ok(ranges)
}

/// The largest power of two below `leaves`, which are at least two.
const fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Whether `leaf` stands at `index` in the tree of `size` leaves with this root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(proof: &[Hash], index: u64, size: u64, leaf: &Hash, root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { asked: index, size });
    }
    let (mut first, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if first & 1 == 1 || first == last {
            hash = node(step, &hash);
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, step);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    match (last, hash == *root || !enforced!("proof.inclusion")) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Whether the tree of `old` leaves with its root is the beginning of that of `new` leaves with its root (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(proof: &[Hash], old: u64, old_root: &Hash, new: u64, new_root: &Hash) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Outside { asked: old, size: new });
    }
    if old == 0 || old == new {
        let expected = if old == 0 { &EMPTY_ROOT } else { new_root };
        return match (proof.is_empty(), old_root == expected) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(ProofError::Length),
        };
    }
    let (mut first, mut last) = (old - 1, new - 1);
    while first & 1 == 1 {
        (first, last) = (first >> 1, last >> 1);
    }
    let mut steps = proof.iter();
    let start = if old.is_power_of_two() { old_root } else { steps.next().ok_or(ProofError::Length)? };
    let (mut before, mut after) = (*start, *start);
    for step in steps {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if first & 1 == 1 || first == last {
            (before, after) = (node(step, &before), node(step, &after));
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            after = node(&after, step);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    let begins = before == *old_root || !enforced!("proof.consistency.old");
    let leads = after == *new_root || !enforced!("proof.consistency.new");
    match (last, begins && leads) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}
