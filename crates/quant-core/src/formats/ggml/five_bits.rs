//! The 32 five-bit codes of Q5_0 and Q5_1.

use super::interleave;
use bytemuck::{Pod, Zeroable};

/// Bit i of `high` (32 bits, little-endian) is the fifth bit of code i.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct FiveBits {
    high: [u8; 4],
    low: [u8; 16],
}

impl FiveBits {
    pub(crate) fn new(codes: &[u8; 32]) -> Self {
        let mut low = [0; 16];
        interleave::pack::<4, 16>(codes, &mut low);
        let high = codes.iter().enumerate().fold(0, |high, (i, code)| high | u32::from(code >> 4) << i);
        Self { high: high.to_le_bytes(), low }
    }

    #[inline]
    pub(crate) fn get(&self) -> [u8; 32] {
        let mut codes = [0; 32];
        interleave::unpack::<4, 16>(&self.low, &mut codes);
        for (codes, high) in codes.as_chunks_mut::<8>().0.iter_mut().zip(self.high) {
            for (i, code) in codes.iter_mut().enumerate() {
                *code |= ((high >> i) & 1) << 4;
            }
        }
        codes
    }
}
