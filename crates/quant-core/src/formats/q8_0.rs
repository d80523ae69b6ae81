//! Q8_0: 32 signed bytes and an F16 scale, 8.5 bits per weight. w = d·q.

mod dot;
mod encode;

use crate::block::BlockFormat;
use crate::formats::read_f16;
use domain_types::{QuantFormat, RowRule};

/// Layout: F16 d, then 32 × i8 q.
#[derive(Clone, Default)]
pub(crate) struct Q8_0;

impl BlockFormat for Q8_0 {
    const FORMAT: QuantFormat = QuantFormat::new("q8_0", 32, 34, RowRule::WholeBlocks).with_ggml_type(8);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let d = read_f16(bytes);
        for (out, &q) in out.iter_mut().zip(&bytes[2..]) {
            *out = d * f32::from(q as i8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q8_0, Q8_0>(&Q8_0, 1e-4);
    }
}
