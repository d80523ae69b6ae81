//! Scalar grids: a block's weights are a scale times levels that never change.
//!
//! All of pibit's own scalar formats are such grids. They differ in their levels and in how the scale is chosen, so
//! both are data here, and a format is a few lines.

mod encode;
mod scale;
mod scaled;
mod search;

pub(crate) use encode::GridEncoder;
pub(crate) use scale::{ScaleRule, Statistic};

use crate::block::BlockFormat;
use crate::formats::{read_f16, write_f16};
use crate::kernel::one_scale::{Parts, ShortParts};
use crate::planes::{code_bytes, lengthen_codes, read_codes};
use domain_types::{QuantFormat, RowRule};

/// The longest block of a grid format.
const MAX_BLOCK: usize = 256;

/// Bytes of a block's header: the scale as an F16.
pub(crate) const HEADER: usize = 2;

/// Rows are whole granules of this many weights; the last block of a row may be short.
const GRANULE: usize = 32;

/// A format whose blocks are an F16 scale and a code per weight: all that a format of this kind has to say.
pub(crate) trait GridFormat: Send + Sync + 'static {
    /// The format's name.
    const ID: &'static str;

    /// Weights in a full block.
    const BLOCK_LEN: usize;

    /// Bits of a code.
    const BITS: usize;

    /// The levels. Code i stands for level i.
    const GRID: Grid;

    /// The weight that a code stands for: scale × level, in the arithmetic that the format promises.
    fn value(code: u8, scale: f32) -> f32;
}

impl<F: GridFormat> BlockFormat for F {
    const FORMAT: QuantFormat = QuantFormat::new(
        F::ID,
        F::BLOCK_LEN,
        HEADER + code_bytes(F::BITS, F::BLOCK_LEN),
        RowRule::ShortTail {
            granule: GRANULE,
            granule_bytes: code_bytes(F::BITS, GRANULE),
            header_bytes: HEADER,
        },
    );

    const LEVELS: Option<&'static [f32]> = Some(F::GRID.levels);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let mut codes = [0; MAX_BLOCK];
        let codes = &mut codes[..out.len()];
        read_codes(F::BITS, &bytes[HEADER..], codes);
        let scale = read_f16(bytes);
        for (out, code) in out.iter_mut().zip(codes) {
            *out = F::value(*code, scale);
        }
    }

    fn rescale_block(bytes: &mut [u8], factor: f32) {
        write_f16(bytes, read_f16(bytes) * factor);
    }

    fn block_step(bytes: &[u8]) -> Option<f32> {
        Some(F::GRID.widest_gap() * read_f16(bytes).abs())
    }
}

/// Levels in ascending order, one of which is zero. A negative scale mirrors them.
pub(crate) struct Grid {
    levels: &'static [f32],
}

impl Grid {
    pub(crate) const fn new(levels: &'static [f32]) -> Self {
        Self { levels }
    }

    /// How many levels there are.
    pub(crate) fn len(&self) -> usize {
        self.levels.len()
    }

    /// The code of level zero.
    fn zero(&self) -> usize {
        self.levels.iter().position(|&l| l == 0.0).expect("every grid has a zero")
    }

    /// Where rounding changes from level `code` to the next.
    fn threshold(&self, code: usize) -> f32 {
        0.5 * (self.levels[code] + self.levels[code + 1])
    }

    /// Whether a mirrored grid is the same grid.
    fn is_symmetric(&self) -> bool {
        self.levels.iter().zip(self.levels.iter().rev()).all(|(a, b)| *a == -b)
    }

    /// The largest distance between neighbouring levels.
    pub(crate) fn widest_gap(&self) -> f32 {
        self.levels.windows(2).fold(0.0, |widest, pair| widest.max(pair[1] - pair[0]))
    }

    /// The codes of the levels nearest to `weights` at this scale; the lower one half-way between two.
    fn nearest(&self, weights: &[f32], scale: f32, codes: &mut [u8]) {
        let inverse = if scale == 0.0 { 0.0 } else { scale.recip() };
        codes.fill(0);
        for lower in 0..self.len() - 1 {
            let threshold = self.threshold(lower);
            for (code, w) in codes.iter_mut().zip(weights) {
                *code += u8::from(w * inverse > threshold);
            }
        }
    }
}

/// A full block of 256 codes of 2 or 3 bits, for integer products.
#[inline(always)]
pub(crate) fn parts<F: GridFormat>(block: &[u8]) -> Parts<'_> {
    let (low, high) = block[HEADER..].split_first_chunk().expect("a full block");
    Parts { scale: [block[0], block[1]], low, high: high.first_chunk() }
}

/// A short block of codes of 2 or 3 bits.
#[inline(always)]
pub(crate) fn short_parts<F: GridFormat>(block: &[u8]) -> ShortParts<'_> {
    let codes = &block[HEADER..];
    let (low, high) = codes.split_at(codes.len() * 2 / F::BITS);
    ShortParts { scale: [block[0], block[1]], low, high }
}

/// A short block's scale and codes as a full block has them.
#[inline(always)]
pub(crate) fn lengthen<F: GridFormat>(short: &[u8], full: &mut [u8]) {
    let ((scale, codes), (full_scale, full_codes)) = (short.split_at(HEADER), full.split_at_mut(HEADER));
    full_scale.copy_from_slice(scale);
    lengthen_codes(F::BITS, codes, full_codes);
}

/// The codes of a full block of 256.
pub(crate) fn codes_of(bits: usize, block: &[u8]) -> [u8; MAX_BLOCK] {
    let mut codes = [0; MAX_BLOCK];
    read_codes(bits, &block[HEADER..], &mut codes);
    codes
}
