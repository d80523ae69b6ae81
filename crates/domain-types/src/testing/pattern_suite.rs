//! Suite for [`WordPattern`].

use crate::CompilePattern;
use alloc::vec::Vec;

/// Pattern, text, and what is found in it.
const CASES: [(&str, &str, &[&str]); 9] = [
    (r"\p{N}", "a1² ٣", &["1", "²", "٣"]),
    (r" ?\p{L}+|\s+", "naïve 日本  ß", &["naïve", " 日本", "  ", "ß"]),
    // The first alternative that fits, not the longest.
    (r"a|ab|b", "ab", &["a", "b"]),
    // White space before a word is left to the word; the end of the text is no word.
    (r"\s+(?!\S)|\s+", "a   b  ", &["  ", " ", "  "]),
    // Next line is white space, the byte order mark is not.
    (r"\s", "\u{85}\u{feff}\u{3000}", &["\u{85}", "\u{3000}"]),
    (r"[^\s\p{L}\p{N}]+", "a→😀\u{85}b", &["→😀"]),
    // Without case, as Unicode folds it: the long s is an s.
    (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", "I'LL we'Re 'ſ 'K", &["'LL", "'Re", "'ſ"]),
    (r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}", "\n(ab12345", &["(ab", "123", "45"]),
    (r"[\p{P}\$\+<=>\^~\|]+", "x+=<y~|", &["+=<", "~|"]),
];

/// Finds what it should, in bytes, and refuses what is no pattern.
pub fn word_pattern_conformance(compile: CompilePattern<'_>) {
    for (pattern, text, expected) in CASES {
        let compiled = compile(pattern).expect("a valid pattern");
        let found = compiled.find(text).expect("any text can be searched");
        let words: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(words, expected, "{pattern} in {text:?}");
        assert!(compiled.find("").expect("no text").is_empty());
    }
    assert!(compile(r"(\p{L}").is_err(), "an open group is an error");
}
