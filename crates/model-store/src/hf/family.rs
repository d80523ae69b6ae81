//! What sets a model family apart in a Hugging Face folder.

use crate::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Llama and Mistral: q and k rows change order, because GGUF rotates neighbouring dimensions.
    Llama,
    Qwen2,
    Qwen3,
    /// Gemma 3: norms are stored minus one.
    Gemma3,
}

impl Family {
    pub(super) fn of(model_type: &str) -> Result<Self, StoreError> {
        match model_type {
            "llama" | "mistral" => Ok(Self::Llama),
            "qwen2" => Ok(Self::Qwen2),
            "qwen3" => Ok(Self::Qwen3),
            "gemma3" | "gemma3_text" => Ok(Self::Gemma3),
            other => Err(StoreError::UnknownArchitecture {
                found: other.into(),
                known: "llama, mistral, qwen2, qwen3, gemma3, gemma3_text".into(),
            }),
        }
    }

    /// GGUF architecture name.
    pub(super) fn architecture(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
        }
    }

    /// What the activation is called in config.json.
    pub(super) fn activation(self) -> &'static str {
        if self == Self::Gemma3 { "gelu_pytorch_tanh" } else { "silu" }
    }
}
