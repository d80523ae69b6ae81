//! NEON: two registers of 16 bytes per row, the first for the low half of a strip.

use super::{Kernel, RowIsa};
use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

/// Multiplies and adds as `P` does.
#[derive(Clone, Copy)]
pub(crate) struct Neon<P>(P);

/// How products of bytes are added: all in which processors differ here.
pub(crate) trait Products: Copy {
    /// Runs a kernel in a function that is compiled for these instructions.
    fn eval<K: Kernel>(isa: Neon<Self>, kernel: K) -> K::Output;

    /// Adds `by · Σ weights·x`, a quarter of the half's 16 products to each lane. Activations are at least −127.
    fn add(self, sums: int32x4_t, weights: int8x16_t, by: int16x8_t, x: int8x16_t) -> int32x4_t;
}

/// Long multiplications, on every processor.
#[derive(Clone, Copy)]
pub(crate) struct Long(());

/// Proof of SDOT.
#[derive(Clone, Copy)]
pub(crate) struct Dot(());

impl Neon<Long> {
    /// The token.
    pub(crate) fn new() -> Self {
        Self(Long(()))
    }
}

impl Neon<Dot> {
    /// The token, where the processor has the instructions.
    pub(crate) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then_some(Self(Dot(())))
    }
}

/// Uses instructions that every processor has, or that a token proves.
macro_rules! proven {
    ($op:expr) => {
        // SAFETY: NEON is part of the architecture, more has a token. Loads read arrays of their own width.
        unsafe { $op }
    };
}

impl Products for Long {
    #[inline(always)]
    fn eval<K: Kernel>(isa: Neon<Self>, kernel: K) -> K::Output {
        kernel.run(isa)
    }

    #[inline(always)]
    fn add(self, sums: int32x4_t, weights: int8x16_t, by: int16x8_t, x: int8x16_t) -> int32x4_t {
        // In columns of four, so that halves of halves are added: lanes then get the neighbours that SDOT gives them.
        let (weights, x) = (columns_of_four(weights), columns_of_four(x));
        // Two products of any bytes but −128 · −128 fit an i16.
        let pairs = proven!(vmull_s8(vget_low_s8(weights), vget_low_s8(x)));
        let pairs = proven!(vmlal_high_s8(pairs, weights, x));
        let sums = proven!(vmlal_s16(sums, vget_low_s16(pairs), vget_low_s16(by)));
        proven!(vmlal_high_s16(sums, pairs, by))
    }
}

impl Products for Dot {
    #[inline(always)]
    fn eval<K: Kernel>(isa: Neon<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn with_dotprod<K: Kernel>(isa: Neon<Dot>, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        proven!(with_dotprod(isa, kernel))
    }

    #[inline(always)]
    fn add(self, sums: int32x4_t, weights: int8x16_t, by: int16x8_t, x: int8x16_t) -> int32x4_t {
        let fours = proven!(dot_of_fours(weights, x));
        proven!(vmlaq_s32(sums, fours, vmovl_s16(vget_low_s16(by))))
    }
}

/// Bytes 0, 4, 8, 12, then 1, 5, 9, 13, and so on.
#[inline(always)]
fn columns_of_four(bytes: int8x16_t) -> int8x16_t {
    const ORDER: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
    proven!(vqtbl1q_s8(bytes, vld1q_u8(ORDER.as_ptr())))
}

/// Sums of four neighbouring products. As assembly, since the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_of_fours(a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let mut sums = vdupq_n_s32(0);
    // SAFETY: the function has SDOT; the instruction reads and writes these registers only.
    unsafe {
        std::arch::asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

#[inline(always)]
fn activations(x: &[i8; 32]) -> [int8x16_t; 2] {
    proven!([vld1q_s8(x.as_ptr()), vld1q_s8(x.as_ptr().add(16))])
}

/// `a·b + c`, rounded twice: see [`super::Isa::add_part`].
#[inline(always)]
fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
    proven!(vaddq_f32(c, vmulq_f32(a, b)))
}

/// Four floats of four integers, times `scale`.
#[inline(always)]
fn scaled(integers: int16x4_t, scale: float32x4_t) -> float32x4_t {
    proven!(vmulq_f32(vcvtq_f32_s32(vmovl_s16(integers)), scale))
}

impl<P: Products> RowIsa for Neon<P> {
    type Half = uint8x16_t;
    type Bytes = [uint8x16_t; 2];
    /// Those of even halves, those of odd halves.
    type Shorts = [int16x8_t; 2];
    /// Those of the low half, those of the high one.
    type Ints = [int32x4_t; 2];
    type Floats = [float32x4_t; 2];

