//! IQ2_XS: groups of 8 weights from 512 entries, a 4-bit scale per 16 weights, 2.3125 bits per weight.

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::{even_signs, grid, nibble, write_signed};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Iq2Xs;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    /// Per group, little-endian: 9 bits of entry, 7 bits of signs.
    groups: [[u8; 2]; 32],
    scales: [u8; 8],
}

impl BlockFormat for Iq2Xs {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq2_xs", 17, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (group, (out, bits)) in out.as_chunks_mut::<8>().0.iter_mut().zip(block.groups).enumerate() {
            let step = d * (0.5 + f32::from(nibble(&block.scales, group / 2))) * 0.25;
            let bits = u16::from_le_bytes(bits);
            let entry = &grid::IQ2_XS[usize::from(bits & 511)];
            write_signed(step, entry, even_signs(u32::from(bits >> 9)), out);
        }
    }
}
