//! IQ1_M: groups of 8 ternary weights from 2,048 entries, each with a shift, a 3-bit scale per 16 weights, 1.75 bits per
//! weight. w = d·(2·scale + 1)·(entry ± ⅛).

use crate::block::BlockFormat;
use crate::formats::ggml::{self, SUPER_BLOCK};
use crate::formats::i_quant::{grid, nibble, write_shifted};
use crate::formats::read_f16;
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

pub(crate) struct Iq1M;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    entries: [u8; 32],
    /// A nibble per group: 3 high bits of the entry, whether the shift is down.
    high: [u8; 16],
    /// Little-endian: four scales of 3 bits, then a quarter of the F16 d.
    scales: [[u8; 2]; 4],
}

impl BlockFormat for Iq1M {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq1_m", 29, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let scales = block.scales.map(u16::from_le_bytes);
        let d = scales.iter().rev().fold(0, |d, quarter| d << 4 | quarter >> 12);
        let d = read_f16(&d.to_le_bytes());
        for (group, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let scale = (scales[group / 8] >> (3 * (group / 2 % 4))) & 7;
            let high = nibble(&block.high, group);
            let entry = usize::from(block.entries[group]) | usize::from(high & 7) << 8;
            write_shifted(d * f32::from(2 * scale + 1), grid::IQ1[entry], high & 8 != 0, out);
        }
    }
}
