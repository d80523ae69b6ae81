//! WebAssembly: two vectors of 16 bytes per row, the first for the low half of a strip. With relaxed SIMD, where it is
//! compiled in, two instructions fewer per product.

use super::{Kernel, RowIsa};
use std::arch::wasm32::*;

/// A module with SIMD does not load elsewhere, so this is no proof but a name.
#[derive(Clone, Copy)]
pub(crate) struct Simd128;

impl Simd128 {
    /// What `PIBIT_ISA` calls it.
    pub(crate) const NAME: &str =
        if cfg!(target_feature = "relaxed-simd") { "relaxed-simd" } else { "simd128" };
}

/// Where relaxed instructions may differ between processors, the arguments here make them agree.
#[cfg(target_feature = "relaxed-simd")]
mod ops {
    use std::arch::wasm32::*;

    pub(super) use std::arch::wasm32::i8x16_relaxed_swizzle as swizzle;

    /// Sums of two products each, of codes that are at most 127.
    #[inline(always)]
    pub(super) fn pairs(codes: v128, x: v128) -> v128 {
        // The operand of seven bits is the second one.
        i16x8_relaxed_dot_i8x16_i7x16(x, codes)
    }
}

#[cfg(not(target_feature = "relaxed-simd"))]
mod ops {
    pub(super) use super::signed_pairs as pairs;
    pub(super) use std::arch::wasm32::i8x16_swizzle as swizzle;
}

/// `a·b + c`, rounded twice: see [`super::Isa::add_part`]. The relaxed instruction rounds as the processor likes.
#[inline(always)]
fn mul_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(c, f32x4_mul(a, b))
}

/// Sums of two products each. They fit, since activations are at least −127.
#[inline(always)]
fn signed_pairs(weights: v128, x: v128) -> v128 {
    let (weights, x) = (in_halves(weights), in_halves(x));
    i16x8_add(i16x8_extmul_low_i8x16(weights, x), i16x8_extmul_high_i8x16(weights, x))
}

/// Of each four bytes the first two, then of each four the others: with the halves added, four neighbours are two pairs,
/// as other sets have them.
#[inline(always)]
fn in_halves(bytes: v128) -> v128 {
    i8x16_shuffle::<0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15>(bytes, bytes)
}

/// Adds `by · pairs`.
#[inline(always)]
fn add_products(sums: v128, pairs: v128, by: v128) -> v128 {
    i32x4_add(sums, i32x4_dot_i16x8(pairs, by))
}

/// Reads 16 bytes.
#[inline(always)]
fn load<T: bytemuck::Pod>(from: &[T], at: usize) -> v128 {
    let sixteen: &[T] = &from[at..at + 16 / size_of::<T>()];
    // SAFETY: the slice has 16 bytes, and loads need no alignment.
    unsafe { v128_load(sixteen.as_ptr().cast()) }
}

/// Four floats of the low or high four integers, times `scale`.
#[inline(always)]
fn scaled(integers: v128, scale: v128) -> v128 {
    f32x4_mul(f32x4_convert_i32x4(integers), scale)
}

impl RowIsa for Simd128 {
    type Half = v128;
    type Bytes = [v128; 2];
    /// Those of even halves, those of odd halves.
    type Shorts = [v128; 2];
    /// Those of the low half, those of the high one.
    type Ints = [v128; 2];
    type Floats = [v128; 2];

    #[inline(always)]
    fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn bytes(self, row: &[u8; 32]) -> [v128; 2] {
        [load(row, 0), load(row, 16)]
    }

    #[inline(always)]
    fn half(self, row: &[u8; 16]) -> v128 {
        load(row, 0)
    }

    #[inline(always)]
    fn join(self, low: v128, high: v128) -> [v128; 2] {
        [low, high]
    }

    #[inline(always)]
    fn mask_half(self, a: v128, bits: u8) -> v128 {
        v128_and(a, u8x16_splat(bits))
    }

    #[inline(always)]
    fn shr_half(self, a: v128, n: u32) -> v128 {
        // lanes of two bytes: processors have no shift of bytes
        u16x8_shr(a, n)
    }

    #[inline(always)]
    fn mask(self, [low, high]: [v128; 2], bits: u8) -> [v128; 2] {
        [self.mask_half(low, bits), self.mask_half(high, bits)]
    }

    #[inline(always)]
    fn shr(self, [low, high]: [v128; 2], n: u32) -> [v128; 2] {
        [self.shr_half(low, n), self.shr_half(high, n)]
    }

    #[inline(always)]
    fn shl(self, [low, high]: [v128; 2], n: u32) -> [v128; 2] {
        [i16x8_shl(low, n), i16x8_shl(high, n)]
    }

    #[inline(always)]
    fn or(self, a: [v128; 2], b: [v128; 2]) -> [v128; 2] {
        [v128_or(a[0], b[0]), v128_or(a[1], b[1])]
    }

    #[inline(always)]
    fn add(self, a: [v128; 2], b: [v128; 2]) -> [v128; 2] {
        [u8x16_add(a[0], b[0]), u8x16_add(a[1], b[1])]
    }