    #[inline(always)]
    fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        P::eval(self, kernel)
    }

    #[inline(always)]
    fn bytes(self, row: &[u8; 32]) -> [uint8x16_t; 2] {
        proven!([vld1q_u8(row.as_ptr()), vld1q_u8(row.as_ptr().add(16))])
    }

    #[inline(always)]
    fn half(self, row: &[u8; 16]) -> uint8x16_t {
        proven!(vld1q_u8(row.as_ptr()))
    }

    #[inline(always)]
    fn join(self, low: uint8x16_t, high: uint8x16_t) -> [uint8x16_t; 2] {
        [low, high]
    }

    #[inline(always)]
    fn mask_half(self, a: uint8x16_t, bits: u8) -> uint8x16_t {
        proven!(vandq_u8(a, vdupq_n_u8(bits)))
    }

    #[inline(always)]
    fn shr_half(self, a: uint8x16_t, n: u32) -> uint8x16_t {
        proven!(vshlq_u8(a, vdupq_n_s8(-(n as i8))))
    }

    #[inline(always)]
    fn mask(self, [low, high]: [uint8x16_t; 2], bits: u8) -> [uint8x16_t; 2] {
        [self.mask_half(low, bits), self.mask_half(high, bits)]
    }

    #[inline(always)]
    fn shr(self, [low, high]: [uint8x16_t; 2], n: u32) -> [uint8x16_t; 2] {
        [self.shr_half(low, n), self.shr_half(high, n)]
    }

    #[inline(always)]
    fn shl(self, [low, high]: [uint8x16_t; 2], n: u32) -> [uint8x16_t; 2] {
        let by = proven!(vdupq_n_s8(n as i8));
        proven!([vshlq_u8(low, by), vshlq_u8(high, by)])
    }

    #[inline(always)]
    fn or(self, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        proven!([vorrq_u8(a[0], b[0]), vorrq_u8(a[1], b[1])])
    }

    #[inline(always)]
    fn add(self, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        proven!([vaddq_u8(a[0], b[0]), vaddq_u8(a[1], b[1])])
    }

    #[inline(always)]
    fn lookup(self, [low, high]: [uint8x16_t; 2], table: &[u8; 16]) -> [uint8x16_t; 2] {
        let table = self.half(table);
        proven!([vqtbl1q_u8(table, low), vqtbl1q_u8(table, high)])
    }

    #[inline(always)]
    fn splat(self, pair: i32) -> [int16x8_t; 2] {
        let both = proven!(vdupq_n_s16(pair as i16));
        [both, both]
    }

    #[inline(always)]
    fn sixteen(self, multipliers: uint8x16_t) -> [int16x8_t; 2] {
        let pairs = proven!(vreinterpretq_u16_u8(multipliers));
        let even = proven!(vandq_u16(pairs, vdupq_n_u16(0xFF)));
        proven!([vreinterpretq_s16_u16(even), vreinterpretq_s16_u16(vshrq_n_u16::<8>(pairs))])
    }

    #[inline(always)]
    fn sixteen_signed(self, multipliers: uint8x16_t) -> [int16x8_t; 2] {
        let pairs = proven!(vreinterpretq_s16_u8(multipliers));
        let even = proven!(vshrq_n_s16::<8>(vshlq_n_s16::<8>(pairs)));
        [even, proven!(vshrq_n_s16::<8>(pairs))]
    }

