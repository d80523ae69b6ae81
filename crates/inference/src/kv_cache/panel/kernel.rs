//! Products with a panel and its decoding, straight from the codes.

use super::{BLOCK, Columns, Panel, Steps};
use crate::vectorized::vectorized;
use half::slice::HalfFloatSliceExt;

/// Rows whose factors are made together.
const CHUNK: usize = 32;
/// Codes that a shift and a mask give at once.
const LANES: usize = 8;
/// Rows of the left matrix that share the unpacking.
const MOST: usize = 4;

vectorized! {
    /// See [`Panel::add_product`].
    pub(super) fn add_product(panel: &Panel<'_>, left: &[f32], from: Columns, out: &mut [f32], to: Columns) {
        match panel.shape.bits {
            2 => with_parts::<4>(panel, left, from, out, to),
            4 => with_parts::<2>(panel, left, from, out, to),
            _ => with_parts::<1>(panel, left, from, out, to),
        }
    }
}

vectorized! {
    /// See [`Panel::decode`].
    pub(super) fn decode(panel: &Panel<'_>, out: &mut [f32], to: Columns) {
        match panel.shape.bits {
            2 => decode_parts::<4>(panel, out, to),
            4 => decode_parts::<2>(panel, out, to),
            _ => decode_parts::<1>(panel, out, to),
        }
    }
}

/// Steps and offsets in F32.
#[inline(always)]
fn scales(panel: &Panel<'_>) -> ([f32; BLOCK], [f32; BLOCK]) {
    let (mut steps, mut offsets) = ([0.0; BLOCK], [0.0; BLOCK]);
    panel.steps.convert_to_f32_slice(&mut steps);
    panel.offsets.convert_to_f32_slice(&mut offsets);
    (steps, offsets)
}

/// `PARTS` codes lie in a byte.
#[inline(always)]
fn with_parts<const PARTS: usize>(
    panel: &Panel<'_>,
    left: &[f32],
    from: Columns,
    out: &mut [f32],
    to: Columns,
) {
    let (steps, offsets) = scales(panel);
    let rows = panel.shape.rows.min(from.stride - from.first);
    for (left, out) in left.chunks(MOST * from.stride).zip(out.chunks_mut(MOST * to.stride)) {
        for first in (0..rows).step_by(CHUNK) {
            let chunk =
                Chunk { panel, steps: &steps, offsets: &offsets, first, end: rows.min(first + CHUNK) };
            match left.len() / from.stride {
                1 => chunk.add_product::<PARTS, 1>(left, from, out, to),
                2 => chunk.add_product::<PARTS, 2>(left, from, out, to),
                3 => chunk.add_product::<PARTS, 3>(left, from, out, to),
                _ => chunk.add_product::<PARTS, MOST>(left, from, out, to),
            }
        }
    }
}

/// Some rows of a panel.
struct Chunk<'a> {
    panel: &'a Panel<'a>,
    steps: &'a [f32; BLOCK],
    offsets: &'a [f32; BLOCK],
    first: usize,
    end: usize,
}

