//! A random generator whose sequence is part of this crate's contract.

/// SplitMix64 (Steele, Lea and Flood 2014). Written out here because the corpus must stay the same for ever, and no
/// generator crate promises that across its major versions.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: u64,
}

/// The finalizer of SplitMix64: a bijection on 64 bits that spreads every input bit over all output bits.
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Rng {
    /// A generator for one place: the same keys always give the same sequence.
    pub(crate) fn new(keys: &[u64]) -> Self {
        let state =
            keys.iter().fold(0x9e37_79b9_7f4a_7c15, |state: u64, key| mix(state.rotate_left(7) ^ mix(*key)));
        Self { state }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number in `low..=high`. The bias of the multiplication is below 2⁻³² for the small ranges used here.
    pub(crate) fn range(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high - low) + 1;
        low + (((self.bits() >> 32) * span) >> 32) as u32
    }

    /// Whether an event of probability `numerator / denominator` happened.
    pub(crate) fn chance(&mut self, numerator: u32, denominator: u32) -> bool {
        self.range(1, denominator) <= numerator
    }

    /// One of the items, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.range(0, items.len() as u32 - 1) as usize]
    }

    /// `count` different items in random order.
    pub(crate) fn pick_some<T: Copy>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut pool = items.to_vec();
        (0..count.min(pool.len()))
            .map(|_| pool.swap_remove(self.range(0, pool.len() as u32 - 1) as usize))
            .collect()
    }
}

#[cfg(feature = "train")]
impl Rng {
    /// A uniform number in (0, 1).
    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        (radius * (core::f64::consts::TAU * self.unit()).cos()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_paper() {
        // First outputs for seed 1234567 of the reference implementation, https://prng.di.unimi.it/splitmix64.c
        let mut rng = Rng { state: 1234567 };
        let want = [6457827717110365317, 3203168211198807973, 9817491932198370423];
        assert_eq!([rng.bits(), rng.bits(), rng.bits()], want);
    }

    #[test]
    fn ranges_are_closed_and_all_values_occur() {
        let mut rng = Rng::new(&[1]);
        let mut seen = [0; 4];
        (0..400).for_each(|_| seen[rng.range(3, 6) as usize - 3] += 1);
        assert!(seen.iter().all(|&n| n > 50), "{seen:?}");
    }
}
