//! tokenizer.json, run by Hugging Face's own crate.

use super::{Pipeline, refuse};
use crate::StoreError;
use domain_types::TokenId;
use tokenizers::Tokenizer;

pub(super) fn build(json: &str) -> Result<Tokenizer, StoreError> {
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(|e| refuse(format!("tokenizer.json: {e}")))?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| refuse(e.to_string()))?;
    // Control tokens in text are found by us and not by the crate, which can only be told so once for all texts.
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

impl Pipeline for Tokenizer {
    fn encode(&self, text: &str, tokens: &mut Vec<TokenId>) -> Result<(), StoreError> {
        let encoding = self.encode_fast(text, false).map_err(|e| refuse(e.to_string()))?;
        tokens.extend(encoding.get_ids());
        Ok(())
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, StoreError> {
        (**self).decode(tokens, true).map_err(|e| refuse(e.to_string()))
    }

    fn token_id(&self, token: &str) -> Option<TokenId> {
        self.token_to_id(token)
    }

    fn token(&self, id: TokenId) -> Option<String> {
        self.id_to_token(id)
    }

    fn end(&self) -> usize {
        self.get_vocab(true).into_values().max().map_or(0, |top| top as usize + 1)
    }

    fn special(&self) -> Vec<(TokenId, String)> {
        let added = self.get_added_tokens_decoder().into_iter();
        added.filter(|(_, token)| token.special).map(|(id, token)| (id, token.content)).collect()
    }
}
