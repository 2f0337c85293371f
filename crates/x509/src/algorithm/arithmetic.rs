//! Division by small numbers, fast enough to be done thousands of times for each RSA key, and the test for squares.

use num_bigint::BigUint;

/// A number as 64-bit words, the least first.
pub(super) struct Words(Vec<u64>);

/// An odd word and its inverse modulo 2^64.
pub(super) struct OddWord {
    word: u64,
    inverse: u64,
}

impl OddWord {
    /// Meaningless for an even word.
    pub(super) fn new(word: u64) -> Self {
        // Newton: an odd word is its own inverse modulo 8, each step doubles the bits that are right.
        let inverse = (0..5).fold(word, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(word.wrapping_mul(inverse))));
        Self { word, inverse }
    }
}

impl Words {
    pub(super) fn from_be_bytes(octets: &[u8]) -> Self {
        let word = |octets: &[u8]| octets.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
        Self(octets.rchunks(8).map(word).collect())
    }
    pub(super) fn is_even(&self) -> bool {
        self.0.first().is_none_or(|word| word % 2 == 0)
    }
    /// A number that has the same common divisors with `divisor` as this one: Hensel's division from the least word upwards, which
    /// needs two multiplications for each word where an ordinary one needs a division of double length (Granlund and Montgomery,
    /// "Division by Invariant Integers using Multiplication", section 9).
    pub(super) fn residue_up_to_a_unit(&self, divisor: &OddWord) -> u64 {
        self.0.iter().fold(0, |carry, word| {
            let (rest, borrow) = word.overflowing_sub(carry);
            let quotient = rest.wrapping_mul(divisor.inverse);
            let high = (u128::from(quotient) * u128::from(divisor.word)) >> 64;
            high as u64 + u64::from(borrow)
        })
    }
    /// The remainder by a small number.
    pub(super) fn remainder(&self, divisor: u32) -> u32 {
        let divisor = u128::from(divisor);
        let rest = self.0.iter().rev().fold(0, |rest, word| (rest << 64 | u128::from(*word)) % divisor);
        rest as u32
    }
}

/// Ascending, by the sieve of Eratosthenes.
pub(super) fn odd_primes_below(limit: u32) -> Vec<u32> {
    let mut composite = vec![false; limit as usize];
    let mut primes = Vec::new();
    for candidate in (3..limit).step_by(2) {
        if composite.get(candidate as usize) == Some(&true) {
            continue;
        }
        primes.push(candidate);
        composite.iter_mut().skip(candidate as usize).step_by(candidate as usize).for_each(|mark| *mark = true);
    }
    primes
}

/// Whether it is the square of a whole number. Fewer than one in a hundred others get as far as the root.
pub(super) fn is_square(number: &BigUint) -> bool {
    let low = number.iter_u64_digits().next().unwrap_or(0);
    // 0, 1, 4, 9, 16, 17, 25, 33, 36, 41, 49 and 57 are the squares modulo 64.
    if 0x0202_0212_0203_0213_u64 >> (low % 64) & 1 == 0 {
        return false;
    }
    let rest = (number % 45_045_u32).iter_u32_digits().next().unwrap_or(0);
    if [63, 65, 11].into_iter().any(|divisor| !is_square_modulo(rest % divisor, divisor)) {
        return false;
    }
    let root = number.sqrt();
    &root * &root == *number
}

fn is_square_modulo(residue: u32, divisor: u32) -> bool {
    (0..divisor).any(|root| root * root % divisor == residue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_agrees_with_the_ordinary_one() {
        let primes = odd_primes_below(1 << 16);
        // All primes below 65536 but 2.
        assert_eq!((primes.len(), primes[0], primes[6540]), (6541, 3, 65_521));
        let octets: Vec<u8> = (0..=255).map(|n: u8| n.wrapping_mul(151) ^ 0x5a).collect();
        let (words, number) = (Words::from_be_bytes(&octets), BigUint::from_bytes_be(&octets));
        for primes in primes.chunks(4) {
            let product = OddWord::new(primes.iter().map(|prime| u64::from(*prime)).product());
            let residue = words.residue_up_to_a_unit(&product);
            for prime in primes {
                let remainder = u32::try_from(&number % *prime).unwrap();
                assert_eq!(words.remainder(*prime), remainder);
                assert_eq!(residue % u64::from(*prime) == 0, remainder == 0, "{prime}");
                let multiple = Words::from_be_bytes(&(&number - remainder).to_bytes_be());
                assert_eq!(multiple.residue_up_to_a_unit(&product) % u64::from(*prime), 0, "{prime}");
            }
        }
    }

    #[test]
    fn squares_are_recognised() {
        let squares: Vec<u32> = (0..100).map(|n| n * n).collect();
        for number in 0..9000_u32 {
            assert_eq!(is_square(&BigUint::from(number)), squares.contains(&number), "{number}");
        }
        let large = BigUint::from(3_u8).pow(1400);
        assert!(is_square(&large));
        assert!(!is_square(&(&large + 1_u8)));
        assert!(!is_square(&(&large << 1_u32)));
    }
}
