//! IQ4_XS: the table of IQ4_NL with a signed 6-bit scale per 32 weights, 4.25 bits per weight. w = (d·scale)·VALUES\[q\].
//!
//! Source: llama.cpp, pull request 5747.

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK};
use crate::formats::i_quant::nibble;
use crate::formats::iq4_nl::decode_values;
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Iq4Xs;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    /// The two high bits of each scale, little-endian.
    scales_high: [u8; 2],
    scales_low: [u8; 4],
    codes: [[u8; 16]; 8],
}

impl BlockFormat for Iq4Xs {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq4_xs", 23, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        let high = u16::from_le_bytes(block.scales_high);
        for (sub, (out, codes)) in out.as_chunks_mut::<32>().0.iter_mut().zip(&block.codes).enumerate() {
            let high = (high >> (2 * sub)) as u8 & 3;
            let scale = (nibble(&block.scales_low, sub) | high << 4) as i8 - 32;
            decode_values(d * f32::from(scale), codes, out);
        }
    }
}
