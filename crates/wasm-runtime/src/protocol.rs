//! The messages of a generation between a page and its worker, as JSON.

use crate::{RuntimeError, Step, StopReason};
use serde::{Deserialize, Serialize};

/// The longest message that is read: room for any context's text.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// What a page asks for.
///
/// `id` is the page's number for the request; every [`Reply`] to it carries it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Request {
    /// Continue a text.
    Generate {
        /// Number of the request.
        id: u32,
        /// The text.
        prompt: String,
        /// Most tokens to draw.
        max_tokens: usize,
        /// 0, the default, takes the likeliest token.
        #[serde(default)]
        temperature: f32,
        /// Start of the random sequence.
        #[serde(default)]
        seed: u64,
    },
    /// End the generation that is under way.
    Stop {
        /// Number of the request that began it.
        id: u32,
    },
}

impl Request {
    /// Reads a message of at most [`MAX_MESSAGE_BYTES`].
    pub fn parse(json: &str) -> Result<Self, RuntimeError> {
        if json.len() > MAX_MESSAGE_BYTES {
            return Err(RuntimeError::MessageTooLong { bytes: json.len(), limit: MAX_MESSAGE_BYTES });
        }
        serde_json::from_str(json).map_err(|error| RuntimeError::BadMessage(error.to_string()))
    }

    /// Number of the request.
    pub fn id(&self) -> u32 {
        match *self {
            Self::Generate { id, .. } | Self::Stop { id } => id,
        }
    }
}

/// What a worker says of a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Reply {
    /// So much of the prompt is read.
    Progress {
        /// Number of the request.
        id: u32,
        /// Tokens read.
        done: usize,
        /// Tokens in all.
        total: usize,
    },
    /// A token was drawn.
    Token {
        /// Number of the request.
        id: u32,
        /// Which.
        token: u32,
        /// Text that is certain now.
        text: String,
    },
    /// A generation ended.
    End {
        /// Number of the request.
        id: u32,
        /// The rest of the text.
        text: String,
        /// Why.
        reason: StopReason,
    },
    /// It failed.
    Error {
        /// Number of the request.
        id: u32,
        /// [`RuntimeError::code`].
        code: &'static str,
        /// What a person may read.
        message: String,
    },
}

impl Reply {
    /// The reply that a step is.
    pub fn of_step(id: u32, step: Step) -> Self {
        match step {
            Step::Prompt { done, tokens } => Self::Progress { id, done, total: tokens },
            Step::Token { token, text } => Self::Token { id, token, text },
            Step::End { text, reason } => Self::End { id, text, reason },
        }
    }

    /// The reply that a failure is.
    pub fn failure(id: u32, error: &RuntimeError) -> Self {
        Self::Error { id, code: error.code(), message: error.to_string() }
    }

    /// As JSON.
    ///
    /// # Panics
    /// Never: a reply holds nothing that JSON does not.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("replies are numbers and text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_with_their_defaults() {
        let json = r#"{"type":"generate","id":7,"prompt":"a","maxTokens":3}"#;
        let expected =
            Request::Generate { id: 7, prompt: "a".into(), max_tokens: 3, temperature: 0.0, seed: 0 };
        assert_eq!(Request::parse(json).unwrap(), expected);
        assert_eq!(Request::parse(r#"{"type":"stop","id":7}"#).unwrap().id(), 7);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for json in [
            "",
            "[]",
            r#"{"type":"explode","id":1}"#,
            r#"{"type":"stop"}"#,
            r#"{"type":"stop","id":-1}"#,
            r#"{"type":"stop","id":1,"extra":0}"#,
        ] {
            assert_eq!(Request::parse(json).unwrap_err().code(), "badMessage", "{json}");
        }
        let long = format!(
            r#"{{"type":"generate","id":1,"maxTokens":1,"prompt":"{}"}}"#,
            "a".repeat(MAX_MESSAGE_BYTES)
        );
        assert_eq!(Request::parse(&long).unwrap_err().code(), "messageTooLong");
    }

    #[test]
    fn replies_are_camel_case() {
        let end = Reply::of_step(1, Step::End { text: "é\"".into(), reason: StopReason::MaxTokens });
        assert_eq!(end.to_json(), r#"{"type":"end","id":1,"text":"é\"","reason":"maxTokens"}"#);
        let progress = Reply::of_step(1, Step::Prompt { done: 32, tokens: 40 });
        assert_eq!(progress.to_json(), r#"{"type":"progress","id":1,"done":32,"total":40}"#);
        let error = Reply::failure(2, &RuntimeError::EmptyPrompt);
        assert!(error.to_json().starts_with(r#"{"type":"error","id":2,"code":"emptyPrompt""#));
    }
}