    #[inline(always)]
    fn lookup(self, [low, high]: [v128; 2], table: &[u8; 16]) -> [v128; 2] {
        let table = self.half(table);
        [ops::swizzle(table, low), ops::swizzle(table, high)]
    }

    #[inline(always)]
    fn splat(self, pair: i32) -> [v128; 2] {
        let both = i32x4_splat(pair);
        [both, both]
    }

    #[inline(always)]
    fn sixteen(self, multipliers: v128) -> [v128; 2] {
        [v128_and(multipliers, u16x8_splat(0xFF)), u16x8_shr(multipliers, 8)]
    }

    #[inline(always)]
    fn sixteen_signed(self, multipliers: v128) -> [v128; 2] {
        [i16x8_shr(i16x8_shl(multipliers, 8), 8), i16x8_shr(multipliers, 8)]
    }

    #[inline(always)]
    fn eight_each(self, multipliers: u64) -> [v128; 2] {
        let eight = u16x8_extend_low_u8x16(u64x2_splat(multipliers));
        [eight, eight]
    }

    #[inline(always)]
    fn eight(self, multipliers: &[i16; 8]) -> [v128; 2] {
        let eight = load(multipliers, 0);
        [eight, eight]
    }

    #[inline(always)]
    fn times(self, a: [v128; 2], b: [v128; 2]) -> [v128; 2] {
        [i16x8_mul(a[0], b[0]), i16x8_mul(a[1], b[1])]
    }

    #[inline(always)]
    fn of_strip(self, block: [v128; 2], k: usize) -> [v128; 2] {
        // bytes 2k and 2k + 1, again and again
        let lane = u16x8_splat((2 * k + ((2 * k + 1) << 8)) as u16);
        [ops::swizzle(block[0], lane), ops::swizzle(block[1], lane)]
    }

    #[inline(always)]
    fn scale_codes(self, codes: [v128; 2], multipliers: [v128; 2]) -> [v128; 2] {
        // two codes per lane: the product of the lower one does not reach the upper one
        self.times(codes, multipliers)
    }

    #[inline(always)]
    fn start(self, bias: i32) -> [v128; 2] {
        [i32x4(bias, 0, 0, 0), i32x4_splat(0)]
    }

    #[inline(always)]
    fn dot(self, [low, high]: [v128; 2], codes: [v128; 2], by: [v128; 2], x: &[i8; 32]) -> [v128; 2] {
        let low = add_products(low, ops::pairs(codes[0], load(x, 0)), by[0]);
        [low, add_products(high, ops::pairs(codes[1], load(x, 16)), by[1])]
    }

    #[inline(always)]
    fn dot_signed(
        self,
        [low, high]: [v128; 2],
        weights: [v128; 2],
        by: [v128; 2],
        x: &[i8; 32],
    ) -> [v128; 2] {
        let low = add_products(low, signed_pairs(weights[0], load(x, 0)), by[0]);
        [low, add_products(high, signed_pairs(weights[1], load(x, 16)), by[1])]
    }

    #[inline(always)]
    fn zero(self) -> [v128; 2] {
        self.floats(0.0)
    }

    #[inline(always)]
    fn floats(self, row: f32) -> [v128; 2] {
        let four = f32x4_splat(row);
        [four, four]
    }

    #[inline(always)]
    fn add_part(self, total: [v128; 2], part: [v128; 2], by: f32) -> [v128; 2] {
        let by = f32x4_splat(by);
        [mul_add(part[0], by, total[0]), mul_add(part[1], by, total[1])]
    }

    #[inline(always)]
    fn add_scaled(self, total: [v128; 2], sums: [v128; 2], scale: [v128; 2], by: f32) -> [v128; 2] {
        let by = f32x4_splat(by);
        let low = mul_add(f32x4_convert_i32x4(sums[0]), f32x4_mul(scale[0], by), total[0]);
        [low, mul_add(f32x4_convert_i32x4(sums[1]), f32x4_mul(scale[1], by), total[1])]
    }

    #[inline(always)]
    fn weights(self, [even, odd]: [v128; 2], scale: [v128; 2]) -> [[v128; 2]; 2] {
        let (even, even_end) = (i32x4_extend_low_i16x8(even), i32x4_extend_high_i16x8(even));
        let (odd, odd_end) = (i32x4_extend_low_i16x8(odd), i32x4_extend_high_i16x8(odd));
        [
            [scaled(even, scale[0]), scaled(even_end, scale[1])],
            [scaled(odd, scale[0]), scaled(odd_end, scale[1])],
        ]
    }

    #[inline(always)]
    fn add_weighted(
        self,
        [low, high]: [v128; 2],
        [even, odd]: [[v128; 2]; 2],
        values: &[f32; 16],
    ) -> [v128; 2] {
        let low = mul_add(even[0], load(values, 0), low);
        let high = mul_add(even[1], load(values, 4), high);
        [mul_add(odd[0], load(values, 8), low), mul_add(odd[1], load(values, 12), high)]
    }

    #[inline(always)]
    fn total(self, [low, high]: [v128; 2]) -> f32 {
        let four = f32x4_add(low, high);
        let two = f32x4_add(four, i64x2_shuffle::<1, 1>(four, four));
        f32x4_extract_lane::<0>(two) + f32x4_extract_lane::<1>(two)
    }
}
