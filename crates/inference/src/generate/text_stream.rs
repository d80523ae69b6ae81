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
        let new = match now.strip_prefix(before.as_str()) {
            Some(new) => new.to_owned(),
            // A byte that makes no character can take those before it along, but these have been given out.
            None => self.waiting_alone(&now)?,
        };
        if !new.is_empty() && !unfinished {
            self.text.push_str(&new);
            self.context = self.waiting;
            self.waiting = self.tokens.len();
        }
        Ok(&self.text[start..])
    }

    /// Text of the waiting tokens by themselves, with the space that a tokenizer takes from the start of a text.
    fn waiting_alone(&self, now: &str) -> Result<String, PortError> {
        let alone = self.tokenizer.decode(&self.tokens[self.waiting..])?;
        let spaced = format!(" {alone}");
        Ok(if now.ends_with(&spaced) { spaced } else { alone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer that does nothing but decode.
    struct Decoder(fn(&[TokenId]) -> String);

    impl Tokenizer for Decoder {
        fn vocab_size(&self) -> usize {
            512
        }

        fn encode(&self, text: &str, _: bool) -> Result<Vec<TokenId>, PortError> {
            Ok(text.bytes().map(TokenId::from).collect())
        }

        fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
            Ok((self.0)(tokens))
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

    /// Tokens are bytes.
    const BYTES: Decoder = Decoder(|tokens| {
        let bytes: Vec<u8> = tokens.iter().map(|&t| t as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    });

    /// Hugging Face's fallback for bytes: a run of them is text as a whole or not at all. Tokens below 256 are bytes, those
    /// from there on letters; one space at the start of a text is taken away.
    const RUNS: Decoder = Decoder(|tokens| {
        let mut text = String::new();
        for run in tokens.chunk_by(|a, b| (*a < 256) == (*b < 256)) {
            if run[0] >= 256 {
                text.extend(run.iter().map(|&t| char::from((t - 256) as u8)));
                continue;
            }
            let bytes: Vec<u8> = run.iter().map(|&t| t as u8).collect();
            match std::str::from_utf8(&bytes) {
                Ok(valid) => text.push_str(valid),
                Err(_) => text.extend(bytes.iter().map(|_| '\u{FFFD}')),
            }
        }
        text.strip_prefix(' ').map(str::to_owned).unwrap_or(text)
    });

    #[test]
    fn characters_come_whole() {
        let mut stream = TextStream::new(&BYTES);
        let text = "aé€😀z";
        let pieces: Vec<String> = text.bytes().map(|b| stream.push(b.into()).unwrap().to_owned()).collect();
        let given: Vec<&str> = pieces.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
        assert_eq!(given, ["a", "é", "€", "😀", "z"]);
        assert_eq!(stream.flush().unwrap(), "");
        assert_eq!(stream.finish().1, text);
    }

    #[test]
    fn an_unfinished_character_is_shown_at_the_end_only() {
        let mut stream = TextStream::new(&BYTES);
        assert_eq!(stream.push(b'a'.into()).unwrap(), "a");
        assert_eq!(stream.push(0xE2).unwrap(), "");
        assert_eq!(stream.flush().unwrap(), "\u{FFFD}");
    }

    #[test]
    fn bytes_that_never_make_a_character_do_not_block_the_stream() {
        let mut stream = TextStream::new(&BYTES);
        let given: usize = (0..40).filter(|_| !stream.push(0xFF).unwrap().is_empty()).count();
        assert_eq!(given, 10);
    }

    fn streamed(tokens: &[TokenId]) -> String {
        let mut stream = TextStream::new(&RUNS);
        for &token in tokens {
            stream.push(token).unwrap();
        }
        stream.flush().unwrap();
        stream.finish().1
    }

    fn letters(text: &str) -> Vec<TokenId> {
        text.bytes().map(|b| TokenId::from(b) + 256).collect()
    }

    #[test]
    fn a_stray_byte_does_not_end_the_text() {
        let emoji: Vec<TokenId> = "😀".bytes().map(TokenId::from).collect();
        let tokens = [letters("h"), emoji, vec![0xFF], letters("abc d")].concat();
        assert_eq!(streamed(&tokens), "h😀\u{FFFD}abc d");
    }

    /// Whatever bytes come between, all letters come out in their order.
    #[test]
    fn streams_lose_no_letters() {
        let mut state = 1_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..2000 {
            let (mut tokens, mut expected) = (Vec::new(), String::new());
            for _ in 0..random(12) {
                match random(3) {
                    0 => tokens.extend("é€😀".bytes().map(TokenId::from)),
                    1 => tokens.push(0x80 + random(0x80) as TokenId),
                    _ => {
                        let letter = char::from(b'a' + random(26) as u8);
                        tokens.extend(letters(&letter.to_string()));
                        expected.push(letter);
                    }
                }
            }
            let found: String = streamed(&tokens).chars().filter(char::is_ascii_lowercase).collect();
            assert_eq!(found, expected, "{tokens:?}");
        }
    }
}
