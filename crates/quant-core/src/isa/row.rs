//! Sets whose registers hold one row, or a part of it: the two rows of [`Isa`] are done one after the other.

use super::{Isa, Kernel};
use domain_types::scalar::f16_to_f32;

/// The operations of [`Isa`] on a single row; the same names, the same bounds.
pub(crate) trait RowIsa: Copy {
    type Half: Copy;
    type Bytes: Copy;
    type Shorts: Copy;
    type Ints: Copy;
    type Floats: Copy;

    fn eval<K: Kernel>(self, kernel: K) -> K::Output;
    fn bytes(self, row: &[u8; 32]) -> Self::Bytes;
    fn half(self, row: &[u8; 16]) -> Self::Half;
    fn join(self, low: Self::Half, high: Self::Half) -> Self::Bytes;
    fn mask_half(self, a: Self::Half, bits: u8) -> Self::Half;
    fn shr_half(self, a: Self::Half, n: u32) -> Self::Half;
    fn mask(self, a: Self::Bytes, bits: u8) -> Self::Bytes;
    fn shr(self, a: Self::Bytes, n: u32) -> Self::Bytes;
    fn shl(self, a: Self::Bytes, n: u32) -> Self::Bytes;
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    fn add(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    fn lookup(self, codes: Self::Bytes, table: &[u8; 16]) -> Self::Bytes;
    fn splat(self, pair: i32) -> Self::Shorts;
    fn sixteen(self, multipliers: Self::Half) -> Self::Shorts;
    fn sixteen_signed(self, multipliers: Self::Half) -> Self::Shorts;
    fn eight_each(self, multipliers: u64) -> Self::Shorts;
    fn eight(self, multipliers: &[i16; 8]) -> Self::Shorts;
    fn times(self, a: Self::Shorts, b: Self::Shorts) -> Self::Shorts;
    fn of_strip(self, block: Self::Shorts, k: usize) -> Self::Shorts;
    fn scale_codes(self, codes: Self::Bytes, multipliers: Self::Shorts) -> Self::Bytes;
    fn start(self, bias: i32) -> Self::Ints;
    fn dot(self, sums: Self::Ints, codes: Self::Bytes, by: Self::Shorts, x: &[i8; 32]) -> Self::Ints;
    fn dot_signed(self, sums: Self::Ints, weights: Self::Bytes, by: Self::Shorts, x: &[i8; 32])
    -> Self::Ints;
    fn zero(self) -> Self::Floats;
    fn floats(self, row: f32) -> Self::Floats;
    #[inline(always)]
    fn halves(self, row: [u8; 2]) -> Self::Floats {
        self.floats(f16_to_f32(u16::from_le_bytes(row)))
    }
    fn add_part(self, total: Self::Floats, part: Self::Floats, by: f32) -> Self::Floats;
    fn add_scaled(self, total: Self::Floats, sums: Self::Ints, scale: Self::Floats, by: f32) -> Self::Floats;
    fn weights(self, multipliers: Self::Shorts, scale: Self::Floats) -> [Self::Floats; 2];
    fn add_weighted(
        self,
        total: Self::Floats,
        weights: [Self::Floats; 2],
        values: &[f32; 16],
    ) -> Self::Floats;
    fn total(self, total: Self::Floats) -> f32;
}

impl<R: RowIsa> Isa for R {
    type Half = [R::Half; 2];
    type Bytes = [R::Bytes; 2];
    type Shorts = [R::Shorts; 2];
    type Ints = [R::Ints; 2];
    type Floats = [R::Floats; 2];

    fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        RowIsa::eval(self, kernel)
    }

    #[inline(always)]
    fn bytes(self, rows: [&[u8; 32]; 2]) -> [R::Bytes; 2] {
        [RowIsa::bytes(self, rows[0]), RowIsa::bytes(self, rows[1])]
    }

    #[inline(always)]
    fn half(self, rows: [&[u8; 16]; 2]) -> [R::Half; 2] {
        [RowIsa::half(self, rows[0]), RowIsa::half(self, rows[1])]
    }

    #[inline(always)]
    fn join(self, low: [R::Half; 2], high: [R::Half; 2]) -> [R::Bytes; 2] {
        [RowIsa::join(self, low[0], high[0]), RowIsa::join(self, low[1], high[1])]
    }

    #[inline(always)]
    fn mask_half(self, a: [R::Half; 2], bits: u8) -> [R::Half; 2] {
        [RowIsa::mask_half(self, a[0], bits), RowIsa::mask_half(self, a[1], bits)]
    }

    #[inline(always)]
    fn shr_half(self, a: [R::Half; 2], n: u32) -> [R::Half; 2] {
        [RowIsa::shr_half(self, a[0], n), RowIsa::shr_half(self, a[1], n)]
    }

    #[inline(always)]
    fn mask(self, a: [R::Bytes; 2], bits: u8) -> [R::Bytes; 2] {
        [RowIsa::mask(self, a[0], bits), RowIsa::mask(self, a[1], bits)]
    }

    #[inline(always)]
    fn shr(self, a: [R::Bytes; 2], n: u32) -> [R::Bytes; 2] {
        [RowIsa::shr(self, a[0], n), RowIsa::shr(self, a[1], n)]
    }

    #[inline(always)]
    fn shl(self, a: [R::Bytes; 2], n: u32) -> [R::Bytes; 2] {
        [RowIsa::shl(self, a[0], n), RowIsa::shl(self, a[1], n)]
    }

    #[inline(always)]
    fn or(self, a: [R::Bytes; 2], b: [R::Bytes; 2]) -> [R::Bytes; 2] {
        [RowIsa::or(self, a[0], b[0]), RowIsa::or(self, a[1], b[1])]
    }

