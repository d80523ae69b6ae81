//! Damage, the same every time.

/// SplitMix64 (Steele et al. 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Lengths that break careless readers.
const LENGTHS: [u64; 8] = [0, 1, 0xFFFF_FFFF, 1 << 31, 1 << 40, u64::MAX / 2, u64::MAX - 7, u64::MAX];

/// A damaged copy: one of five kinds of damage, most of it in the header.
pub(crate) fn mutate(original: &[u8], header: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let at = random.below(header);
    match random.below(5) {
        0 => bytes.truncate(random.below(original.len())),
        1 => (0..=random.below(8)).for_each(|_| flip(&mut bytes, header, random)),
        2 => {
            // a length field, wherever one may be
            let length = LENGTHS[random.below(LENGTHS.len())].to_le_bytes();
            let end = (at + 8).min(bytes.len());
            bytes[at..end].copy_from_slice(&length[..end - at]);
        }
        3 => {
            let end = at + random.below(header - at);
            let twice = bytes[at..end].to_vec();
            bytes.splice(at..at, twice);
        }
        _ => {
            let end = at + random.below(header - at);
            bytes.drain(at..end);
        }
    }
    bytes
}

fn flip(bytes: &mut [u8], header: usize, random: &mut Random) {
    let at = random.below(header);
    bytes[at] = random.next() as u8;
}
