//! IQ1_S: groups of 8 ternary weights from 2,048 entries, a 3-bit scale and a shift per 32 weights, 1.5625 bits per
//! weight. w = d·(2·scale + 1)·(entry ± ⅛).

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::{grid, write_shifted};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

pub(crate) struct Iq1S;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    /// Of each sub-block of 32 weights.
    entries: [[u8; 4]; 8],
    /// Of each sub-block, little-endian: four times 3 high bits of an entry, the scale, whether the shift is down.
    high: [[u8; 2]; 8],
}

impl BlockFormat for Iq1S {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq1_s", 19, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let high = u16::from_le_bytes(block.high[sub]);
            let step = d * f32::from(2 * ((high >> 12) & 7) + 1);
            for (group, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                let upper = usize::from((high >> (3 * group)) & 7);
                let entry = grid::IQ1[usize::from(block.entries[sub][group]) | upper << 8];
                write_shifted(step, entry, high & 0x8000 != 0, out);
            }
        }
    }
}
