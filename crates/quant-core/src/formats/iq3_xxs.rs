//! IQ3_XXS: groups of 4 weights from 256 entries, a 4-bit scale per 32 weights, 3.0625 bits per weight.

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::{even_signs, grid, write_signed};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Iq3Xxs;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    /// Of each sub-block of 32 weights.
    entries: [[u8; 8]; 8],
    /// Of each sub-block, little-endian: four times 7 bits of signs for 8 weights, then the scale.
    signs_and_scales: [[u8; 4]; 8],
}

impl BlockFormat for Iq3Xxs {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq3_xxs", 18, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let bits = u32::from_le_bytes(block.signs_and_scales[sub]);
            let step = d * (0.5 + (bits >> 28) as f32) * 0.5;
            for (group, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let signs = even_signs(bits >> (7 * (group / 2))) >> (4 * (group % 2));
                let entry = &grid::IQ3_XXS[usize::from(block.entries[sub][group])];
                write_signed(step, entry, signs, out);
            }
        }
    }
}
