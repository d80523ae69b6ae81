//! What a block of rows adds to the sums of tokens: all of it multiply–adds in lanes of tokens.

use super::{Avx512, proven};
use crate::activations::{BLOCK, QUAD, STRIPS, TokenPanel};
use crate::isa::PANEL_ROWS;
use crate::kernel::{PanelRow, Spans};
#[allow(clippy::wildcard_imports, reason = "intrinsics are a language of their own")]
use std::arch::x86_64::*;

/// Quads in 16 columns.
pub(super) const QUADS_PER_HALF: usize = Spans::HALF / QUAD;

/// A register for each row and panel: lanes are tokens.
pub(super) type Lanes<T, const P: usize> = [[T; PANEL_ROWS]; P];

/// Adds the rows' offsets times the sums of the columns that share them.
#[inline(always)]
pub(super) fn add_offsets<const P: usize, const OFFSETS: usize>(
    _: Avx512,
    rows: &[PanelRow; PANEL_ROWS],
    panels: [&TokenPanel; P],
    totals: &mut Lanes<__m512, P>,
) {
    for group in 0..BLOCK / OFFSETS {
        for row in 0..PANEL_ROWS {
            let offset = proven!(_mm512_set1_ps(rows[row].offsets[group]));
            for panel in 0..P {
                let x = match OFFSETS {
                    Spans::HALF => &panels[panel].half_sums[group],
                    Spans::STRIP => &panels[panel].strip_sums[group],
                    _ => &panels[panel].sums,
                };
                let x = proven!(_mm512_load_ps(x.as_ptr()));
                totals[panel][row] = proven!(_mm512_fmadd_ps(offset, x, totals[panel][row]));
            }
        }
    }
}

/// Products with codes.
#[inline(always)]
pub(super) fn unscaled<const P: usize>(
    isa: Avx512,
    rows: &[PanelRow; PANEL_ROWS],
    panels: [&TokenPanel; P],
) -> Lanes<__m512, P> {
    let mut totals = [[proven!(_mm512_setzero_ps()); PANEL_ROWS]; P];
    for k in 0..STRIPS {
        let products = products::<P, { 2 * QUADS_PER_HALF }>(isa, rows, panels, k, 0);
        for panel in 0..P {
            let x = proven!(_mm512_load_ps(panels[panel].scales[k].as_ptr()));
            for row in 0..PANEL_ROWS {
                let products = proven!(_mm512_cvtepi32_ps(products[panel][row]));
                totals[panel][row] = proven!(_mm512_fmadd_ps(products, x, totals[panel][row]));
            }
        }
    }
    totals
}

/// Adds products with codes times scales, which so many quads of columns share.
///
/// Sums begin at the bits of [`MAGIC`], so that they are floats already: MAGIC + products. Times a scale, with MAGIC
/// times the scale taken off in the same instruction, they need no conversion.
#[inline(always)]
pub(super) fn add_scaled<const P: usize, const QUADS: usize>(
    isa: Avx512,
    rows: &[PanelRow; PANEL_ROWS],
    panels: [&TokenPanel; P],
    totals: &mut Lanes<__m512, P>,
) {
    let mut scales = [[[0.0_f32; 2 * STRIPS]; 2]; PANEL_ROWS];
    for (row, [scales, corrections]) in rows.iter().zip(&mut scales) {
        // Without the last bits MAGIC times a scale is exact. The weight changes by less than 10⁻⁶ of itself.
        let short =
            proven!(_mm512_and_si512(_mm512_loadu_si512(row.scales.as_ptr().cast()), _mm512_set1_epi32(!7)));
        let short = proven!(_mm512_castsi512_ps(short));
        proven!(_mm512_storeu_ps(scales.as_mut_ptr(), short));
        let correction = proven!(_mm512_mul_ps(short, _mm512_set1_ps(-MAGIC)));
        proven!(_mm512_storeu_ps(corrections.as_mut_ptr(), correction));
    }
    for group in 0..BLOCK / QUAD / QUADS {
        let products = products::<P, QUADS>(isa, rows, panels, group, MAGIC.to_bits().cast_signed());
        let strip = group * QUADS / (2 * QUADS_PER_HALF);
        for row in 0..PANEL_ROWS {
            let scale = proven!(_mm512_set1_ps(scales[row][0][group]));
            let correction = proven!(_mm512_set1_ps(scales[row][1][group]));
            for panel in 0..P {
                let products = proven!(_mm512_castsi512_ps(products[panel][row]));
                let weighted = proven!(_mm512_fmadd_ps(products, scale, correction));
                let x = proven!(_mm512_load_ps(panels[panel].scales[strip].as_ptr()));
                totals[panel][row] = proven!(_mm512_fmadd_ps(weighted, x, totals[panel][row]));
            }
        }
    }
}

/// 1.5 · 2²³: adding an integer below 2²² in magnitude to its bits adds the integer to its value. 32 products of codes to
/// 255 and activations to 127 are below.
const MAGIC: f32 = 12_582_912.0;

/// Products of the `index`th so many quads of columns, and `start`.
#[inline(always)]
fn products<const P: usize, const QUADS: usize>(
    _: Avx512,
    rows: &[PanelRow; PANEL_ROWS],
    panels: [&TokenPanel; P],
    index: usize,
    start: i32,
) -> Lanes<__m512i, P> {
    let mut products = [[proven!(_mm512_set1_epi32(start)); PANEL_ROWS]; P];
    for quad in 0..QUADS {
        let quad = index * QUADS + quad;
        for row in 0..PANEL_ROWS {
            let codes = &rows[row].codes[quad * QUAD..][..QUAD];
            let codes = i32::from_le_bytes([codes[0], codes[1], codes[2], codes[3]]);
            let codes = proven!(_mm512_set1_epi32(codes));
            for panel in 0..P {
                let x = proven!(_mm512_load_si512(panels[panel].codes[quad].as_ptr().cast()));
                products[panel][row] = proven!(_mm512_dpbusd_epi32(products[panel][row], codes, x));
            }
        }
    }
    products
}
