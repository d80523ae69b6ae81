//! Least-squares scale.

use super::{Block, Iq4Nl, VALUES};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, Levels};
use crate::formats::ggml::{Half, array, interleave};

/// Half-units from −128 to 128: all points half-way between two values are whole half-units.
const NEAREST_LEN: usize = 512;

/// The code of the value nearest to `(i − 256) / 2`.
static NEAREST: [u8; NEAREST_LEN] = nearest_codes();

const fn nearest_codes() -> [u8; NEAREST_LEN] {
    let mut codes = [0; NEAREST_LEN];
    let (mut i, mut code) = (0, 0);
    while i < NEAREST_LEN {
        let x = (i as f32 - 256.0) / 2.0;
        while code < 15 && x >= f32::midpoint(VALUES[code], VALUES[code + 1]) {
            code += 1;
        }
        codes[i] = code as u8;
        i += 1;
    }
    codes
}

/// The table's values as levels of a fit.
#[derive(Clone, Copy)]
pub(crate) struct Table;

impl Table {
    #[inline]
    pub(crate) fn code(x: f32) -> u8 {
        // The cast saturates, so the index stays inside for any number.
        let index = (x * 2.0 + 256.0).clamp(0.0, (NEAREST_LEN - 1) as f32) as usize;
        NEAREST[index]
    }
}

impl Levels for Table {
    fn ends(self) -> [f32; 2] {
        [VALUES[0], VALUES[15]]
    }

    #[inline]
    fn nearest(self, x: f32) -> f32 {
        VALUES[usize::from(Self::code(x))]
    }
}

impl BlockEncoder for Iq4Nl {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let weights = array::<_, 32>(weights);
        block.d = Half::new(fit::scale(weights, &fit::error_weights(importance), Table));
        let inverse = fit::inverse(block.d.get());
        interleave::pack::<4, 16>(&weights.map(|w| Table::code(w * inverse)), &mut block.codes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_finds_the_nearest_value() {
        for i in -3000..3000 {
            let x = i as f32 / 17.0;
            let least = VALUES.iter().map(|v| (v - x).abs()).fold(f32::INFINITY, f32::min);
            assert_eq!((Table.nearest(x) - x).abs(), least, "{x}");
        }
    }
}
