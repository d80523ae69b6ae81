//! Patterns by fancy-regex, the engine that tokenizer.json is run with, too.

use domain_types::{PortError, WordPattern};
use fancy_regex::Regex;
use std::ops::Range;

struct Words(Regex);

pub(super) fn compile(pattern: &str) -> Result<Box<dyn WordPattern>, PortError> {
    Ok(Box::new(Words(Regex::new(pattern).map_err(PortError::new)?)))
}

impl WordPattern for Words {
    fn find(&self, text: &str) -> Result<Vec<Range<usize>>, PortError> {
        let words = self.0.find_iter(text).map(|word| word.map(|word| word.range()));
        words.collect::<Result<_, _>>().map_err(PortError::new)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_find_words() {
        domain_types::testing::word_pattern_conformance(&super::compile);
    }
}
