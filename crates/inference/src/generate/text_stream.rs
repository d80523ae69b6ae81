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

    /// Hugging Face's fallback for bytes: a run of them is text as a whole or not at all.
    struct Runs;

    impl Tokenizer for Runs {
        fn vocab_size(&self) -> usize {
            512
        }

        fn encode(&self, text: &str, _: bool) -> Result<Vec<TokenId>, PortError> {
            Ok(text.bytes().map(TokenId::from).collect())
        }

        /// Below 256 bytes, from there on letters; one space at the start is taken away.
        fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
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
            Ok(text.strip_prefix(' ').map(str::to_owned).unwrap_or(text))
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

    fn streamed(tokens: &[TokenId]) -> String {
        let mut stream = TextStream::new(&Runs);
        for &token in tokens {
            stream.push(token).unwrap();
        }
        stream.flush().unwrap();
        stream.finish().1
    }

    #[test]
    fn a_stray_byte_does_not_end_the_text() {
        let letters = |text: &str| text.bytes().map(|b| TokenId::from(b) + 256).collect::<Vec<_>>();
        let emoji = "😀".bytes().map(TokenId::from);
        let tokens: Vec<TokenId> =
            letters("h").into_iter().chain(emoji).chain([0xFF]).chain(letters("abc d")).collect();
        assert_eq!(streamed(&tokens), "h😀\u{FFFD}abc d");
    }

    /// Whatever comes, letters and whole characters of a sequence come out, in their order.
    #[test]
    fn streams_lose_nothing() {
        let mut state = 1_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..2000 {
            let mut tokens = Vec::new();
            for _ in 0..random(12) {
                match random(4) {
                    0 => tokens.extend("é€😀".bytes().map(TokenId::from)),
                    1 => tokens.push(random(256) as TokenId),
                    2 => tokens.push(256 + u32::from(b' ')),
                    _ => tokens.push(256 + u32::from(b'a') + random(26) as TokenId),
                }
            }
            let only_letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).collect::<String>();
            let expected: String = tokens
                .iter()
                .filter(|&&t| t >= 256 || (u32::from(b'a')..=u32::from(b'z')).contains(&t))
                .map(|&t| char::from((t % 256) as u8))
                .filter(char::is_ascii_lowercase)
                .collect();
            let found = only_letters(&streamed(&tokens));
            // A letter among bytes that are no text is one of the bytes that make no text.
            let stray = tokens.iter().any(|&t| (0x80..256).contains(&t));
            assert!(found == expected || stray, "{tokens:?}: {found} instead of {expected}");
            let words: String =
                tokens.iter().filter(|&&t| t >= 256 + 97).map(|&t| char::from((t - 256) as u8)).collect();
            let mut rest = words.chars().peekable();
            for c in found.chars() {
                rest.next_if_eq(&c);
            }
            assert!(rest.peek().is_none(), "{tokens:?}: {found} lacks letters of {words}");
        }
    }
}
