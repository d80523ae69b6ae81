//! Kinds of tokens, as GGUF numbers them in `tokenizer.ggml.token_type`.
#![cfg_attr(not(feature = "fs"), expect(dead_code, reason = "each reader has its own"))]

pub(crate) const NORMAL: i32 = 1;
pub(crate) const UNKNOWN: i32 = 2;
pub(crate) const CONTROL: i32 = 3;
pub(crate) const USER_DEFINED: i32 = 4;
pub(crate) const UNUSED: i32 = 5;
pub(crate) const BYTE: i32 = 6;

/// Stands for a space in SentencePiece vocabularies.
pub(crate) const SPACE_MARK: char = '\u{2581}';

/// The byte of `<0x41>`, as SentencePiece vocabularies have those that are part of no other token.
pub(crate) fn byte(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if hex.len() == 2 { u8::from_str_radix(hex, 16).ok() } else { None }
}
