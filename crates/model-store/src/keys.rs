//! Metadata keys of tokenizers, used by more than one part of the crate.
#![cfg_attr(not(feature = "fs"), expect(dead_code, reason = "each reader has its own"))]

pub(crate) const MODEL: &str = "tokenizer.ggml.model";
pub(crate) const PRE: &str = "tokenizer.ggml.pre";
pub(crate) const TOKENS: &str = "tokenizer.ggml.tokens";
pub(crate) const SCORES: &str = "tokenizer.ggml.scores";
pub(crate) const TOKEN_TYPE: &str = "tokenizer.ggml.token_type";
pub(crate) const MERGES: &str = "tokenizer.ggml.merges";
pub(crate) const BOS: &str = "tokenizer.ggml.bos_token_id";
pub(crate) const EOS: &str = "tokenizer.ggml.eos_token_id";
pub(crate) const EOT: &str = "tokenizer.ggml.eot_token_id";
pub(crate) const EOM: &str = "tokenizer.ggml.eom_token_id";
/// All tokens that end generation, where the three keys above have no room for them.
pub(crate) const ENDS: &str = "pibit.tokenizer.end_token_ids";
pub(crate) const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
pub(crate) const PADDING: &str = "tokenizer.ggml.padding_token_id";
pub(crate) const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
pub(crate) const ADD_SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
pub(crate) const CHAT_TEMPLATE: &str = "tokenizer.chat_template";
/// The whole tokenizer.json of a Hugging Face model.
pub(crate) const HUGGING_FACE: &str = "tokenizer.huggingface.json";

/// Keys of GGUF vocabularies that are read.
#[cfg(feature = "tokenizer")]
const READ: [&str; 14] = [
    MODEL,
    PRE,
    TOKENS,
    SCORES,
    TOKEN_TYPE,
    MERGES,
    BOS,
    EOS,
    EOT,
    EOM,
    UNKNOWN,
    PADDING,
    ADD_BOS,
    ADD_SPACE_PREFIX,
];

/// Keys that change no token of a prompt: tokens for uses that there are not here, and other descriptions of the same.
#[cfg(feature = "tokenizer")]
const HARMLESS: [&str; 14] = [
    "tokenizer.ggml.cls_token_id",
    "tokenizer.ggml.eog_token_ids",
    "tokenizer.ggml.fim_mid_token_id",
    "tokenizer.ggml.fim_pad_token_id",
    "tokenizer.ggml.fim_pre_token_id",
    "tokenizer.ggml.fim_rep_token_id",
    "tokenizer.ggml.fim_sep_token_id",
    "tokenizer.ggml.fim_suf_token_id",
    "tokenizer.ggml.mask_token_id",
    "tokenizer.ggml.middle_token_id",
    "tokenizer.ggml.prefix_token_id",
    "tokenizer.ggml.seperator_token_id",
    "tokenizer.ggml.suffix_token_id",
    "tokenizer.ggml.token_type_count",
];

/// Keys for what GGUF vocabularies here never do.
#[cfg(feature = "tokenizer")]
const OFF: [&str; 5] = [
    "tokenizer.ggml.add_eos_token",
    "tokenizer.ggml.add_sep_token",
    "tokenizer.ggml.remove_extra_whitespaces",
    "tokenizer.ggml.escape_whitespaces",
    "tokenizer.ggml.precompiled_charsmap",
];

/// Refuses keys of a GGUF vocabulary that may change tokens and are not read. Where tokenizer.json is there, nothing but
/// special tokens comes from such keys.
#[cfg(feature = "tokenizer")]
pub(crate) fn refuse_unknown(metadata: &domain_types::Metadata) -> Result<(), crate::StoreError> {
    let whole = metadata.str(HUGGING_FACE).is_some();
    for (key, value) in metadata.iter().filter(|(key, _)| key.starts_with("tokenizer.ggml.")) {
        let known = READ.contains(&key) || HARMLESS.contains(&key);
        let off = match key {
            // A file says that nothing is done, or that spaces are written as marks, which is done.
            "tokenizer.ggml.escape_whitespaces" => value.as_bool() == Some(true),
            _ => value.as_bool() == Some(false) || value.as_u64() == Some(0),
        };
        if !(known || whole || OFF.contains(&key) && off) {
            return Err(crate::StoreError::Unsupported {
                what: format!("metadata key `{key}`"),
                instead: "it may change how text becomes tokens; use a model without it".into(),
            });
        }
    }
    Ok(())
}
