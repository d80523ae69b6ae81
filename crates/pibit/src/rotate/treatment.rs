//! What rotation does to each tensor of a block.

use domain_types::{FrequentTokens, OrthogonalTransform};
use quant_core::incoherence::Rotation;
use std::fmt;

/// Vectors that are rotated as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Residual,
    /// The residual stream as layers read it, behind a norm.
    Normed,
    Heads,
    FeedForward,
    /// Rows of embedding and output head.
    Ends,
}

/// What a tensor reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Role {
    /// The norm whose gains stand before the layer.
    pub(super) norm: Option<&'static str>,
    /// What the layer reads.
    pub(super) input: Option<Space>,
    /// What it writes.
    pub(super) output: Option<Space>,
    /// Whether the tensor is such a norm itself.
    pub(super) is_norm: bool,
}

/// The role of a tensor; `None` for what rotation leaves alone. Queries and keys are not rotated, so their biases and
/// norms stay. A bias of v moves with the heads: attention weights sum to one.
pub(super) fn role(name: &str) -> Option<Role> {
    let layer = |norm, input, output| Some(Role { norm, input, output, is_norm: false });
    let (attention, feed_forward) = ("attn_norm.weight", "ffn_norm.weight");
    if matches!(name, "token_embd.weight" | FrequentTokens::TENSOR | "output.weight") {
        return layer(None, Some(Space::Ends), None);
    }
    match name.strip_prefix("blk.")?.split_once('.')?.1 {
        "attn_norm.weight" | "ffn_norm.weight" => Some(Role { is_norm: true, ..Role::default() }),
        "attn_q.weight" | "attn_k.weight" => layer(Some(attention), Some(Space::Normed), None),
        "attn_v.weight" => layer(Some(attention), Some(Space::Normed), Some(Space::Heads)),
        "attn_v.bias" => layer(None, None, Some(Space::Heads)),
        "attn_output.weight" => layer(None, Some(Space::Heads), Some(Space::Residual)),
        "ffn_gate.weight" | "ffn_up.weight" => layer(Some(feed_forward), Some(Space::Normed), None),
        "ffn_down.weight" => layer(None, Some(Space::FeedForward), Some(Space::Residual)),
        _ => None,
    }
}

/// A role with the rotations that a model has for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Treatment<'a> {
    /// The norm whose gains move into the layer.
    pub(super) norm: Option<&'static str>,
    /// Rotates rows.
    pub(super) input: Option<&'a Rotation>,
    /// Rotates columns.
    pub(super) output: Option<&'a Rotation>,
    /// Whether the tensor is a norm that has lost its gains.
    pub(super) is_norm: bool,
}

impl Treatment<'_> {
    pub(super) fn changes_anything(&self) -> bool {
        self.is_norm || self.norm.is_some() || self.input.is_some() || self.output.is_some()
    }
}

/// The sizes of the rotations, for example `rotation-576 in, rotation-64 out`.
impl fmt::Display for Treatment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [(self.input, "in"), (self.output, "out")];
        let sides = sides.iter().filter_map(|(rotation, side)| Some((rotation.as_ref()?.width(), side)));
        for (index, (width, side)) in sides.enumerate() {
            write!(f, "{}rotation-{width} {side}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
