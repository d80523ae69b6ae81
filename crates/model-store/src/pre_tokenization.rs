//! How byte-level BPE vocabularies cut text into words before merging: llama.cpp's names and the patterns behind.
#![cfg_attr(not(feature = "tokenizer"), expect(dead_code, reason = "each reader has its own"))]

/// GPT-2's words. What no alternative matches (trailing white space) stays a word of its own.
pub(crate) const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Each digit alone.
pub(crate) const DIGIT: &str = r"\p{N}";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A way of cutting text into words.
#[derive(Debug)]
pub(crate) struct PreTokenization {
    /// Values of `tokenizer.ggml.pre`; the first is the one written.
    pub(crate) names: &'static [&'static str],
    /// Applied one after the other, each cutting the pieces that the one before left.
    pub(crate) patterns: &'static [&'static str],
    /// Whether a word that is a token needs no merges.
    pub(crate) ignore_merges: bool,
    /// Whether a text starts with BOS where the file does not say.
    pub(crate) add_bos: bool,
}

const fn plain(names: &'static [&'static str], patterns: &'static [&'static str]) -> PreTokenization {
    PreTokenization { names, patterns, ignore_merges: false, add_bos: false }
}

const fn merged(names: &'static [&'static str], patterns: &'static [&'static str]) -> PreTokenization {
    PreTokenization { names, patterns, ignore_merges: true, add_bos: true }
}

pub(crate) const ALL: [PreTokenization; 6] = [
    plain(
        &["gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "modern-bert", "olmo", "mpt", "trillion"],
        &[GPT2],
    ),
    plain(
        &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
        &[DIGIT, GPT2],
    ),
    merged(&["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "lfm2"], &[LLAMA3]),
    plain(&["qwen2", "deepseek-r1-qwen", "stablelm2", "kormo"], &[QWEN2]),
    merged(&["tekken"], &[TEKKEN]),
    plain(&["default"], &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
];

/// The way with this name; llama.cpp takes `default` for files without one.
#[cfg(feature = "tokenizer")]
pub(crate) fn by_name(name: &str) -> Option<&'static PreTokenization> {
    ALL.iter().find(|p| p.names.contains(&name))
}

/// The way that cuts by exactly these patterns.
#[cfg(feature = "fs")]
pub(crate) fn by_patterns(patterns: &[&str]) -> Option<&'static PreTokenization> {
    ALL.iter().find(|p| p.patterns == patterns)
}
