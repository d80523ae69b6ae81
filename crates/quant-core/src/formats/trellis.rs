//! T1 to T4: bitshift trellis codes that a byte shuffle decodes (QTIP, Tseng et al. 2024, arXiv:2406.11235).
//!
//! The codes of a column are one string of bits, k for each row. The weight of row i is a function of the window of L
//! bits from bit k·i on, so neighbouring weights share bits and an encoder can choose among 2^L values with k bits per
//! weight. The function is a sum of tables of 16 entries, each read with four bits of the window:
//!
//! > weight = scale(row) · (Σ table\[four bits of the window\] − offset)
//!
//! Columns run *down* the matrix and their strings end where they begin (tail-biting); [`layout`] says where bits lie.

mod codec;
mod encode;
mod fused;
mod layout;
mod lone;
mod quantizer;
mod scaled;
mod tiers;
mod viterbi;

pub(crate) use codec::TrellisCodec;
pub(crate) use fused::FusedTrellisCodec;
pub(crate) use quantizer::make;
pub(crate) use scaled::scaled;
pub(crate) use tiers::{T1, T2, T2L8, T2L12, T3, T3L10, T3L12, T4, T4L12};

use domain_types::{QuantFormat, RowRule};

/// Columns come in multiples of this: a vector of bytes.
const COLUMNS: usize = 32;

/// Rows come in multiples of this: whole bytes for every k, and long enough for any window.
const ROWS: usize = 32;

/// Bytes of a row's scale, an F16.
const SCALE_BYTES: usize = 2;

/// A trellis code: all that a format of this kind has to say.
pub(crate) trait Trellis: Send + Sync + 'static {
    /// The format's name.
    const ID: &'static str;

    /// k, the bits that each weight adds to the string.
    const BITS: usize;

    /// The tables whose sum is the value of a window, in order of their shifts.
    const TABLES: &'static [Table];

    /// The scale that suits weights of unit variance: one step of the sum.
    const UNIT: f32;

    /// L, the bits that a weight depends on.
    const WINDOW: usize = Self::TABLES[Self::TABLES.len() - 1].shift + 4;

    /// Half the largest sum: what is taken off to make the values symmetric.
    const OFFSET: f32 = offset(Self::TABLES);

    /// The format's descriptor.
    const FORMAT: QuantFormat = QuantFormat::new(
        Self::ID,
        COLUMNS,
        COLUMNS * Self::BITS / 8,
        RowRule::RowsDown { row_group: ROWS, header_bytes: SCALE_BYTES },
    );

    /// The value of a window in steps. Bits above the window are ignored.
    #[inline(always)]
    fn value(window: u32) -> f32 {
        let sum: u8 = Self::TABLES.iter().map(|table| table.entry(window)).sum();
        f32::from(sum) - Self::OFFSET
    }
}

/// Sixteen entries, read with four bits of a window.
///
/// Entries mirror each other, `entry[15 − n] = top − entry[n]`, so that a string of inverted bits decodes to negative
/// weights. Tables trained under this condition came out better than free ones: there is half as much to learn.
pub(crate) struct Table {
    /// Where the four bits begin.
    shift: usize,
    entries: [u8; 16],
}

impl Table {
    /// A table from its first half.
    const fn mirrored(shift: usize, top: u8, half: [u8; 8]) -> Self {
        let mut entries = [0; 16];
        let mut n = 0;
        while n < 8 {
            entries[n] = half[n];
            entries[15 - n] = top - half[n];
            n += 1;
        }
        Self { shift, entries }
    }

    #[inline(always)]
    fn entry(&self, window: u32) -> u8 {
        self.entries[(window >> self.shift & 15) as usize]
    }
}

const fn offset(tables: &[Table]) -> f32 {
    let (mut sum, mut i) = (0.0, 0);
    while i < tables.len() {
        sum += (tables[i].entries[0] + tables[i].entries[15]) as f32;
        i += 1;
    }
    sum / 2.0
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod train;
