//! Metadata keys of adapters.

/// llama.cpp's: what kind of GGUF file this is.
pub(super) const TYPE: &str = "general.type";
/// The type of an adapter.
pub(super) const ADAPTER: &str = "adapter";
/// llama.cpp's: the architecture of the base.
#[cfg(feature = "train")]
pub(super) const ARCHITECTURE: &str = "general.architecture";
/// llama.cpp's: the kind of adapter.
pub(super) const KIND: &str = "adapter.type";
/// The kind that this is.
pub(super) const LORA: &str = "lora";
/// llama.cpp's: α. Additions are multiplied by α/rank.
pub(super) const ALPHA: &str = "adapter.lora.alpha";
/// SHA-256 of the base's file.
pub(super) const BASE_SHA256: &str = "pibit.adapter.base.sha256";
