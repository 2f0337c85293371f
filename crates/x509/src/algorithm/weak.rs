//! RSA moduli that someone can factor: with small factors, of the ROCA shape, or a product of two close primes.

use super::arithmetic::{self, Words};
use crate::key::BadKey;
use chancery_domain::enforced;
use num_bigint::BigUint;
use std::sync::LazyLock;

/// Factors below this are looked for.
const SMALL: u32 = 1 << 16;
/// How many squares above the modulus are tried. Primes that were searched from one starting point, as some printers did
/// (CVE-2022-26320), are found by the first.
const FERMAT_ROUNDS: usize = 200;

/// The modulus, big-endian. Factors that a batch of keys has in common can only be seen over all keys, not here.
pub(super) fn check(modulus: &[u8]) -> Result<(), BadKey> {
    let words = Words::from_be_bytes(modulus);
    if let Some(factor) = small_factor(&words).filter(|_| enforced!("key.small-factor")) {
        return Err(BadKey::SmallFactor(factor));
    }
    if is_roca_shaped(&words) && enforced!("key.roca") {
        return Err(BadKey::Roca);
    }
    if has_close_factors(&BigUint::from_bytes_be(modulus)) && enforced!("key.close-factors") { Err(BadKey::CloseFactors) } else { Ok(()) }
}

/// Some of the odd primes below [`SMALL`], as many as fit a word, and their product.
struct Batch {
    product: arithmetic::OddWord,
    primes: Vec<u32>,
}

static BATCHES: LazyLock<Vec<Batch>> = LazyLock::new(|| {
    let primes = arithmetic::odd_primes_below(SMALL);
    let product = |primes: &[u32]| arithmetic::OddWord::new(primes.iter().map(|prime| u64::from(*prime)).product());
    primes.chunks(4).map(|primes| Batch { product: product(primes), primes: primes.to_vec() }).collect()
});

fn small_factor(modulus: &Words) -> Option<u32> {
    if modulus.is_even() {
        return Some(2);
    }
    BATCHES.iter().find_map(|batch| {
        let residue = modulus.residue_up_to_a_unit(&batch.product);
        batch.primes.iter().copied().find(|prime| residue.is_multiple_of(u64::from(*prime)))
    })
}

/// The primes of the fingerprint, and of each the residues that powers of 65537 have: bit n stands for n.
static ROCA: LazyLock<Vec<(u32, [u64; 3])>> = LazyLock::new(|| {
    let powers = |prime: u32| {
        let mut residues = [0_u64; 3];
        let (mut power, generator) = (1_u32, 65_537 % prime);
        loop {
            let bit = 1_u64 << (power % 64);
            match residues.get_mut((power / 64) as usize) {
                Some(word) if *word & bit == 0 => *word |= bit,
                _ => break residues,
            }
            power = power * generator % prime;
        }
    };
    arithmetic::odd_primes_below(168).into_iter().map(|prime| (prime, powers(prime))).collect()
});

/// CVE-2017-15361: primes k * M + (65537^a mod M), M a product of small primes, so that modulo each of these the modulus is a
/// power of 65537, too (Nemec et al., "The Return of Coppersmith's Attack", section 2.2). Of other moduli one in 2^27 is hit.
fn is_roca_shaped(modulus: &Words) -> bool {
    ROCA.iter().all(|(prime, residues)| {
        let residue = modulus.remainder(*prime);
        residues.get((residue / 64) as usize).is_some_and(|word| word >> (residue % 64) & 1 == 1)
    })
}

/// Fermat: with n = a^2 - b^2 = (a - b)(a + b), factors whose halved difference is small have an a just above the root of n.
fn has_close_factors(modulus: &BigUint) -> bool {
    let root = modulus.sqrt();
    let first = if &root * &root == *modulus { root } else { root + 1_u8 };
    let remainder = &first * &first - modulus;
    // (a + 1)^2 - n is 2a + 1 more than a^2 - n.
    let step = |(remainder, odd): &(BigUint, BigUint)| Some((remainder + odd, odd + 2_u8));
    let mut remainders = std::iter::successors(Some((remainder, (first << 1_u32) + 1_u8)), step).take(FERMAT_ROUNDS);
    remainders.any(|(remainder, _)| arithmetic::is_square(&remainder))
}
