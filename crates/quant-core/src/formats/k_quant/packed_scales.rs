//! The scales and minima of Q4_K and Q5_K.

use bytemuck::{Pod, Zeroable};

/// Eight scales and eight minima of 6 bits. The first four of each lie in the low bits of `scales` and `mins`; the other
/// four have their low nibbles in `rest` (scale low, minimum high) and their high pairs in the free bits.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct PackedScales {
    scales: [u8; 4],
    mins: [u8; 4],
    rest: [u8; 4],
}

impl PackedScales {
    pub(crate) fn new(scales: [u8; 8], mins: [u8; 8]) -> Self {
        let join = |all: [u8; 8], i: usize| all[i] | (all[i + 4] >> 4) << 6;
        Self {
            scales: std::array::from_fn(|i| join(scales, i)),
            mins: std::array::from_fn(|i| join(mins, i)),
            rest: std::array::from_fn(|i| (scales[i + 4] & 15) | mins[i + 4] << 4),
        }
    }

    /// Scales and minima.
    #[inline]
    pub(crate) fn get(&self) -> ([u8; 8], [u8; 8]) {
        let (mut scales, mut mins) = ([0; 8], [0; 8]);
        for i in 0..4 {
            scales[i] = self.scales[i] & 63;
            mins[i] = self.mins[i] & 63;
            scales[i + 4] = (self.rest[i] & 15) | (self.scales[i] >> 6) << 4;
            mins[i + 4] = (self.rest[i] >> 4) | (self.mins[i] >> 6) << 4;
        }
        (scales, mins)
    }

    /// The same as bytes of words, without loops.
    #[inline(always)]
    pub(crate) fn packed(&self) -> (u64, u64) {
        let [scales, mins, rest] = [self.scales, self.mins, self.rest].map(u32::from_le_bytes);
        let join = |low: u32, high: u32| u64::from(low & 0x3F3F_3F3F) | u64::from(high) << 32;
        (
            join(scales, rest & 0x0F0F_0F0F | scales >> 2 & 0x3030_3030),
            join(mins, rest >> 4 & 0x0F0F_0F0F | mins >> 2 & 0x3030_3030),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scales_survive(scales: [u8; 8], mins: [u8; 8]) {
            let (scales, mins) = (scales.map(|s| s & 63), mins.map(|m| m & 63));
            let packed = PackedScales::new(scales, mins);
            prop_assert_eq!(packed.get(), (scales, mins));
            prop_assert_eq!(packed.packed(), (u64::from_le_bytes(scales), u64::from_le_bytes(mins)));
        }
    }
}
