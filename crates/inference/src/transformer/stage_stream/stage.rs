//! Where a network stands while it is run in stages.

/// Linear layers that read the same inputs: those that can be quantized together before the network goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Queries, keys and values of a block read the normed residual stream.
    Attention(usize),
    /// The output projection of a block's attention reads the mixed values of all heads.
    AttentionOutput(usize),
    /// Gate and up projection of a block read the normed residual stream.
    FeedForward(usize),
    /// The down projection of a block reads the gated product.
    Down(usize),
    /// The output head reads the normed residual stream.
    Head,
}

impl Stage {
    /// Stages of each block.
    pub const OF_A_BLOCK: usize = 4;

    /// The block; `None` for the head.
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::Attention(layer)
            | Self::AttentionOutput(layer)
            | Self::FeedForward(layer)
            | Self::Down(layer) => Some(layer),
            Self::Head => None,
        }
    }

    /// Whether outputs join the residual stream.
    pub fn writes_residual(self) -> bool {
        matches!(self, Self::AttentionOutput(_) | Self::Down(_))
    }

    /// Names of the linear layers without block and `.weight`.
    pub(super) fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Attention(_) => &["attn_q", "attn_k", "attn_v"],
            Self::AttentionOutput(_) => &["attn_output"],
            Self::FeedForward(_) => &["ffn_gate", "ffn_up"],
            Self::Down(_) => &["ffn_down"],
            Self::Head => &[],
        }
    }
}
