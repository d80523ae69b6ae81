//! The reference: arrays and loops. Other sets are tested against it.

use super::{Kernel, RowIsa};
use std::array::from_fn;

/// Always there.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

/// `sums` with `by · Σ weights·x` added: four neighbouring products to each lane.
fn dot(mut sums: [i32; 8], weights: [i32; 32], by: [i16; 16], x: &[i8; 32]) -> [i32; 8] {
    for (i, (w, x)) in weights.iter().zip(x).enumerate() {
        // Even halves have their multipliers in the first eight lanes, odd ones in the others; a strip's are all equal.
        let product = i32::from(by[i / 16 * 8]).wrapping_mul(w * i32::from(*x));
        sums[i / 4] = sums[i / 4].wrapping_add(product);
    }
    sums
}

impl RowIsa for Scalar {
    type Half = [u8; 16];
    type Bytes = [u8; 32];
    type Shorts = [i16; 16];
    type Ints = [i32; 8];
    /// Eight lanes, as wide registers have them.
    type Floats = [f32; 8];

    fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    fn bytes(self, row: &[u8; 32]) -> [u8; 32] {
        *row
    }

    fn half(self, row: &[u8; 16]) -> [u8; 16] {
        *row
    }

    fn join(self, low: [u8; 16], high: [u8; 16]) -> [u8; 32] {
        from_fn(|i| if i < 16 { low[i] } else { high[i - 16] })
    }

    fn mask_half(self, a: [u8; 16], bits: u8) -> [u8; 16] {
        a.map(|a| a & bits)
    }

    fn shr_half(self, a: [u8; 16], n: u32) -> [u8; 16] {
        a.map(|a| a >> n)
    }

    fn mask(self, a: [u8; 32], bits: u8) -> [u8; 32] {
        a.map(|a| a & bits)
    }

    fn shr(self, a: [u8; 32], n: u32) -> [u8; 32] {
        a.map(|a| a >> n)
    }

    fn shl(self, a: [u8; 32], n: u32) -> [u8; 32] {
        a.map(|a| a << n)
    }

    fn or(self, a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
        from_fn(|i| a[i] | b[i])
    }

    fn add(self, a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
        from_fn(|i| a[i].wrapping_add(b[i]))
    }

    fn lookup(self, codes: [u8; 32], table: &[u8; 16]) -> [u8; 32] {
        codes.map(|code| table[usize::from(code & 15)])
    }

    fn splat(self, pair: i32) -> [i16; 16] {
        [pair as i16; 16]
    }

    fn sixteen(self, multipliers: [u8; 16]) -> [i16; 16] {
        from_fn(|i| multipliers[i % 8 * 2 + i / 8].into())
    }

    fn sixteen_signed(self, multipliers: [u8; 16]) -> [i16; 16] {
        from_fn(|i| (multipliers[i % 8 * 2 + i / 8] as i8).into())
    }

    fn eight_each(self, multipliers: u64) -> [i16; 16] {
        from_fn(|i| multipliers.to_le_bytes()[i % 8].into())
    }

    fn eight(self, multipliers: &[i16; 8]) -> [i16; 16] {
        from_fn(|i| multipliers[i % 8])
    }

    fn times(self, a: [i16; 16], b: [i16; 16]) -> [i16; 16] {
        from_fn(|i| a[i].wrapping_mul(b[i]))
    }

    fn of_strip(self, block: [i16; 16], k: usize) -> [i16; 16] {
        from_fn(|i| block[i / 8 * 8 + k])
    }

    fn start(self, bias: i32) -> [i32; 8] {
        [bias, 0, 0, 0, 0, 0, 0, 0]
    }

    fn dot(self, sums: [i32; 8], codes: [u8; 32], by: [i16; 16], x: &[i8; 32]) -> [i32; 8] {
        dot(sums, codes.map(i32::from), by, x)
    }

    fn dot_signed(self, sums: [i32; 8], weights: [u8; 32], by: [i16; 16], x: &[i8; 32]) -> [i32; 8] {
        dot(sums, weights.map(|w| i32::from(w as i8)), by, x)
    }

    fn scale_codes(self, codes: [u8; 32], multipliers: [i16; 16]) -> [u8; 32] {
        from_fn(|i| codes[i].wrapping_mul(multipliers[i / 16 * 8] as u8))
    }

    fn zero(self) -> [f32; 8] {
        [0.0; 8]
    }

    fn floats(self, row: f32) -> [f32; 8] {
        [row; 8]
    }

    fn add_part(self, total: [f32; 8], part: [f32; 8], by: f32) -> [f32; 8] {
        from_fn(|i| total[i] + part[i] * by)
    }

    fn add_scaled(self, total: [f32; 8], sums: [i32; 8], scale: [f32; 8], by: f32) -> [f32; 8] {
        from_fn(|i| total[i] + scale[i] * by * sums[i] as f32)
    }

    fn weights(self, multipliers: [i16; 16], scale: [f32; 8]) -> [[f32; 8]; 2] {
        [0, 8].map(|first| from_fn(|i| f32::from(multipliers[first + i]) * scale[i]))
    }

    fn add_weighted(self, total: [f32; 8], weights: [[f32; 8]; 2], values: &[f32; 16]) -> [f32; 8] {
        from_fn(|i| total[i] + weights[0][i] * values[i] + weights[1][i] * values[8 + i])
    }

    fn total(self, total: [f32; 8]) -> f32 {
        // As registers are folded: halves, then halves of these.
        let four: [f32; 4] = from_fn(|i| total[i] + total[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }
}
