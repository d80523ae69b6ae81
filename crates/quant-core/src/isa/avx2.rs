//! AVX2: a register of 32 bytes per row.

use super::{Kernel, RowIsa};
#[allow(clippy::wildcard_imports, reason = "intrinsics are a language of their own")]
use std::arch::x86_64::*;

/// Proof of AVX2 and F16C.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The token, where the processor has the instructions.
    pub(crate) fn new() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c");
        found.then_some(Self(()))
    }
}

/// Uses instructions that the token proves.
macro_rules! proven {
    ($op:expr) => {
        // SAFETY: the method has a token, so the processor has AVX2 and F16C. Loads read arrays of their own width.
        unsafe { $op }
    };
}

/// `a·b + c`, rounded twice: see [`super::Isa::add_part`].
#[inline(always)]
fn mul_add(_: Avx2, a: __m256, b: __m256, c: __m256) -> __m256 {
    proven!(_mm256_add_ps(c, _mm256_mul_ps(a, b)))
}

impl RowIsa for Avx2 {
    type Half = __m128i;
    type Bytes = __m256i;
    /// Those of even halves in the low 16 bytes, of odd halves in the high ones.
    type Shorts = __m256i;
    type Ints = __m256i;
    type Floats = __m256;

    #[inline(always)]
    fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,f16c")]
        fn with_avx2<K: Kernel>(isa: Avx2, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        proven!(with_avx2(self, kernel))
    }

    #[inline(always)]
    fn bytes(self, row: &[u8; 32]) -> __m256i {
        proven!(_mm256_loadu_si256(row.as_ptr().cast()))
    }

    #[inline(always)]
    fn half(self, row: &[u8; 16]) -> __m128i {
        proven!(_mm_loadu_si128(row.as_ptr().cast()))
    }

    #[inline(always)]
    fn join(self, low: __m128i, high: __m128i) -> __m256i {
        proven!(_mm256_set_m128i(high, low))
    }

    #[inline(always)]
    fn mask_half(self, a: __m128i, bits: u8) -> __m128i {
        proven!(_mm_and_si128(a, _mm_set1_epi8(bits as i8)))
    }

    #[inline(always)]
    fn shr_half(self, a: __m128i, n: u32) -> __m128i {
        proven!(_mm_srl_epi16(a, _mm_cvtsi32_si128(n as i32)))
    }

    #[inline(always)]
    fn mask(self, a: __m256i, bits: u8) -> __m256i {
        proven!(_mm256_and_si256(a, _mm256_set1_epi8(bits as i8)))
    }

    #[inline(always)]
    fn shr(self, a: __m256i, n: u32) -> __m256i {
        proven!(_mm256_srl_epi16(a, _mm_cvtsi32_si128(n as i32)))
    }

