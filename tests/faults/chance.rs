//! Numbers that look random, and are the same again for the same seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// The numbers of one trial (splitmix64).
pub(crate) struct Chances(u64);

impl Chances {
    /// Those of trial `number`, whatever the trials before it drew.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut chances = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chances.next();
        chances
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0, less than `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).unwrap()]
    }
}

/// A seed that nobody used before.
pub(crate) fn fresh() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() ^ u64::from(now.subsec_nanos())
}
