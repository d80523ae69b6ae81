//! Patterns that cut text into words.

use crate::PortError;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// A regular expression of a tokenizer: what it finds are words, and tokens never cross from one word into another.
///
/// Patterns need Unicode's general categories (`\p{L}`), `\s` as Unicode's white space, groups without case (`(?i:…)`)
/// and negative lookahead; of alternatives the first that fits is taken.
pub trait WordPattern: Send + Sync {
    /// Where the pattern fits, in bytes: from left to right, not empty, without overlap.
    fn find(&self, text: &str) -> Result<Vec<Range<usize>>, PortError>;
}

/// Makes a pattern ready to search; an error where it is none.
pub type CompilePattern<'a> = &'a dyn Fn(&str) -> Result<Box<dyn WordPattern>, PortError>;
