//! What a format folder implements: the bytes of one block.

use domain_types::QuantFormat;

/// Blocks of one format, read.
///
/// A block is full (`FORMAT.block_len()` weights) or, where the format's row rule allows it, the short last one of a
/// row. Callers pass slices whose lengths belong together; implementations rely on it and are total over byte values.
pub(crate) trait BlockFormat: Send + Sync + 'static {
    /// The format's descriptor.
    const FORMAT: QuantFormat;

    /// Levels of the grid, where a block is one scale times fixed levels.
    const LEVELS: Option<&'static [f32]> = None;

    /// Decodes one block into as many weights as `out` holds.
    fn decode_block(bytes: &[u8], out: &mut [f32]);

    /// Decodes a row of whole blocks and perhaps a short one. Formats whose blocks are too short to be worth a call
    /// do it their own way.
    fn decode_row(bytes: &[u8], out: &mut [f32]) {
        let blocks = bytes.chunks(Self::FORMAT.block_bytes());
        for (block, out) in blocks.zip(out.chunks_mut(Self::FORMAT.block_len())) {
            Self::decode_block(block, out);
        }
    }

    /// Multiplies the scale of a block of [levels](Self::LEVELS) by a factor. Not called for other formats.
    fn rescale_block(_bytes: &mut [u8], _factor: f32) {}

    /// The distance between neighbouring levels, where it is one for the whole block. Quality figures estimate it
    /// from the decoded weights elsewhere.
    fn block_step(_bytes: &[u8]) -> Option<f32> {
        None
    }
}

/// Blocks of one format, made. The encoder carries the options (step search, constant, …).
pub(crate) trait BlockEncoder: Send + Sync + 'static {
    /// The format it makes.
    type Format: BlockFormat;

    /// Encodes one block. `importance`, where given, is as long as `weights`: the weight of each squared error.
    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]);

    /// Whether requests without importance are to be refused, because the options ask for its use.
    fn needs_importance(&self) -> bool {
        false
    }
}

/// Encodes a row, block by block.
pub(crate) fn encode_row<E: BlockEncoder>(
    encoder: &E,
    weights: &[f32],
    importance: Option<&[f32]>,
    bytes: &mut [u8],
) {
    let format = <E::Format as BlockFormat>::FORMAT;
    let blocks = bytes.chunks_mut(format.block_bytes());
    for (index, (block, weights)) in blocks.zip(weights.chunks(format.block_len())).enumerate() {
        let start = index * format.block_len();
        let importance = importance.map(|all| &all[start..start + weights.len()]);
        encoder.encode_block(weights, importance, block);
    }
}
