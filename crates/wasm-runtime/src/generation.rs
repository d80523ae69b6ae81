//! From a prompt to text, a step at a time. A worker hears nothing while it computes, so it computes a little, looks for
//! messages, and goes on.

use crate::RuntimeError;
use domain_types::{LogitRows, PortError, TokenId, TokenModel, Tokenizer};
use std::collections::VecDeque;

/// Tokens of the prompt that a step reads: a few tenths of a second for a model of 135 million weights.
const PROMPT_SLICE: usize = 32;
/// A character is at most four bytes, so at most four tokens can be waiting for its end.
const MOST_WAITING: usize = 4;

/// Draws a token from logits.
pub type Sample<'a> = dyn FnMut(&[f32]) -> Result<TokenId, PortError> + 'a;

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// The model ended its text.
    EndOfText,
    /// As many tokens as allowed.
    MaxTokens,
    /// The context is full.
    ContextFull,
    /// The user asked for it.
    Stopped,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read a slice of the prompt.
    Prompt {
        /// Tokens read so far.
        done: usize,
        /// Tokens in all.
        tokens: usize,
    },
    /// Drew a token.
    Token {
        /// Which.
        token: TokenId,
        /// Text that is certain now; empty inside a character.
        text: String,
    },
    /// Nothing more: what remains of the text (U+FFFD for an unfinished character), and why.
    End {
        /// The rest.
        text: String,
        /// Why.
        reason: StopReason,
    },
}

/// When a generation ends of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationLimits {
    /// Most tokens to draw.
    pub max_tokens: usize,
}

/// A generation under way. The model, its tokenizer and the sampler are lent to each step.
#[derive(Debug)]
pub struct Generation {
    prompt: VecDeque<TokenId>,
    prompt_tokens: usize,
    limits: GenerationLimits,
    logits: Vec<f32>,
    tokens: Vec<TokenId>,
    /// First token that is decoded again, as context for what follows.
    context: usize,
    /// First token whose text has not been given out.
    waiting: usize,
    /// The last token drawn, while the model has not read it.
    unread: Option<TokenId>,
    stopped: bool,
}

impl Generation {
    /// Starts behind what is in the model's cache. Fails where the prompt is empty or does not fit.
    pub fn new(
        model: &dyn TokenModel,
        prompt: Vec<TokenId>,
        limits: GenerationLimits,
    ) -> Result<Self, RuntimeError> {
        let (tokens, free) = (prompt.len(), model.context_length() - model.position());
        if tokens == 0 {
            return Err(RuntimeError::EmptyPrompt);
        }
        if tokens > free {
            return Err(RuntimeError::ContextFull { tokens, free });
        }
        Ok(Self {
            prompt: prompt.into(),
            prompt_tokens: tokens,
            limits,
            logits: Vec::new(),
            tokens: Vec::new(),
            context: 0,
            waiting: 0,
            unread: None,
            stopped: false,
        })
    }

    /// Ends it: the next step is the last.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Tokens drawn so far.
    pub fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// Reads a slice of the prompt, or draws a token. After [`Step::End`] it ends again and again.
    pub fn step(
        &mut self,
        model: &mut dyn TokenModel,
        tokenizer: &dyn Tokenizer,
        sample: &mut Sample<'_>,
    ) -> Result<Step, RuntimeError> {
        if self.stopped {
            return self.end(tokenizer, StopReason::Stopped);
        }
        if !self.prompt.is_empty() {
            return self.read_prompt(model);
        }
        if self.tokens.len() >= self.limits.max_tokens {
            return self.end(tokenizer, StopReason::MaxTokens);
        }
        if let Some(token) = self.unread {
            if model.position() >= model.context_length() {
                return self.end(tokenizer, StopReason::ContextFull);
            }
            model.forward(&[token], LogitRows::Last, &mut self.logits)?;
            self.unread = None;
        }
        let token = sample(&self.logits)?;
        if tokenizer.eos().contains(&token) {
            self.limits.max_tokens = self.tokens.len();
            return self.end(tokenizer, StopReason::EndOfText);
        }
        self.tokens.push(token);
        self.unread = Some(token);
        Ok(Step::Token { token, text: self.text(tokenizer, MOST_WAITING)? })
    }

    fn read_prompt(&mut self, model: &mut dyn TokenModel) -> Result<Step, RuntimeError> {
        let slice: Vec<_> = self.prompt.drain(..self.prompt.len().min(PROMPT_SLICE)).collect();
        let rows = if self.prompt.is_empty() { LogitRows::Last } else { LogitRows::None };
        model.forward(&slice, rows, &mut self.logits)?;
        Ok(Step::Prompt { done: self.prompt_tokens - self.prompt.len(), tokens: self.prompt_tokens })
    }

    fn end(&mut self, tokenizer: &dyn Tokenizer, reason: StopReason) -> Result<Step, RuntimeError> {
        Ok(Step::End { text: self.text(tokenizer, 0)?, reason })
    }

    /// Text that became certain. A tokenizer may treat the first token of a sequence in its own way, so new text is
    /// decoded together with the tokens before it.
    fn text(&mut self, tokenizer: &dyn Tokenizer, most_waiting: usize) -> Result<String, RuntimeError> {
        let before = tokenizer.decode(&self.tokens[self.context..self.waiting])?;
        let now = tokenizer.decode(&self.tokens[self.context..])?;
        let unfinished = now.ends_with('\u{FFFD}') && self.tokens.len() - self.waiting < most_waiting;
        match now.get(before.len()..).filter(|new| !new.is_empty() && !unfinished) {
            None => Ok(String::new()),
            Some(new) => {
                (self.context, self.waiting) = (self.waiting, self.tokens.len());
                Ok(new.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
