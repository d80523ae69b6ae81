//! The turns of a conversation, as many as the context takes.

use crate::context::Context;
use crate::loaded::LoadedModel;
use anyhow::Result;
use domain_types::{TokenId, TokenModel};
use inference::{ChatMessage, ChatTemplate};

/// The share of the context that an answer gets at least, unless fewer tokens are asked for.
const ROOM_FOR_ANSWER: usize = 4;

pub(super) struct Conversation {
    template: ChatTemplate,
    system: Option<ChatMessage>,
    /// User and assistant in turn; the first is the user's.
    turns: Vec<ChatMessage>,
    /// Tokens of an answer at most.
    answer: usize,
}

impl Conversation {
    pub(super) fn new(template: ChatTemplate, system: Option<&str>, answer: usize) -> Self {
        Self { template, system: system.map(ChatMessage::system), turns: Vec::new(), answer }
    }

    /// The tokens of the conversation with a new message, the oldest turns left out where the context has no room for them.
    /// `None` for a message that is too long by itself, which is left out.
    pub(super) fn ask(
        &mut self,
        context: &Context,
        model: &LoadedModel,
        message: String,
    ) -> Result<Option<Vec<TokenId>>> {
        self.turns.push(ChatMessage::user(message));
        let whole = model.transformer.context_length();
        let most = whole - self.answer.min(whole / ROOM_FOR_ANSWER).min(whole - 1);
        let mut left_out = 0;
        loop {
            let tokens = self.tokens(model)?;
            if tokens.len() <= most {
                if left_out > 0 {
                    context.progress.note(&format!(
                        "the context of {whole} tokens is full: the model no longer sees the oldest {left_out} turns"
                    ));
                }
                return Ok(Some(tokens));
            }
            if self.turns.len() == 1 {
                self.turns.clear();
                let n = tokens.len();
                context.progress.note(&format!(
                    "the message is left out: with it the conversation has {n} tokens, and {most} are possible"
                ));
                return Ok(None);
            }
            // A question goes with its answer.
            self.turns.drain(..2);
            left_out += 2;
        }
    }

    pub(super) fn answered(&mut self, answer: &str) {
        self.turns.push(ChatMessage::assistant(answer));
    }

    fn tokens(&self, model: &LoadedModel) -> Result<Vec<TokenId>> {
        let messages: Vec<_> = self.system.iter().chain(&self.turns).cloned().collect();
        Ok(model.tokenizer.encode(&self.template.render(&messages, true)?, true)?)
    }
}