    #[inline(always)]
    fn eight_each(self, multipliers: u64) -> [int16x8_t; 2] {
        let eight = proven!(vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(multipliers))));
        [eight, eight]
    }

    #[inline(always)]
    fn eight(self, multipliers: &[i16; 8]) -> [int16x8_t; 2] {
        let eight = proven!(vld1q_s16(multipliers.as_ptr()));
        [eight, eight]
    }

    #[inline(always)]
    fn times(self, a: [int16x8_t; 2], b: [int16x8_t; 2]) -> [int16x8_t; 2] {
        proven!([vmulq_s16(a[0], b[0]), vmulq_s16(a[1], b[1])])
    }

    #[inline(always)]
    fn of_strip(self, block: [int16x8_t; 2], k: usize) -> [int16x8_t; 2] {
        // bytes 2k and 2k + 1, again and again
        let lane = proven!(vreinterpretq_u8_u16(vdupq_n_u16((2 * k + ((2 * k + 1) << 8)) as u16)));
        let [even, odd] = proven!([vreinterpretq_u8_s16(block[0]), vreinterpretq_u8_s16(block[1])]);
        let [even, odd] = proven!([vqtbl1q_u8(even, lane), vqtbl1q_u8(odd, lane)]);
        proven!([vreinterpretq_s16_u8(even), vreinterpretq_s16_u8(odd)])
    }

    #[inline(always)]
    fn scale_codes(self, codes: [uint8x16_t; 2], by: [int16x8_t; 2]) -> [uint8x16_t; 2] {
        // two codes per lane: the product of the lower one does not reach the upper one
        let low = proven!(vmulq_s16(vreinterpretq_s16_u8(codes[0]), by[0]));
        let high = proven!(vmulq_s16(vreinterpretq_s16_u8(codes[1]), by[1]));
        proven!([vreinterpretq_u8_s16(low), vreinterpretq_u8_s16(high)])
    }

    #[inline(always)]
    fn start(self, bias: i32) -> [int32x4_t; 2] {
        let zero = proven!(vdupq_n_s32(0));
        [proven!(vsetq_lane_s32::<0>(bias, zero)), zero]
    }

    #[inline(always)]
    fn dot(
        self,
        sums: [int32x4_t; 2],
        codes: [uint8x16_t; 2],
        by: [int16x8_t; 2],
        x: &[i8; 32],
    ) -> [int32x4_t; 2] {
        // codes are at most 127: the same bytes are signed weights
        self.dot_signed(sums, codes, by, x)
    }

    #[inline(always)]
    fn dot_signed(
        self,
        [low, high]: [int32x4_t; 2],
        weights: [uint8x16_t; 2],
        by: [int16x8_t; 2],
        x: &[i8; 32],
    ) -> [int32x4_t; 2] {
        let x = activations(x);
        let weights = proven!([vreinterpretq_s8_u8(weights[0]), vreinterpretq_s8_u8(weights[1])]);
        [self.0.add(low, weights[0], by[0], x[0]), self.0.add(high, weights[1], by[1], x[1])]
    }

    #[inline(always)]
    fn zero(self) -> [float32x4_t; 2] {
        self.floats(0.0)
    }

    #[inline(always)]
    fn floats(self, row: f32) -> [float32x4_t; 2] {
        let four = proven!(vdupq_n_f32(row));
        [four, four]
    }

    #[inline(always)]
    fn add_part(self, total: [float32x4_t; 2], part: [float32x4_t; 2], by: f32) -> [float32x4_t; 2] {
        let by = proven!(vdupq_n_f32(by));
        [mul_add(part[0], by, total[0]), mul_add(part[1], by, total[1])]
    }

    #[inline(always)]
    fn add_scaled(
        self,
        total: [float32x4_t; 2],
        sums: [int32x4_t; 2],
        scale: [float32x4_t; 2],
        by: f32,
    ) -> [float32x4_t; 2] {
        let scale = proven!([vmulq_n_f32(scale[0], by), vmulq_n_f32(scale[1], by)]);
        let sums = proven!([vcvtq_f32_s32(sums[0]), vcvtq_f32_s32(sums[1])]);
        [mul_add(sums[0], scale[0], total[0]), mul_add(sums[1], scale[1], total[1])]
    }

    #[inline(always)]
    fn weights(self, by: [int16x8_t; 2], scale: [float32x4_t; 2]) -> [[float32x4_t; 2]; 2] {
        let [even, odd] = by;
        let (even, even_end) = proven!((vget_low_s16(even), vget_high_s16(even)));
        let (odd, odd_end) = proven!((vget_low_s16(odd), vget_high_s16(odd)));
        [
            [scaled(even, scale[0]), scaled(even_end, scale[1])],
            [scaled(odd, scale[0]), scaled(odd_end, scale[1])],
        ]
    }

    #[inline(always)]
    fn add_weighted(
        self,
        [low, high]: [float32x4_t; 2],
        [even, odd]: [[float32x4_t; 2]; 2],
        values: &[f32; 16],
    ) -> [float32x4_t; 2] {
        let at = values.as_ptr();
        let [a, b] = proven!([vld1q_f32(at), vld1q_f32(at.add(4))]);
        let [c, d] = proven!([vld1q_f32(at.add(8)), vld1q_f32(at.add(12))]);
        let [low, high] = [mul_add(even[0], a, low), mul_add(even[1], b, high)];
        [mul_add(odd[0], c, low), mul_add(odd[1], d, high)]
    }

    #[inline(always)]
    fn total(self, [low, high]: [float32x4_t; 2]) -> f32 {
        let four = proven!(vaddq_f32(low, high));
        proven!(vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four))))
    }
}
