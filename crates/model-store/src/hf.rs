//! Hugging Face folders as GGUF sources: config.json, safetensors (one file or sharded) and tokenizer.json become
//! tensors under GGUF names and metadata under GGUF keys, as llama.cpp's converter would write them.

mod chat;
mod config;
mod convert;
mod family;
mod files;
mod folder;
mod head;
mod json;
mod rope_factors;
mod shard;
mod special_tokens;
mod tensor_name;
mod tokenizer_json;
mod vocabulary;

pub use folder::HfFolder;