    #[inline(always)]
    fn add(self, a: [R::Bytes; 2], b: [R::Bytes; 2]) -> [R::Bytes; 2] {
        [RowIsa::add(self, a[0], b[0]), RowIsa::add(self, a[1], b[1])]
    }

    #[inline(always)]
    fn lookup(self, codes: [R::Bytes; 2], table: &[u8; 16]) -> [R::Bytes; 2] {
        [RowIsa::lookup(self, codes[0], table), RowIsa::lookup(self, codes[1], table)]
    }

    #[inline(always)]
    fn splat(self, pair: i32) -> [R::Shorts; 2] {
        [RowIsa::splat(self, pair), RowIsa::splat(self, pair)]
    }

    #[inline(always)]
    fn sixteen(self, multipliers: [R::Half; 2]) -> [R::Shorts; 2] {
        [RowIsa::sixteen(self, multipliers[0]), RowIsa::sixteen(self, multipliers[1])]
    }

    #[inline(always)]
    fn sixteen_signed(self, multipliers: [R::Half; 2]) -> [R::Shorts; 2] {
        [RowIsa::sixteen_signed(self, multipliers[0]), RowIsa::sixteen_signed(self, multipliers[1])]
    }

    #[inline(always)]
    fn eight_each(self, multipliers: [u64; 2]) -> [R::Shorts; 2] {
        [RowIsa::eight_each(self, multipliers[0]), RowIsa::eight_each(self, multipliers[1])]
    }

    #[inline(always)]
    fn eight(self, multipliers: &[i16; 8]) -> [R::Shorts; 2] {
        [RowIsa::eight(self, multipliers), RowIsa::eight(self, multipliers)]
    }

    #[inline(always)]
    fn times(self, a: [R::Shorts; 2], b: [R::Shorts; 2]) -> [R::Shorts; 2] {
        [RowIsa::times(self, a[0], b[0]), RowIsa::times(self, a[1], b[1])]
    }

    #[inline(always)]
    fn of_strip(self, block: [R::Shorts; 2], k: usize) -> [R::Shorts; 2] {
        [RowIsa::of_strip(self, block[0], k), RowIsa::of_strip(self, block[1], k)]
    }

    #[inline(always)]
    fn start(self, bias: i32) -> [R::Ints; 2] {
        [RowIsa::start(self, bias), RowIsa::start(self, bias)]
    }

    #[inline(always)]
    fn dot(self, sums: [R::Ints; 2], codes: [R::Bytes; 2], by: [R::Shorts; 2], x: &[i8; 32]) -> [R::Ints; 2] {
        [RowIsa::dot(self, sums[0], codes[0], by[0], x), RowIsa::dot(self, sums[1], codes[1], by[1], x)]
    }

    #[inline(always)]
    fn dot_signed(
        self,
        sums: [R::Ints; 2],
        weights: [R::Bytes; 2],
        by: [R::Shorts; 2],
        x: &[i8; 32],
    ) -> [R::Ints; 2] {
        [
            RowIsa::dot_signed(self, sums[0], weights[0], by[0], x),
            RowIsa::dot_signed(self, sums[1], weights[1], by[1], x),
        ]
    }

    #[inline(always)]
    fn zero(self) -> [R::Floats; 2] {
        [RowIsa::zero(self), RowIsa::zero(self)]
    }

    #[inline(always)]
    fn floats(self, rows: [f32; 2]) -> [R::Floats; 2] {
        [RowIsa::floats(self, rows[0]), RowIsa::floats(self, rows[1])]
    }

    #[inline(always)]
    fn halves(self, rows: [[u8; 2]; 2]) -> [R::Floats; 2] {
        [RowIsa::halves(self, rows[0]), RowIsa::halves(self, rows[1])]
    }

    #[inline(always)]
    fn add_part(self, total: [R::Floats; 2], part: [R::Floats; 2], by: f32) -> [R::Floats; 2] {
        [RowIsa::add_part(self, total[0], part[0], by), RowIsa::add_part(self, total[1], part[1], by)]
    }

    #[inline(always)]
    fn add_scaled(
        self,
        total: [R::Floats; 2],
        sums: [R::Ints; 2],
        scale: [R::Floats; 2],
        by: f32,
    ) -> [R::Floats; 2] {
        [
            RowIsa::add_scaled(self, total[0], sums[0], scale[0], by),
            RowIsa::add_scaled(self, total[1], sums[1], scale[1], by),
        ]
    }

    #[inline(always)]
    fn scale_codes(self, codes: [R::Bytes; 2], multipliers: [R::Shorts; 2]) -> [R::Bytes; 2] {
        [
            RowIsa::scale_codes(self, codes[0], multipliers[0]),
            RowIsa::scale_codes(self, codes[1], multipliers[1]),
        ]
    }

    #[inline(always)]
    fn weights(self, multipliers: [R::Shorts; 2], scale: [R::Floats; 2]) -> [[R::Floats; 2]; 2] {
        let first = RowIsa::weights(self, multipliers[0], scale[0]);
        let second = RowIsa::weights(self, multipliers[1], scale[1]);
        [[first[0], second[0]], [first[1], second[1]]]
    }

    #[inline(always)]
    fn add_weighted(
        self,
        total: [R::Floats; 2],
        [even, odd]: [[R::Floats; 2]; 2],
        values: &[f32; 16],
    ) -> [R::Floats; 2] {
        [
            RowIsa::add_weighted(self, total[0], [even[0], odd[0]], values),
            RowIsa::add_weighted(self, total[1], [even[1], odd[1]], values),
        ]
    }

    #[inline(always)]
    fn total(self, total: [R::Floats; 2]) -> [f32; 2] {
        [RowIsa::total(self, total[0]), RowIsa::total(self, total[1])]
    }
}