impl Chunk<'_> {
    /// Steps per row are folded into the left factors and steps per lane into the result, so that the loop over codes
    /// is a plain sum of products; offsets come to one number per left row.
    #[inline(always)]
    fn add_product<const PARTS: usize, const N: usize>(
        &self,
        left: &[f32],
        from: Columns,
        out: &mut [f32],
        to: Columns,
    ) {
        let per_row = self.panel.shape.steps == Steps::PerRow;
        let (mut factors, mut bias) = ([[0.0; N]; CHUNK], [0.0; N]);
        for n in 0..N {
            let start = n * from.stride + from.first;
            for (r, x) in left[start + self.first..start + self.end].iter().enumerate() {
                let (step, offset) = if per_row {
                    (self.steps[self.first + r], self.offsets[self.first + r])
                } else {
                    (1.0, 1.0)
                };
                factors[r][n] = x * step;
                bias[n] += x * offset;
            }
        }
        for strip in 0..self.panel.shape.row_bytes() / 8 {
            for part in (0..PARTS).step_by(2) {
                let lane = (strip * PARTS + part) * LANES;
                if PARTS == 1 {
                    let sums = self.sums::<PARTS, 1, N>(strip, part, &factors);
                    self.add_sums(lane, &sums, &bias, out, to);
                } else {
                    let sums = self.sums::<PARTS, 2, N>(strip, part, &factors);
                    self.add_sums(lane, &sums, &bias, out, to);
                }
            }
        }
    }

    /// Σ_r factors[r][n] · code(r, lane) for the lanes of `TAKEN` parts of a strip: few enough to stay in registers.
    #[inline(always)]
    fn sums<const PARTS: usize, const TAKEN: usize, const N: usize>(
        &self,
        strip: usize,
        part: usize,
        factors: &[[f32; N]; CHUNK],
    ) -> [[[f32; LANES]; TAKEN]; N] {
        let row_bytes = self.panel.shape.row_bytes();
        let codes = &self.panel.codes[self.first * row_bytes..self.end * row_bytes];
        let mut sums = [[[0.0; LANES]; TAKEN]; N];
        for (row, factors) in codes.chunks_exact(row_bytes).zip(factors) {
            let bytes = &row.as_chunks::<8>().0[strip];
            for taken in 0..TAKEN {
                let code = unpack::<PARTS>(bytes, part + taken);
                for n in 0..N {
                    for lane in 0..LANES {
                        sums[n][taken][lane] += factors[n] * code[lane];
                    }
                }
            }
        }
        sums
    }

    /// Adds the sums of the lanes from `lane` on to `out`.
    #[inline(always)]
    fn add_sums<const TAKEN: usize, const N: usize>(
        &self,
        lane: usize,
        sums: &[[[f32; LANES]; TAKEN]; N],
        bias: &[f32; N],
        out: &mut [f32],
        to: Columns,
    ) {
        for n in 0..N {
            let out = &mut out[n * to.stride..(n + 1) * to.stride];
            let out = out.get_mut(to.first + lane..).unwrap_or_default().iter_mut();
            let sums = sums[n].as_flattened().iter();
            if self.panel.shape.steps == Steps::PerRow {
                out.zip(sums).for_each(|(o, sum)| *o += sum + bias[n]);
            } else {
                let scales = self.steps[lane..].iter().zip(&self.offsets[lane..]);
                let terms = sums.zip(scales).map(|(sum, (step, offset))| sum * step + bias[n] * offset);
                out.zip(terms).for_each(|(o, term)| *o += term);
            }
        }
    }
}

#[inline(always)]
fn unpack<const PARTS: usize>(bytes: &[u8; 8], part: usize) -> [f32; LANES] {
    let bits = 8 / PARTS as u32;
    let mask = (1 << bits) - 1;
    std::array::from_fn(|lane| ((i32::from(bytes[lane]) >> (part as u32 * bits)) & mask) as f32)
}

#[inline(always)]
fn decode_parts<const PARTS: usize>(panel: &Panel<'_>, out: &mut [f32], to: Columns) {
    let (steps, offsets) = scales(panel);
    let per_row = panel.shape.steps == Steps::PerRow;
    let rows = panel.codes.chunks_exact(panel.shape.row_bytes()).zip(out.chunks_exact_mut(to.stride));
    for (r, (row, out)) in rows.enumerate() {
        let strips = row.as_chunks::<8>().0.iter();
        let codes = strips.flat_map(|bytes| (0..PARTS).map(move |part| unpack::<PARTS>(bytes, part)));
        for (eight, (index, codes)) in out[to.first..].chunks_mut(LANES).zip(codes.enumerate()) {
            for (lane, (o, code)) in eight.iter_mut().zip(codes).enumerate() {
                let at = if per_row { r } else { index * LANES + lane };
                *o = offsets[at] + steps[at] * code;
            }
        }
    }
}
