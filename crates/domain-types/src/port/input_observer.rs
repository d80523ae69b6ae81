//! Watching the inputs of linear layers.

/// Sees what goes into the linear layers of a model: calibration.
pub trait InputObserver: Send {
    /// `rows` are inputs (one per token, each `width` long) of the linear layers `tensors`, which all read the same
    /// ones: GGUF names, such as `blk.0.attn_q.weight`.
    fn observe(&mut self, tensors: &[&str], width: usize, rows: &[f32]);
}
