//! Instruction sets as tokens: a kernel is written once, over [`Isa`], and each set implements the instructions.
//!
//! A token is a value that can only be had where the processor has the instructions ([`Level::available`]), so its
//! methods are safe. Kernels work on **two rows** of weights at a time: a register of 64 bytes holds a strip of 32
//! codes of both, narrower ones hold a row each, and activations are loaded once for both.
//!
//! Enter a kernel through [`dispatch`] only: elsewhere intrinsics are calls instead of instructions.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "sets with panels are of x86-64 so far"))]
mod panel;
mod prefetch;
mod row;
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

pub(crate) use level::Level;
pub(crate) use panel::{PANEL_ROWS, PANEL_TOKENS, PanelIsa, PanelKernel, PanelSums};
pub(crate) use prefetch::{prefetch, prefetch_ahead};
use row::RowIsa;

/// Weights whose codes are one vector of bytes.
pub(crate) const STRIP: usize = 32;

/// Work that is compiled for every instruction set.
pub(crate) trait Kernel {
    type Output;

    /// Does the work. Must be `#[inline(always)]`, like all that it calls with the token.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}

/// Runs a kernel with the best instructions there are, or those that `PIBIT_ISA` names.
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    Level::selected().eval(kernel)
}

/// Name of the instruction set that integer kernels use: the best that the processor has, or the one that the
/// environment variable `PIBIT_ISA` names (`scalar`, `avx2`, `avx512`, `neon`, …).
pub fn instruction_set() -> &'static str {
    Level::selected().name()
}

/// Lane operations on two rows at a time.
///
/// "Strip" is 32 neighbouring weights of each row, "half" 16. A multiplier is an i16 per 16 weights; how its lanes lie
/// is each set's own business.
pub(crate) trait Isa: Copy {
    /// 16 bytes of each row.
    type Half: Copy;
    /// A strip: 32 bytes of each row.
    type Bytes: Copy;
    /// Multipliers of each row: of all 16 halves of a block, or of one strip.
    type Shorts: Copy;
    /// Partial sums of each row: at least eight 32-bit integers, each for four neighbouring weights of a strip.
    /// Additions wrap.
    type Ints: Copy;
    /// Partial sums of each row, F32: eight lanes.
    type Floats: Copy;

    /// Runs a kernel in a function that is compiled for this set.
    fn eval<K: Kernel>(self, kernel: K) -> K::Output;

    /// Loads a strip.
    fn bytes(self, rows: [&[u8; 32]; 2]) -> Self::Bytes;
    /// Loads 16 bytes.
    fn half(self, rows: [&[u8; 16]; 2]) -> Self::Half;
    /// `low` for the first 16 weights, `high` for the others.
    fn join(self, low: Self::Half, high: Self::Half) -> Self::Bytes;
    /// Each byte's bits that are set in `bits`.
    fn mask_half(self, a: Self::Half, bits: u8) -> Self::Half;
    /// Shifts right by `n` < 8. Bits of the neighbouring byte may come in at the top: mask them.
    fn shr_half(self, a: Self::Half, n: u32) -> Self::Half;
    /// Each byte's bits that are set in `bits`.
    fn mask(self, a: Self::Bytes, bits: u8) -> Self::Bytes;
    /// Shifts right by `n` < 8. Bits of the neighbouring byte may come in at the top: mask them.
    fn shr(self, a: Self::Bytes, n: u32) -> Self::Bytes;
    /// Shifts left by `n` < 8. Bits of the neighbouring byte may come in at the bottom: mask them.
    fn shl(self, a: Self::Bytes, n: u32) -> Self::Bytes;
    /// Bitwise or.
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    /// Sums of bytes, which must fit.
    fn add(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    /// `table[code]`. Codes must be below 16.
    fn lookup(self, codes: Self::Bytes, table: &[u8; 16]) -> Self::Bytes;

    /// One multiplier for everything: `pair` holds it twice.
    fn splat(self, pair: i32) -> Self::Shorts;
    /// Unsigned multipliers of the 16 halves of a block.
    fn sixteen(self, multipliers: Self::Half) -> Self::Shorts;
    /// Signed multipliers (i8) of the 16 halves of a block.
    fn sixteen_signed(self, multipliers: Self::Half) -> Self::Shorts;
    /// Multipliers of the 8 strips of a block, the lowest byte first.
    fn eight_each(self, multipliers: [u64; 2]) -> Self::Shorts;
    /// Multipliers of the 8 strips of a block, the same for both rows.
    fn eight(self, multipliers: &[i16; 8]) -> Self::Shorts;
    /// Lane-wise product, which must fit.
    fn times(self, a: Self::Shorts, b: Self::Shorts) -> Self::Shorts;
    /// The multipliers of strip `k` < 8 out of those of a block.
    fn of_strip(self, block: Self::Shorts, k: usize) -> Self::Shorts;

    /// Each code times its half's multiplier, unsigned, which must fit a byte.
    fn scale_codes(self, codes: Self::Bytes, multipliers: Self::Shorts) -> Self::Bytes;

    /// Sums that begin with `bias` in one lane of each row.
    fn start(self, bias: i32) -> Self::Ints;
    /// Adds `by · Σ codes·x`: codes unsigned and at most 127, activations `x` at least −127, so that pairs of products
    /// fit an i16.
    fn dot(self, sums: Self::Ints, codes: Self::Bytes, by: Self::Shorts, x: &[i8; 32]) -> Self::Ints;
    /// The same with signed weights, −128 included.
    fn dot_signed(self, sums: Self::Ints, weights: Self::Bytes, by: Self::Shorts, x: &[i8; 32])
    -> Self::Ints;

    /// No sums yet.
    fn zero(self) -> Self::Floats;
    /// A float for each row, in all lanes.
    fn floats(self, rows: [f32; 2]) -> Self::Floats;
    /// An F16 for each row, in all lanes.
    fn halves(self, rows: [[u8; 2]; 2]) -> Self::Floats;
    /// Adds `by · part`. Like all that adds products of F32: each product is rounded, then the sum, even where the
    /// processor could round once. So all sets give the same bits, and a model draws the same tokens everywhere.
    fn add_part(self, total: Self::Floats, part: Self::Floats, by: f32) -> Self::Floats;
    /// Adds `scale · by · sums`, a scale per row.
    fn add_scaled(self, total: Self::Floats, sums: Self::Ints, scale: Self::Floats, by: f32) -> Self::Floats;
    /// `scale · multipliers` of the 16 halves of a block: even halves, odd halves.
    fn weights(self, multipliers: Self::Shorts, scale: Self::Floats) -> [Self::Floats; 2];
    /// Adds `Σ weights·values` over the 16 halves of a block. `values`: those of even halves, then those of odd ones.
    fn add_weighted(
        self,
        total: Self::Floats,
        weights: [Self::Floats; 2],
        values: &[f32; 16],
    ) -> Self::Floats;
    /// The sum of each row's lanes, folded in halves: ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).
    fn total(self, total: Self::Floats) -> [f32; 2];
}
