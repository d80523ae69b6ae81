//! What sets a model family apart in a Hugging Face folder: one row per `model_type`, as transformers has it.

use crate::StoreError;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Family {
    /// `model_type` in config.json.
    model_type: &'static str,
    /// GGUF architecture name.
    pub(super) architecture: &'static str,
    /// What the activation is called in config.json.
    pub(super) activation: &'static str,
    /// What config.json may leave out.
    pub(super) defaults: Defaults,
    /// Whether q and k rows change order, because GGUF rotates neighbouring dimensions.
    pub(super) interleaved: bool,
    pub(super) qkv_bias: Biases,
    /// Whether heads of q and k are normed.
    pub(super) qk_norm: bool,
    pub(super) windows: Windows,
    /// Gemma's ways: norms are stored minus one, and there are norms after each half of a block.
    pub(super) gemma: bool,
}

/// Values of fields that are not there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Defaults {
    pub(super) heads: u32,
    /// `None` for as many as heads.
    pub(super) kv_heads: Option<u32>,
    /// `None` for width per head.
    pub(super) head_dim: Option<u32>,
    pub(super) context_length: u32,
    pub(super) rope_theta: f32,
    pub(super) sliding_window: Option<u32>,
    pub(super) tied: bool,
}

/// Whether q, k and v have biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Biases {
    Never,
    Always,
    /// Where config.json says `attention_bias`.
    Asked,
}

/// Which layers see a window only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    None,
    /// All, where config.json gives a size.
    All,
    /// Those from `max_window_layers` on, where config.json says `use_sliding_window`.
    Late,
    /// All but every `sliding_window_pattern`-th.
    Periodic,
}

const LLAMA: Family = Family {
    model_type: "llama",
    architecture: "llama",
    activation: "silu",
    defaults: Defaults {
        heads: 32,
        kv_heads: None,
        head_dim: None,
        context_length: 2048,
        rope_theta: 10_000.0,
        sliding_window: None,
        tied: false,
    },
    interleaved: true,
    qkv_bias: Biases::Asked,
    qk_norm: false,
    windows: Windows::None,
    gemma: false,
};

const MISTRAL: Family = Family {
    model_type: "mistral",
    defaults: Defaults {
        kv_heads: Some(8),
        context_length: 131_072,
        sliding_window: Some(4096),
        ..LLAMA.defaults
    },
    qkv_bias: Biases::Never,
    windows: Windows::All,
    ..LLAMA
};

const QWEN2: Family = Family {
    model_type: "qwen2",
    architecture: "qwen2",
    defaults: Defaults {
        kv_heads: Some(32),
        context_length: 32_768,
        sliding_window: Some(4096),
        ..LLAMA.defaults
    },
    interleaved: false,
    qkv_bias: Biases::Always,
    windows: Windows::Late,
    ..LLAMA
};

const QWEN3: Family = Family {
    model_type: "qwen3",
    architecture: "qwen3",
    defaults: Defaults { head_dim: Some(128), ..QWEN2.defaults },
    qkv_bias: Biases::Asked,
    qk_norm: true,
    ..QWEN2
};

const GEMMA3: Family = Family {
    model_type: "gemma3_text",
    architecture: "gemma3",
    activation: "gelu_pytorch_tanh",
    defaults: Defaults {
        heads: 8,
        kv_heads: Some(4),
        head_dim: Some(256),
        context_length: 131_072,
        rope_theta: 1e6,
        sliding_window: Some(4096),
        tied: true,
    },
    windows: Windows::Periodic,
    gemma: true,
    ..QWEN3
};

const FAMILIES: [Family; 6] =
    [LLAMA, MISTRAL, QWEN2, QWEN3, GEMMA3, Family { model_type: "gemma3", ..GEMMA3 }];

impl Family {
    pub(super) fn of(model_type: &str) -> Result<Self, StoreError> {
        FAMILIES.into_iter().find(|family| family.model_type == model_type).ok_or_else(|| {
            StoreError::UnknownArchitecture {
                found: model_type.into(),
                known: FAMILIES.map(|family| family.model_type).join(", "),
            }
        })
    }
}
