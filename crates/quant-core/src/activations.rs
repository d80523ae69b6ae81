//! Activations as 8-bit integers, for the integer kernels.
//!
//! Blocks of 256 follow the weights' blocks. In a block every group of 32 has a scale of its own, as in ggml's Q8_0, but
//! it is an integer multiple of the block's F32 scale: x ≈ scale · multiplier · code. Kernels multiply by the multiplier
//! in the instruction that widens products anyway, so fine scales cost nothing.

#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "sets with panels are of x86-64 so far"))]
mod panel;
mod quantize;

#[cfg(target_arch = "x86_64")]
pub(crate) use panel::QUAD;
pub(crate) use panel::TokenPanel;

use crate::QuantError;
use crate::isa::STRIP;
use std::fmt;
use std::str::FromStr;

/// What the activations of a linear layer are while it multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activations {
    /// As they come: weights are decoded to F32. The accuracy mode.
    #[default]
    F32,
    /// 8-bit integers with a scale per 32, for formats that have such a kernel (`FormatEntry::is_fused`); the others
    /// compute as with [`F32`](Self::F32).
    Int8,
}

impl Activations {
    /// `f32` or `int8`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Activations {
    type Err = QuantError;

    fn from_str(text: &str) -> Result<Self, QuantError> {
        let all = [Self::F32, Self::Int8];
        all.into_iter().find(|a| a.name() == text).ok_or_else(|| QuantError::BadOption {
            format: "activations".into(),
            reason: format!("there is no {text}; choose f32 (exact) or int8 (fast)"),
        })
    }
}

/// Activations in a block.
pub(crate) const BLOCK: usize = 256;
/// Groups in a block.
pub(crate) const STRIPS: usize = BLOCK / STRIP;
/// The largest multiplier. With it the largest 6-bit sub-scale of a K-quant, and an 8-bit one, still fit in an i16.
pub(crate) const MAX_MULTIPLIER: i16 = 255;

/// What makes the codes of strips weigh the same where they are taken in place: 2-bit codes at bits 0, 2 and 4 of their
/// bytes; those at bit 6, which could overflow there, are shifted to bit 4. A code then counts 16 times.
pub(crate) const IN_PLACE: [i32; STRIPS] = [16, 4, 1, 1, 16, 4, 1, 1];
const IN_PLACE_PAIRS: [i32; STRIPS] = pairs_in_place([1; STRIPS]);

/// Multipliers for codes in place, each twice in 32 bits.
#[inline(always)]
const fn pairs_in_place(multipliers: [i16; STRIPS]) -> [i32; STRIPS] {
    let mut pairs = [0; STRIPS];
    let mut k = 0;
    while k < STRIPS {
        pairs[k] = multipliers[k] as i32 * IN_PLACE[k] * 0x0001_0001;
        k += 1;
    }
    pairs
}

/// 256 activations, or fewer and zeros.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct ActivationBlock {
    /// Between −127 and 127, per group.
    pub(crate) codes: [[i8; STRIP]; STRIPS],
    /// One per group, from 1 to [`MAX_MULTIPLIER`].
    pub(crate) multipliers: [i16; STRIPS],
    /// Each multiplier twice in 32 bits, as kernels broadcast it.
    pub(crate) pairs: [i32; STRIPS],
    /// The same times 16, 4, 1 and 1 by turns: for 2-bit codes that stay where they lie in their bytes.
    pub(crate) pairs_in_place: [i32; STRIPS],
    /// What a code times its multiplier counts.
    pub(crate) scale: f32,
    /// The same for codes in place.
    pub(crate) scale_in_place: f32,
    /// What is added to products with codes in place that count from −1, −2 or −4 on: an eighth of it, in each lane.
    pub(crate) offsets: [f32; 3],
    /// Σ multiplier·code of the block.
    pub(crate) sum: i32,
    /// The same of each group.
    pub(crate) strip_sums: [i32; STRIPS],
    /// Sums of the real values of each 16: those of even halves, then those of odd ones.
    pub(crate) half_sums: [f32; 2 * STRIPS],
}

impl ActivationBlock {
    /// Nothing but zeros.
    pub(crate) const ZERO: Self = Self {
        codes: [[0; STRIP]; STRIPS],
        multipliers: [1; STRIPS],
        pairs: [0x0001_0001; STRIPS],
        pairs_in_place: IN_PLACE_PAIRS,
        scale: 0.0,
        scale_in_place: 0.0,
        offsets: [0.0; 3],
        sum: 0,
        strip_sums: [0; STRIPS],
        half_sums: [0.0; 2 * STRIPS],
    };
}

/// Blocks that a row of `len` activations takes.
pub(crate) const fn blocks(len: usize) -> usize {
    len.div_ceil(BLOCK)
}

/// Quantizes rows of `row_len` activations, each into [`blocks`]`(row_len)` blocks.
pub(crate) fn quantize_rows(rows: &[f32], row_len: usize, out: &mut [ActivationBlock]) {
    let per_row = blocks(row_len);
    assert!(rows.len() / row_len * per_row == out.len(), "a place for every block");
    let rows_per_task = (1_usize << 14).div_ceil(row_len);
    crate::parallel::for_each_row(out, rows_per_task * per_row, |task, out| {
        let first = task * rows_per_task * row_len;
        let rows = &rows[first..first + out.len() / per_row * row_len];
        crate::isa::dispatch(quantize::QuantizeRows { rows, row_len, out });
    });
}
