//! Random numbers that are the same everywhere.

/// SplitMix64 (Steele et al. 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Unit normal, as a sum of twelve uniform numbers.
    pub(super) fn normal(&mut self) -> f32 {
        let uniform = |bits: u64| bits as f32 / 65_536.0;
        let words = [self.next(), self.next(), self.next()];
        let sum: f32 = words.iter().flat_map(|w| (0..4).map(move |i| uniform(w >> (16 * i) & 0xFFFF))).sum();
        sum - 6.0
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
    }
}
