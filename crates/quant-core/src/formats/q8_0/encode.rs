//! Absmax rounding, as ggml's reference does it.

use super::Q8_0;
use crate::block::BlockEncoder;
use crate::formats::write_f16;

impl BlockEncoder for Q8_0 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], _importance: Option<&[f32]>, bytes: &mut [u8]) {
        let largest = weights.iter().fold(0.0_f32, |m, w| m.max(w.abs()));
        let d = largest / 127.0;
        write_f16(bytes, d);
        // The unrounded scale decides the codes: that is what ggml does, and files should agree byte for byte.
        let inverse = if d > 0.0 { d.recip() } else { 0.0 };
        for (byte, w) in bytes[2..].iter_mut().zip(weights) {
            *byte = (w * inverse).round() as i8 as u8;
        }
    }
}
