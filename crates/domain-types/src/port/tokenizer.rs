//! Text to tokens and back.

use crate::PortError;
use alloc::string::String;
use alloc::vec::Vec;

/// Index into a vocabulary.
pub type TokenId = u32;

/// Text to tokens and back.
pub trait Tokenizer: Send + Sync {
    /// Vocabulary size: every id is below it.
    fn vocab_size(&self) -> usize;

    /// Tokens of a text. With `parse_special`, names of control tokens in the text become those tokens (chat
    /// templates need it; users' text must not have it). No token is added at either end.
    fn encode(&self, text: &str, parse_special: bool) -> Result<Vec<TokenId>, PortError>;

    /// Text of tokens; control tokens are left out. Bytes that are not UTF-8 become U+FFFD.
    fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError>;

    /// Token that starts a text, where the model asks for one.
    fn bos(&self) -> Option<TokenId>;

    /// Tokens that end generation.
    fn eos(&self) -> &[TokenId];

    /// Id of a token by its exact vocabulary text.
    fn token_id(&self, token: &str) -> Option<TokenId>;
}
