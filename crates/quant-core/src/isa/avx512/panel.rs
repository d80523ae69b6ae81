//! Prefill with VPDPBUSD: a lane per token.

mod products;

use super::Avx512;
use crate::activations::TokenPanel;
use crate::isa::{PANEL_ROWS, PanelIsa, PanelKernel, PanelSums};
use crate::kernel::{PanelRow, Spans};
use products::{QUADS_PER_HALF, add_offsets, add_scaled, unscaled};
#[allow(clippy::wildcard_imports, reason = "intrinsics are a language of their own")]
use std::arch::x86_64::*;

/// Uses instructions that the token proves.
macro_rules! proven {
    ($op:expr) => {
        // SAFETY: the method has a token, so the processor has these sets. Loads and stores are of arrays of their width.
        unsafe { $op }
    };
}
use proven;

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
    fn fold(self, codes: __m512i, zero: u8, multipliers: __m512i) -> __m512i {
        let codes = proven!(_mm512_sub_epi8(_mm512_set1_epi8(zero.cast_signed()), codes));
        // Two codes per lane, each multiplied apart from the other. Modulo 256 signs do not matter.
        let low = proven!(_mm512_set1_epi16(0x00FF));
        let second = proven!(_mm512_mullo_epi16(_mm512_andnot_si512(low, codes), multipliers));
        let first = proven!(_mm512_mullo_epi16(codes, multipliers));
        self.unsigned(proven!(_mm512_mask_mov_epi8(second, 0x5555_5555_5555_5555, first)))
    }

    #[inline(always)]
    fn add_panels<const SCALES: usize, const OFFSETS: usize>(
        self,
        rows: &[PanelRow; PANEL_ROWS],
        panels: &[TokenPanel],
        sums: &mut [PanelSums],
    ) {
        match (panels, sums) {
            ([first, second], [to_first, to_second]) => {
                add::<2, SCALES, OFFSETS>(self, rows, [first, second], &mut [to_first, to_second]);
            }
            ([only], [to_only]) => add::<1, SCALES, OFFSETS>(self, rows, [only], &mut [to_only]),
            _ => unreachable!("callers pass one or two panels"),
        }
    }
}

/// The body for `P` panels: every broadcast of codes serves all of them.
#[inline(always)]
fn add<const P: usize, const SCALES: usize, const OFFSETS: usize>(
    isa: Avx512,
    rows: &[PanelRow; PANEL_ROWS],
    panels: [&TokenPanel; P],
    sums: &mut [&mut PanelSums; P],
) {
    let mut totals = [[proven!(_mm512_setzero_ps()); PANEL_ROWS]; P];
    for panel in 0..P {
        for row in 0..PANEL_ROWS {
            totals[panel][row] = proven!(_mm512_loadu_ps(sums[panel][row].as_ptr()));
        }
    }
    add_offsets::<P, OFFSETS>(isa, rows, panels, &mut totals);
    match SCALES {
        Spans::BLOCK => {
            let products = unscaled(isa, rows, panels);
            for panel in 0..P {
                for row in 0..PANEL_ROWS {
                    let scale = proven!(_mm512_set1_ps(rows[row].scales[0]));
                    let total = totals[panel][row];
                    totals[panel][row] = proven!(_mm512_fmadd_ps(scale, products[panel][row], total));
                }
            }
        }
        Spans::STRIP => add_scaled::<P, { 2 * QUADS_PER_HALF }>(isa, rows, panels, &mut totals),
        _ => add_scaled::<P, QUADS_PER_HALF>(isa, rows, panels, &mut totals),
    }
    for panel in 0..P {
        for row in 0..PANEL_ROWS {
            proven!(_mm512_storeu_ps(sums[panel][row].as_mut_ptr(), totals[panel][row]));
        }
    }
}
