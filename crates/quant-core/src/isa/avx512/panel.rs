//! Prefill with VPDPBUSD: a lane per token.

use super::Avx512;
use crate::activations::{QUAD, STRIPS, TokenPanel};
use crate::isa::{Isa, PANEL_ROWS, PanelIsa, PanelKernel, PanelSums};
use crate::kernel::PanelRow;
#[allow(clippy::wildcard_imports, reason = "intrinsics are a language of their own")]
use std::arch::x86_64::*;

/// Quads in 16 columns.
const QUADS_PER_HALF: usize = 16 / QUAD;

/// Uses instructions that the token proves.
macro_rules! proven {
    ($op:expr) => {
        // SAFETY: the method has a token, so the processor has these sets. Loads and stores are of arrays of their width.
        unsafe { $op }
    };
}

impl PanelIsa for Avx512 {
    #[inline(always)]
    fn eval_panel<K: PanelKernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn with_avx512<K: PanelKernel>(isa: Avx512, kernel: K) {
            kernel.run(isa);
        }
        proven!(with_avx512(self, kernel));
    }

    #[inline(always)]
    fn store(self, strip: __m512i, [first, second]: [&mut [u8; 32]; 2]) {
        proven!(_mm256_storeu_si256(first.as_mut_ptr().cast(), _mm512_castsi512_si256(strip)));
        proven!(_mm256_storeu_si256(second.as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(strip)));
    }

    #[inline(always)]
    fn lanes(self, floats: __m512) -> [[f32; 8]; 2] {
        let mut lanes = [[0.0; 8]; 2];
        proven!(_mm512_storeu_ps(lanes.as_mut_ptr().cast(), floats));
        lanes
    }

    #[inline(always)]
    fn unsigned(self, codes: __m512i) -> __m512i {
        proven!(_mm512_xor_si512(codes, _mm512_set1_epi8(i8::MIN)))
    }

    #[inline(always)]
    fn add_panels<const PER_HALF: bool>(
        self,
        rows: &[PanelRow; PANEL_ROWS],
        panels: &[TokenPanel],
        sums: &mut [PanelSums],
    ) {
        match (panels, sums) {
            ([first, second], [to_first, to_second]) => {
                add::<2, PER_HALF>(self, rows, [first, second], &mut [to_first, to_second]);
            }
            ([only], [to_only]) => add::<1, PER_HALF>(self, rows, [only], &mut [to_only]),
            _ => unreachable!("callers pass one or two panels"),
        }
    }
}

/// The body for `P` panels: every broadcast of codes serves all of them.
#[inline(always)]
fn add<const P: usize, const PER_HALF: bool>(
    isa: Avx512,
    rows: &[PanelRow; PANEL_ROWS],
    panels: [&TokenPanel; P],
    sums: &mut [&mut PanelSums; P],
) {
    // Sums of a block under the rows' scales, or of all where scales are per half.
    let mut totals = [[isa.zero(); PANEL_ROWS]; P];
    for half in 0..2 * STRIPS {
        if !PER_HALF && half % 2 == 1 {
            continue;
        }
        let quads = half * QUADS_PER_HALF..(half + if PER_HALF { 1 } else { 2 }) * QUADS_PER_HALF;
        let mut products = [[proven!(_mm512_setzero_si512()); PANEL_ROWS]; P];
        for quad in quads {
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
        for panel in 0..P {
            let scale = proven!(_mm512_load_ps(panels[panel].scales[half / 2].as_ptr()));
            for row in 0..PANEL_ROWS {
                let products = proven!(_mm512_cvtepi32_ps(products[panel][row]));
                let scale = if PER_HALF {
                    proven!(_mm512_mul_ps(scale, _mm512_set1_ps(rows[row].scales[half])))
                } else {
                    scale
                };
                totals[panel][row] = proven!(_mm512_fmadd_ps(products, scale, totals[panel][row]));
            }
        }
    }
    for panel in 0..P {
        for row in 0..PANEL_ROWS {
            let to = &mut sums[panel][row];
            let mut sum = proven!(_mm512_loadu_ps(to.as_ptr()));
            let total = totals[panel][row];
            if PER_HALF {
                sum = proven!(_mm512_add_ps(sum, total));
                for half in 0..2 * STRIPS {
                    let x = proven!(_mm512_load_ps(panels[panel].half_sums[half].as_ptr()));
                    sum = proven!(_mm512_fmadd_ps(_mm512_set1_ps(rows[row].offsets[half]), x, sum));
                }
            } else {
                sum = proven!(_mm512_fmadd_ps(_mm512_set1_ps(rows[row].scales[0]), total, sum));
                let x = proven!(_mm512_load_ps(panels[panel].sums.as_ptr()));
                sum = proven!(_mm512_fmadd_ps(_mm512_set1_ps(rows[row].offsets[0]), x, sum));
            }
            proven!(_mm512_storeu_ps(to.as_mut_ptr(), sum));
        }
    }
}
