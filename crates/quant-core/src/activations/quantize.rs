//! F32 to 8 bits.

use super::{ActivationBlock, BLOCK, IN_PLACE, MAX_MULTIPLIER, STRIPS, blocks, pairs_in_place};
use crate::isa::{Isa, Kernel, STRIP};

/// Plain loops, compiled for each instruction set.
pub(super) struct QuantizeRows<'a> {
    pub(super) rows: &'a [f32],
    pub(super) row_len: usize,
    pub(super) out: &'a mut [ActivationBlock],
}

impl Kernel for QuantizeRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let rows = self.rows.chunks_exact(self.row_len);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(blocks(self.row_len))) {
            let (whole, rest) = row.as_chunks::<BLOCK>();
            let (full, last) = out.split_at_mut(whole.len());
            for (x, block) in whole.iter().zip(full) {
                quantize(x, block);
            }
            for block in last {
                let mut padded = [0.0; BLOCK];
                padded[..rest.len()].copy_from_slice(rest);
                quantize(&padded, block);
            }
        }
    }
}

/// Lanes of a row's sums.
const LANES: f32 = 8.0;

#[inline(always)]
fn quantize(x: &[f32; BLOCK], block: &mut ActivationBlock) {
    let groups: &[[f32; STRIP]; STRIPS] = x.as_chunks().0.try_into().expect("256 are 8 · 32");
    let mut largest = [0.0_f32; STRIPS];
    for (largest, group) in largest.iter_mut().zip(groups) {
        *largest = magnitude(group);
    }
    let of_block = largest.iter().fold(0.0_f32, |a, &b| a.max(b));
    let finite = x.iter().fold(true, |finite, x| finite & x.is_finite());
    // The block's largest value gets the largest multiplier. A row with a NaN or an infinity must not look sound.
    block.scale = if finite { of_block / (127.0 * f32::from(MAX_MULTIPLIER)) } else { f32::NAN };
    if block.scale.is_nan() || block.scale < f32::MIN_POSITIVE {
        *block = ActivationBlock { scale: block.scale * 0.0, ..ActivationBlock::ZERO };
        return;
    }
    block.sum = 0;
    for (k, group) in groups.iter().enumerate() {
        let multiplier = (largest[k] / of_block * f32::from(MAX_MULTIPLIER)).ceil().max(1.0);
        let codes = &mut block.codes[k];
        let [even, odd] = encode(group, (block.scale * multiplier).recip(), codes);
        block.multipliers[k] = multiplier as i16;
        block.pairs[k] = multiplier as i32 * 0x0001_0001;
        block.strip_sums[k] = (even + odd) * multiplier as i32;
        block.sum += block.strip_sums[k];
        block.half_sums[k] = block.scale * multiplier * even as f32;
        block.half_sums[STRIPS + k] = block.scale * multiplier * odd as f32;
    }
    block.pairs_in_place = pairs_in_place(block.multipliers);
    block.scale_in_place = block.scale / IN_PLACE[0] as f32;
    block.offsets = [1.0, 2.0, 4.0].map(|offset| -offset / LANES * block.scale * block.sum as f32);
}

/// The largest magnitude; NaNs are not seen.
#[inline(always)]
fn magnitude(x: &[f32; STRIP]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for eight in x.as_chunks::<8>().0 {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane = if x.abs() > *lane { x.abs() } else { *lane };
        }
    }
    lanes.iter().fold(0.0, |a, &b| if b > a { b } else { a })
}

/// Codes of a group, and the sums of its two halves.
#[inline(always)]
fn encode(x: &[f32; STRIP], inverse: f32, codes: &mut [i8; STRIP]) -> [i32; 2] {
    /// Adding it leaves an integer of the right rounding in the low bits of the sum.
    const TO_INTEGER: f32 = 12_582_912.0; // 1.5 · 2²³
    let mut sums = [0; 2];
    for (i, (code, x)) in codes.iter_mut().zip(x).enumerate() {
        *code = (x * inverse + TO_INTEGER).to_bits() as i8;
        sums[i / 16] += i32::from(*code);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::quantize_rows;
    use super::*;
    use crate::testing::normal;

    fn decoded(row: &[f32]) -> Vec<f32> {
        let mut out = vec![ActivationBlock::ZERO; blocks(row.len())];
        quantize_rows(row, row.len(), &mut out);
        let value = |(b, k, code): (&ActivationBlock, usize, i8)| {
            b.scale * f32::from(b.multipliers[k]) * f32::from(code)
        };
        let codes =
            out.iter().flat_map(|b| (0..BLOCK).map(move |i| (b, i / STRIP, b.codes[i / STRIP][i % STRIP])));
        codes.map(value).take(row.len()).collect()
    }

    #[test]
    fn error_is_half_a_step_of_the_group() {
        let mut x = normal(608);
        x[70] = 40.0;
        x[300] = -3000.0;
        for (group, (x, y)) in x.chunks(STRIP).zip(decoded(&x).chunks(STRIP)).enumerate() {
            let largest = x.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            let block_largest = if group < 8 {
                40.0
            } else if group < 16 {
                3000.0
            } else {
                largest.max(4.0)
            };
            // rounding the multiplier up adds at most 1/255 of the block's largest value
            let step = (largest + block_largest / f32::from(MAX_MULTIPLIER)) / 127.0;
            for (x, y) in x.iter().zip(y) {
                assert!((x - y).abs() <= 0.5001 * step, "group {group}: {x} became {y}, step {step}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_codes() {
        let x = normal(BLOCK);
        let mut out = [ActivationBlock::ZERO];
        quantize_rows(&x, BLOCK, &mut out);
        let y = decoded(&x);
        for k in 0..STRIPS {
            let sum: f32 = y[k * STRIP..][..STRIP].iter().sum();
            assert!((out[0].half_sums[k] + out[0].half_sums[STRIPS + k] - sum).abs() < 1e-4);
            assert!((out[0].scale * out[0].strip_sums[k] as f32 - sum).abs() < 1e-4);
        }
        assert!((out[0].scale * out[0].sum as f32 - y.iter().sum::<f32>()).abs() < 1e-3);
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = normal(64);
            x[5] = bad;
            assert!(decoded(&x)[..64].iter().all(|y| y.is_nan()));
        }
        assert!(decoded(&[0.0; 64]).iter().all(|y| *y == 0.0));
    }
}
