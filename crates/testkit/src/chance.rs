//! Seeded chance: the same seed draws the same numbers.

/// SplitMix64 (Steele, Lea, Flood 2014): enough for choosing acts, and nothing else.
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    /// Of this seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0).checked_rem(end).unwrap_or(0)
    }
}
