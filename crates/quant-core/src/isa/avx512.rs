//! AVX-512 with VNNI: a register of 64 bytes holds both rows, the first in its low half.

mod panel;

use super::{Isa, Kernel};
#[allow(clippy::wildcard_imports, reason = "intrinsics are a language of their own")]
use std::arch::x86_64::*;

/// Proof of AVX-512 F, BW, VL, DQ and VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The token, where the processor has the instructions.
    pub(crate) fn new() -> Option<Self> {
        let found = is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        found.then_some(Self(()))
    }
}

/// Uses instructions that the token proves.
macro_rules! proven {
    ($op:expr) => {
        // SAFETY: the method has a token, so the processor has these sets. Loads read arrays of their own width.
        unsafe { $op }
    };
}

/// `a·b + c`, rounded twice: see [`Isa::add_part`].
#[inline(always)]
fn mul_add(_: Avx512, a: __m512, b: __m512, c: __m512) -> __m512 {
    proven!(_mm512_add_ps(c, _mm512_mul_ps(a, b)))
}

/// A register from a half for each row.
#[inline(always)]
fn both(_: Avx512, first: __m256i, second: __m256i) -> __m512i {
    proven!(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(first), second))
}

/// Bytes 0 and 1 four times, for a shuffle.
const FIRST: i64 = 0x0100_0100_0100_0100;
/// Bytes 2 and 3.
const THIRD: i64 = 0x0302_0302_0302_0302;

/// Activations, the same for both rows.
#[inline(always)]
fn activations(_: Avx512, x: &[i8; 32]) -> __m512i {
    proven!(_mm512_broadcast_i64x4(_mm256_loadu_si256(x.as_ptr().cast())))
}