    #[inline(always)]
    fn shl(self, a: __m256i, n: u32) -> __m256i {
        proven!(_mm256_sll_epi16(a, _mm_cvtsi32_si128(n as i32)))
    }

    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        proven!(_mm256_or_si256(a, b))
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        proven!(_mm256_add_epi8(a, b))
    }

    #[inline(always)]
    fn lookup(self, codes: __m256i, table: &[u8; 16]) -> __m256i {
        let table = proven!(_mm256_broadcastsi128_si256(self.half(table)));
        proven!(_mm256_shuffle_epi8(table, codes))
    }

    #[inline(always)]
    fn splat(self, pair: i32) -> __m256i {
        proven!(_mm256_set1_epi32(pair))
    }

    #[inline(always)]
    fn sixteen(self, multipliers: __m128i) -> __m256i {
        let even = proven!(_mm_and_si128(multipliers, _mm_set1_epi16(0xFF)));
        proven!(_mm256_set_m128i(_mm_srli_epi16::<8>(multipliers), even))
    }

    #[inline(always)]
    fn sixteen_signed(self, multipliers: __m128i) -> __m256i {
        let even = proven!(_mm_srai_epi16::<8>(_mm_slli_epi16::<8>(multipliers)));
        proven!(_mm256_set_m128i(_mm_srai_epi16::<8>(multipliers), even))
    }

    #[inline(always)]
    fn eight_each(self, multipliers: u64) -> __m256i {
        let eight = proven!(_mm_cvtepu8_epi16(_mm_cvtsi64_si128(multipliers as i64)));
        proven!(_mm256_broadcastsi128_si256(eight))
    }

    #[inline(always)]
    fn eight(self, multipliers: &[i16; 8]) -> __m256i {
        proven!(_mm256_broadcastsi128_si256(_mm_loadu_si128(multipliers.as_ptr().cast())))
    }

    #[inline(always)]
    fn times(self, a: __m256i, b: __m256i) -> __m256i {
        proven!(_mm256_mullo_epi16(a, b))
    }

    #[inline(always)]
    fn of_strip(self, block: __m256i, k: usize) -> __m256i {
        // bytes 2k and 2k + 1, again and again
        let lane = (2 * k + ((2 * k + 1) << 8)) as i16;
        proven!(_mm256_shuffle_epi8(block, _mm256_set1_epi16(lane)))
    }

    #[inline(always)]
    fn scale_codes(self, codes: __m256i, multipliers: __m256i) -> __m256i {
        // two codes per lane: the product of the lower one does not reach the upper one
        proven!(_mm256_mullo_epi16(codes, multipliers))
    }

    #[inline(always)]
    fn start(self, bias: i32) -> __m256i {
        proven!(_mm256_zextsi128_si256(_mm_cvtsi32_si128(bias)))
    }

    #[inline(always)]
    fn dot(self, sums: __m256i, codes: __m256i, by: __m256i, x: &[i8; 32]) -> __m256i {
        let x = proven!(_mm256_loadu_si256(x.as_ptr().cast()));
        let pairs = proven!(_mm256_maddubs_epi16(codes, x));
        proven!(_mm256_add_epi32(sums, _mm256_madd_epi16(pairs, by)))
    }

    #[inline(always)]
    fn dot_signed(self, sums: __m256i, weights: __m256i, by: __m256i, x: &[i8; 32]) -> __m256i {
        let x = proven!(_mm256_loadu_si256(x.as_ptr().cast()));
        // The sign of the weight moves to the activation, which is never −128.
        let pairs = proven!(_mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights)));
        proven!(_mm256_add_epi32(sums, _mm256_madd_epi16(pairs, by)))
    }

    #[inline(always)]
    fn zero(self) -> __m256 {
        proven!(_mm256_setzero_ps())
    }

    #[inline(always)]
    fn floats(self, row: f32) -> __m256 {
        proven!(_mm256_set1_ps(row))
    }

    #[inline(always)]
    fn halves(self, row: [u8; 2]) -> __m256 {
        let half = proven!(_mm_cvtsi32_si128(i32::from(u16::from_le_bytes(row))));
        proven!(_mm256_broadcastss_ps(_mm_cvtph_ps(half)))
    }

    #[inline(always)]
    fn add_part(self, total: __m256, part: __m256, by: f32) -> __m256 {
        mul_add(self, part, proven!(_mm256_set1_ps(by)), total)
    }

    #[inline(always)]
    fn add_scaled(self, total: __m256, sums: __m256i, scale: __m256, by: f32) -> __m256 {
        let scale = proven!(_mm256_mul_ps(scale, _mm256_set1_ps(by)));
        mul_add(self, proven!(_mm256_cvtepi32_ps(sums)), scale, total)
    }

    #[inline(always)]
    fn weights(self, multipliers: __m256i, scale: __m256) -> [__m256; 2] {
        let even = proven!(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(multipliers)));
        let odd = proven!(_mm256_cvtepi16_epi32(_mm256_extracti128_si256::<1>(multipliers)));
        let even = proven!(_mm256_mul_ps(_mm256_cvtepi32_ps(even), scale));
        [even, proven!(_mm256_mul_ps(_mm256_cvtepi32_ps(odd), scale))]
    }

    #[inline(always)]
    fn add_weighted(self, total: __m256, [even, odd]: [__m256; 2], values: &[f32; 16]) -> __m256 {
        let (low, high) =
            proven!((_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))));
        mul_add(self, odd, high, mul_add(self, even, low, total))
    }

    #[inline(always)]
    fn total(self, total: __m256) -> f32 {
        let four = proven!(_mm_add_ps(_mm256_castps256_ps128(total), _mm256_extractf128_ps::<1>(total)));
        let two = proven!(_mm_add_ps(four, _mm_movehl_ps(four, four)));
        proven!(_mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two))))
    }
}
