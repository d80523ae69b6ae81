//! What part a tensor plays in the network.

use domain_types::FrequentTokens;
use quant_core::GridConstant;
use std::fmt;
use std::str::FromStr;

/// The class of a weight matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TensorRole {
    /// The token embedding; the output head too where both are one matrix.
    Embedding,
    /// Rows of the embedding that are worth more bits.
    FrequentRows,
    /// The output head, where it is a matrix of its own.
    OutputHead,
    /// A projection of an attention layer.
    Attention,
    /// A projection of a feed-forward layer.
    FeedForward,
    /// What chooses among experts, or weighs a shared one.
    Router,
    /// Any other matrix.
    Other,
}

impl TensorRole {
    /// The role that a GGUF name tells.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "token_embd.weight" => Self::Embedding,
            FrequentTokens::TENSOR => Self::FrequentRows,
            "output.weight" => Self::OutputHead,
            _ if name.contains(".attn_") => Self::Attention,
            _ if name.contains(".ffn_gate_inp") => Self::Router,
            _ if name.contains(".ffn_") => Self::FeedForward,
            _ => Self::Other,
        }
    }

    /// Whether it is looked up or multiplied outside the blocks.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Embedding | Self::OutputHead)
    }
}

/// A grid constant for a class of tensors, or for all: `pi`, `attn=pi`, `ffn=e`, `embd=phi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConstantRule {
    role: Option<TensorRole>,
    constant: GridConstant,
}

impl FromStr for ConstantRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((class, constant)) = text.split_once('=') else {
            return Ok(Self { role: None, constant: text.parse()? });
        };
        let role = match class {
            "attn" => TensorRole::Attention,
            "ffn" => TensorRole::FeedForward,
            "embd" => TensorRole::Embedding,
            "output" => TensorRole::OutputHead,
            _ => {
                return Err(format!("tensor class {class:?} is not known; choose attn, ffn, embd or output"));
            }
        };
        Ok(Self { role: Some(role), constant: constant.parse()? })
    }
}

impl fmt::Display for ConstantRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.role {
            Some(TensorRole::Attention) => "attn=",
            Some(TensorRole::FeedForward) => "ffn=",
            Some(TensorRole::Embedding) => "embd=",
            Some(TensorRole::OutputHead) => "output=",
            _ => "",
        };
        write!(f, "{class}{}", self.constant)
    }
}

impl ConstantRule {
    /// The rule for every class.
    pub(crate) fn for_all(constant: GridConstant) -> Self {
        Self { role: None, constant }
    }

    /// Whether it is for tensors of this class.
    pub(crate) fn concerns(self, role: TensorRole) -> bool {
        self.role.is_none_or(|wanted| wanted == role)
    }

    /// The constant for a tensor: the last rule that names its class, else the last for all, else π.
    pub(crate) fn choose(rules: &[Self], role: TensorRole) -> GridConstant {
        let last = |wanted| rules.iter().rev().find(|r| r.role == wanted).map(|r| r.constant);
        last(Some(role)).or_else(|| last(None)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_rules_win_over_general_ones() {
        let rules: Vec<ConstantRule> = ["ffn=e", "phi"].iter().map(|t| t.parse().unwrap()).collect();
        assert_eq!(ConstantRule::choose(&rules, TensorRole::FeedForward), GridConstant::E);
        assert_eq!(ConstantRule::choose(&rules, TensorRole::Attention), GridConstant::Phi);
        assert_eq!(ConstantRule::choose(&[], TensorRole::Attention), GridConstant::Pi);
        assert!("ffn=seven".parse::<ConstantRule>().is_err());
    }

    #[test]
    fn names_tell_roles() {
        assert_eq!(TensorRole::of("blk.3.attn_q.weight"), TensorRole::Attention);
        assert_eq!(TensorRole::of("blk.3.ffn_down.weight"), TensorRole::FeedForward);
        assert_eq!(TensorRole::of("blk.3.ffn_gate_exps.weight"), TensorRole::FeedForward);
        assert_eq!(TensorRole::of("blk.3.ffn_gate_inp.weight"), TensorRole::Router);
        assert_eq!(TensorRole::of("output.weight"), TensorRole::OutputHead);
        assert_eq!(TensorRole::of("token_embd.weight"), TensorRole::Embedding);
    }
}
