//! Text of a growing sequence of tokens, in whole characters.

use domain_types::{PortError, TokenId, Tokenizer};

/// A character is at most four bytes, so at most four tokens can be waiting for its end.
const MOST_WAITING: usize = 4;

/// Decodes tokens as they come. A token may end inside a character, and a tokenizer may treat the first token of a
/// sequence in its own way, so new text is found by decoding it together with the tokens before it.
pub(super) struct TextStream<'a> {
    tokenizer: &'a dyn Tokenizer,
    tokens: Vec<TokenId>,
    text: String,
    /// First token that is decoded again, as context for what follows.
    context: usize,
    /// First token whose text has not been given out.
    waiting: usize,
}

impl<'a> TextStream<'a> {
    pub(super) fn new(tokenizer: &'a dyn Tokenizer) -> Self {
        Self { tokenizer, tokens: Vec::new(), text: String::new(), context: 0, waiting: 0 }
    }

    pub(super) fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// Takes a token; gives the text that is certain now, perhaps none.
    pub(super) fn push(&mut self, token: TokenId) -> Result<&str, PortError> {
        self.tokens.push(token);
        self.advance(MOST_WAITING)
    }

    /// Gives what is left, with U+FFFD for an unfinished character.
    pub(super) fn flush(&mut self) -> Result<&str, PortError> {
        self.advance(0)
    }

    pub(super) fn finish(self) -> (Vec<TokenId>, String) {
        (self.tokens, self.text)
    }

    fn advance(&mut self, most_waiting: usize) -> Result<&str, PortError> {
        let start = self.text.len();
        let before = self.tokenizer.decode(&self.tokens[self.context..self.waiting])?;
        let now = self.tokenizer.decode(&self.tokens[self.context..])?;
        let unfinished = now.ends_with('\u{FFFD}') && self.tokens.len() - self.waiting < most_waiting;
        if let Some(new) = now.get(before.len()..).filter(|new| !new.is_empty() && !unfinished) {
            self.text.push_str(new);
            self.context = self.waiting;
            self.waiting = self.tokens.len();
        }
        Ok(&self.text[start..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens are bytes.
    struct Bytes;

    impl Tokenizer for Bytes {
        fn vocab_size(&self) -> usize {
            256
        }

        fn encode(&self, text: &str, _: bool) -> Result<Vec<TokenId>, PortError> {
            Ok(text.bytes().map(TokenId::from).collect())
        }

        fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
            let bytes: Vec<u8> = tokens.iter().map(|&t| t as u8).collect();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }

        fn bos(&self) -> Option<TokenId> {
            None
        }

        fn eos(&self) -> &[TokenId] {
            &[]
        }

        fn token_id(&self, _: &str) -> Option<TokenId> {
            None
        }
    }

    #[test]
    fn characters_come_whole() {
        let mut stream = TextStream::new(&Bytes);
        let text = "aé€😀z";
        let pieces: Vec<String> = text.bytes().map(|b| stream.push(b.into()).unwrap().to_owned()).collect();
        let given: Vec<&str> = pieces.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
        assert_eq!(given, ["a", "é", "€", "😀", "z"]);
        assert_eq!(stream.flush().unwrap(), "");
        assert_eq!(stream.finish().1, text);
    }

    #[test]
    fn an_unfinished_character_is_shown_at_the_end_only() {
        let mut stream = TextStream::new(&Bytes);
        assert_eq!(stream.push(b'a'.into()).unwrap(), "a");
        assert_eq!(stream.push(0xE2).unwrap(), "");
        assert_eq!(stream.flush().unwrap(), "\u{FFFD}");
    }

    #[test]
    fn bytes_that_never_make_a_character_do_not_block_the_stream() {
        let mut stream = TextStream::new(&Bytes);
        let given: usize = (0..40).filter(|_| !stream.push(0xFF).unwrap().is_empty()).count();
        assert_eq!(given, 10);
    }
}