/// Adds products of neighbouring pairs: VPDPWSSD. As assembly, since LLVM makes two instructions of the intrinsic where
/// it sees a chain of them; the chains of other rows and tokens hide the latency here.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_pairs(mut sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: the function has VNNI; the instruction reads and writes these registers only.
    unsafe {
        std::arch::asm!(
            "vpdpwssd {sums}, {a}, {b}",
            sums = inout(zmm_reg) sums,
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

impl Isa for Avx512 {
    type Half = __m256i;
    type Bytes = __m512i;
    /// Of each row: even halves in the low 16 bytes, odd halves in the high ones.
    type Shorts = __m512i;
    type Ints = __m512i;
    type Floats = __m512;

    #[inline(always)]
    fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn with_avx512<K: Kernel>(isa: Avx512, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        proven!(with_avx512(self, kernel))
    }

    #[inline(always)]
    fn bytes(self, [first, second]: [&[u8; 32]; 2]) -> __m512i {
        let first = proven!(_mm256_loadu_si256(first.as_ptr().cast()));
        both(self, first, proven!(_mm256_loadu_si256(second.as_ptr().cast())))
    }

    #[inline(always)]
    fn half(self, [first, second]: [&[u8; 16]; 2]) -> __m256i {
        proven!(_mm256_loadu2_m128i(second.as_ptr().cast(), first.as_ptr().cast()))
    }

    #[inline(always)]
    fn join(self, low: __m256i, high: __m256i) -> __m512i {
        let order = proven!(_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11));
        proven!(_mm512_permutex2var_epi64(_mm512_castsi256_si512(low), order, _mm512_castsi256_si512(high)))
    }

    #[inline(always)]
    fn mask_half(self, a: __m256i, bits: u8) -> __m256i {
        proven!(_mm256_and_si256(a, _mm256_set1_epi8(bits as i8)))
    }

    #[inline(always)]
    fn shr_half(self, a: __m256i, n: u32) -> __m256i {
        proven!(_mm256_srl_epi16(a, _mm_cvtsi32_si128(n as i32)))
    }

    #[inline(always)]
    fn mask(self, a: __m512i, bits: u8) -> __m512i {
        proven!(_mm512_and_si512(a, _mm512_set1_epi8(bits as i8)))
    }

    #[inline(always)]
    fn shr(self, a: __m512i, n: u32) -> __m512i {
        proven!(_mm512_srl_epi16(a, _mm_cvtsi32_si128(n as i32)))
    }

    #[inline(always)]
    fn shl(self, a: __m512i, n: u32) -> __m512i {
        proven!(_mm512_sll_epi16(a, _mm_cvtsi32_si128(n as i32)))
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        proven!(_mm512_or_si512(a, b))
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        proven!(_mm512_add_epi8(a, b))
    }

    #[inline(always)]
    fn lookup(self, codes: __m512i, table: &[u8; 16]) -> __m512i {
        let table = proven!(_mm512_broadcast_i32x4(_mm_loadu_si128(table.as_ptr().cast())));
        proven!(_mm512_shuffle_epi8(table, codes))
    }

    #[inline(always)]
    fn splat(self, pair: i32) -> __m512i {
        proven!(_mm512_set1_epi32(pair))
    }

    #[inline(always)]
    fn sixteen(self, multipliers: __m256i) -> __m512i {
        let even = proven!(_mm256_and_si256(multipliers, _mm256_set1_epi16(0xFF)));
        self.join(even, proven!(_mm256_srli_epi16::<8>(multipliers)))
    }

    #[inline(always)]
    fn sixteen_signed(self, multipliers: __m256i) -> __m512i {
        let even = proven!(_mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(multipliers)));
        self.join(even, proven!(_mm256_srai_epi16::<8>(multipliers)))
    }

    #[inline(always)]
    fn eight_each(self, [first, second]: [u64; 2]) -> __m512i {
        let bytes = proven!(_mm_set_epi64x(second as i64, first as i64));
        let both = proven!(_mm512_castsi256_si512(_mm256_cvtepu8_epi16(bytes)));
        proven!(_mm512_shuffle_i64x2::<0b01_01_00_00>(both, both))
    }

    #[inline(always)]
    fn eight(self, multipliers: &[i16; 8]) -> __m512i {
        proven!(_mm512_broadcast_i32x4(_mm_loadu_si128(multipliers.as_ptr().cast())))
    }

    #[inline(always)]
    fn times(self, a: __m512i, b: __m512i) -> __m512i {
        proven!(_mm512_mullo_epi16(a, b))
    }

    #[inline(always)]
    fn of_strip(self, block: __m512i, k: usize) -> __m512i {
        // bytes 2k and 2k + 1, again and again
        let lane = (2 * k + ((2 * k + 1) << 8)) as i16;
        proven!(_mm512_shuffle_epi8(block, _mm512_set1_epi16(lane)))
    }

    #[inline(always)]
    fn scale_codes(self, codes: __m512i, multipliers: __m512i) -> __m512i {
        // two codes per lane: the product of the lower one does not reach the upper one
        proven!(_mm512_mullo_epi16(codes, multipliers))
    }

    #[inline(always)]
    fn start(self, bias: i32) -> __m512i {
        proven!(_mm512_maskz_set1_epi32(0x0101, bias))
    }

    #[inline(always)]
    fn dot(self, sums: __m512i, codes: __m512i, by: __m512i, x: &[i8; 32]) -> __m512i {
        let pairs = proven!(_mm512_maddubs_epi16(codes, activations(self, x)));
        proven!(add_pairs(sums, pairs, by))
    }

    #[inline(always)]
    fn dot_signed(self, sums: __m512i, weights: __m512i, by: __m512i, x: &[i8; 32]) -> __m512i {
        let x = activations(self, x);
        // The sign of the weight moves to the activation, which is never −128.
        let negative = proven!(_mm512_movepi8_mask(weights));
        let x = proven!(_mm512_mask_sub_epi8(x, negative, _mm512_setzero_si512(), x));
        let pairs = proven!(_mm512_maddubs_epi16(_mm512_abs_epi8(weights), x));
        proven!(add_pairs(sums, pairs, by))
    }

    #[inline(always)]
    fn zero(self) -> __m512 {
        proven!(_mm512_setzero_ps())
    }

    #[inline(always)]
    fn floats(self, [first, second]: [f32; 2]) -> __m512 {
        proven!(_mm512_mask_blend_ps(0xFF00, _mm512_set1_ps(first), _mm512_set1_ps(second)))
    }

    #[inline(always)]
    fn halves(self, [first, second]: [[u8; 2]; 2]) -> __m512 {
        // One transfer to a vector register for both.
        let both = u32::from(u16::from_le_bytes(first)) | u32::from(u16::from_le_bytes(second)) << 16;
        let both = proven!(_mm256_set1_epi32(both as i32));
        let order = proven!(_mm256_set_epi64x(THIRD, THIRD, FIRST, FIRST));
        proven!(_mm512_cvtph_ps(_mm256_shuffle_epi8(both, order)))
    }

    #[inline(always)]
    fn add_part(self, total: __m512, part: __m512, by: f32) -> __m512 {
        mul_add(self, part, proven!(_mm512_set1_ps(by)), total)
    }

    #[inline(always)]
    fn add_scaled(self, total: __m512, sums: __m512i, scale: __m512, by: f32) -> __m512 {
        let scale = proven!(_mm512_mul_ps(scale, _mm512_set1_ps(by)));
        mul_add(self, proven!(_mm512_cvtepi32_ps(sums)), scale, total)
    }

    #[inline(always)]
    fn weights(self, multipliers: __m512i, scale: __m512) -> [__m512; 2] {
        let first = proven!(_mm512_cvtepi16_epi32(_mm512_castsi512_si256(multipliers)));
        let second = proven!(_mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64::<1>(multipliers)));
        let (first, second) = proven!((_mm512_cvtepi32_ps(first), _mm512_cvtepi32_ps(second)));
        let even = proven!(_mm512_shuffle_f32x4::<0b01_00_01_00>(first, second));
        let odd = proven!(_mm512_shuffle_f32x4::<0b11_10_11_10>(first, second));
        [proven!(_mm512_mul_ps(even, scale)), proven!(_mm512_mul_ps(odd, scale))]
    }

    #[inline(always)]
    fn add_weighted(self, total: __m512, [even, odd]: [__m512; 2], values: &[f32; 16]) -> __m512 {
        let low = proven!(_mm512_broadcast_f32x8(_mm256_loadu_ps(values.as_ptr())));
        let high = proven!(_mm512_broadcast_f32x8(_mm256_loadu_ps(values.as_ptr().add(8))));
        mul_add(self, odd, high, mul_add(self, even, low, total))
    }

    #[inline(always)]
    fn total(self, total: __m512) -> [f32; 2] {
        let (first, second) = proven!((_mm512_castps512_ps256(total), _mm512_extractf32x8_ps::<1>(total)));
        let low = proven!(_mm256_permute2f128_ps::<0x20>(first, second));
        let high = proven!(_mm256_permute2f128_ps::<0x31>(first, second));
        let four = proven!(_mm256_add_ps(low, high));
        let two = proven!(_mm256_add_ps(four, _mm256_permute_ps::<0b01_00_11_10>(four)));
        let one = proven!(_mm256_add_ps(two, _mm256_movehdup_ps(two)));
        [proven!(_mm256_cvtss_f32(one)), proven!(_mm_cvtss_f32(_mm256_extractf128_ps::<1>(one)))]
    }
}
