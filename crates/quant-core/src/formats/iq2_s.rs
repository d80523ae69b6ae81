//! IQ2_S: groups of 8 weights from 1,024 entries, all signs, a 4-bit scale per 16 weights, 2.5625 bits per weight.

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::{grid, nibble, write_signed};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

pub(crate) struct Iq2S;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    entries: [u8; 32],
    signs: [u8; 32],
    /// The two high bits of each entry, four to a byte.
    high: [u8; 8],
    scales: [u8; 8],
}

impl BlockFormat for Iq2S {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq2_s", 22, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (group, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let step = d * (0.5 + f32::from(nibble(&block.scales, group / 2))) * 0.25;
            let high = (block.high[group / 4] >> (2 * (group % 4))) & 3;
            let entry = usize::from(block.entries[group]) | usize::from(high) << 8;
            write_signed(step, &grid::IQ2_S[entry], block.signs[group], out);
        }
    }
}
