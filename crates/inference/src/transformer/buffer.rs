//! Growing buffers.

/// The first `len` elements of a buffer, made longer where needed. What they hold is left over from earlier use.
pub(super) fn grown(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}
