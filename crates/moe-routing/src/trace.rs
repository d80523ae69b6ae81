//! What the gates of a model said, token by token: recorded once, replayed with any routing and any cache.
//!
//! A trace is text, one JSON object per line: first what the model is, then the logits of all layers for each token.
//!
//! ```text
//! {"format":"pibit-routes","version":1,"layers":2,"experts":3,"top_k":1,"norm":"chosen","expert_bytes":1000}
//! {"domain":"math","logits":[[0.5,-1.0,2.0],[1.5,0.0,-0.25]]}
//! ```

mod header;
mod reader;
mod recorder;
mod writer;

pub use header::TraceHeader;
pub use reader::read_trace;
pub use recorder::TraceRecorder;
pub use writer::TraceWriter;

use crate::{ModelSize, MoeError};

/// A trace in memory: rectangular, and every logit finite.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingTrace {
    header: TraceHeader,
    domains: Vec<String>,
    /// Index into `domains` of each token.
    domain_of: Vec<u32>,
    /// Tokens × layers × experts.
    logits: Vec<f32>,
}

/// Domains that a trace may name: they are labels, not a place for data.
const MOST_DOMAINS: usize = 1024;

impl RoutingTrace {
    /// A trace without tokens.
    pub fn new(header: TraceHeader) -> Self {
        Self { header, domains: Vec::new(), domain_of: Vec::new(), logits: Vec::new() }
    }

    /// Adds a token: the logits of each layer, one after another. An empty domain is none.
    pub fn push(&mut self, domain: &str, logits: &[f32]) -> Result<(), MoeError> {
        let (expected, experts) = (self.header.logits_per_token(), self.header.gating().experts());
        if logits.len() != expected {
            return Err(MoeError::Length { what: "logits of a token", expected, actual: logits.len() });
        }
        if let Some(at) = logits.iter().position(|z| !z.is_finite()) {
            let (layer, expert) = (at / experts, at % experts);
            return Err(MoeError::BadLogit { layer, expert, value: logits[at] });
        }
        let known = self.domains.iter().position(|d| d == domain);
        let index = match known {
            Some(index) => index,
            None if self.domains.len() == MOST_DOMAINS => {
                let (option, range) = ("domains of a trace", "at most 1024");
                return Err(MoeError::BadOption { option, value: MOST_DOMAINS as f64 + 1.0, range });
            }
            None => {
                self.domains.push(domain.into());
                self.domains.len() - 1
            }
        };
        self.domain_of.push(index as u32);
        self.logits.extend_from_slice(logits);
        Ok(())
    }

    /// What the model is.
    pub fn header(&self) -> &TraceHeader {
        &self.header
    }

    /// Layers and experts.
    pub fn size(&self) -> ModelSize {
        ModelSize::new(self.header.layers(), self.header.gating().experts())
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.domain_of.len()
    }

    /// Logits of a layer for a token.
    ///
    /// # Panics
    /// If there is no such token or layer.
    pub fn logits(&self, token: usize, layer: usize) -> &[f32] {
        let experts = self.header.gating().experts();
        let start = (token * self.header.layers() + layer) * experts;
        &self.logits[start..start + experts]
    }

    /// The domain of a token; empty where it has none.
    ///
    /// # Panics
    /// If there is no such token.
    pub fn domain(&self, token: usize) -> &str {
        &self.domains[self.domain_of[token] as usize]
    }
}
