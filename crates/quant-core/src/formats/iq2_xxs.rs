//! IQ2_XXS: groups of 8 weights from 256 entries, a 4-bit scale per 32 weights, 2.0625 bits per weight.

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::{even_signs, grid, write_signed};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Iq2Xxs;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    subs: [SubBlock; 8],
}

/// 32 weights.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SubBlock {
    entries: [u8; 4],
    /// Little-endian: four times 7 bits of signs, then the scale.
    signs_and_scale: [u8; 4],
}

impl BlockFormat for Iq2Xxs {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq2_xxs", 16, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (out, sub) in out.as_chunks_mut::<32>().0.iter_mut().zip(&block.subs) {
            let bits = u32::from_le_bytes(sub.signs_and_scale);
            let step = d * (0.5 + (bits >> 28) as f32) * 0.25;
            for (group, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                let entry = &grid::IQ2_XXS[usize::from(sub.entries[group])];
                write_signed(step, entry, even_signs(bits >> (7 * group)), out);
            }
        }
    }
}
