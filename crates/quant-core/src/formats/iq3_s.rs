//! IQ3_S: groups of 4 weights from 512 entries, all signs, a 4-bit scale per 32 weights, 3.4375 bits per weight.

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::{grid, nibble, write_signed};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

pub(crate) struct Iq3S;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    entries: [u8; 64],
    /// The ninth bit of each entry.
    high: [u8; 8],
    signs: [u8; 32],
    scales: [u8; 4],
}

impl BlockFormat for Iq3S {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq3_s", 21, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (group, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let step = d * (1.0 + 2.0 * f32::from(nibble(&block.scales, group / 8)));
            let high = (block.high[group / 8] >> (group % 8)) & 1;
            let entry = usize::from(block.entries[group]) | usize::from(high) << 8;
            write_signed(step, &grid::IQ3_S[entry], nibble(&block.signs, group), out);
        }
    }
}
