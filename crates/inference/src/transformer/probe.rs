//! Watching what goes into the linear layers of a block.

use domain_types::InputObserver;

/// Shows the inputs of one block to an observer, where there is one.
pub(super) struct Probe<'a> {
    layer: usize,
    observer: Option<&'a mut dyn InputObserver>,
}

impl<'a> Probe<'a> {
    /// A probe in block `layer` of the network.
    pub(super) fn new(layer: usize, observer: Option<&'a mut dyn InputObserver>) -> Self {
        Self { layer, observer }
    }

    /// `rows` are what the linear layers `parts` (such as `attn_q`) read for `tokens` tokens.
    pub(super) fn see(&mut self, parts: &[&str], tokens: usize, rows: &[f32]) {
        let Some(observer) = &mut self.observer else { return };
        let names: Vec<_> = parts.iter().map(|part| format!("blk.{}.{part}.weight", self.layer)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        observer.observe(&names, rows.len() / tokens, rows);
    }
}
