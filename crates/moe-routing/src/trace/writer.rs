//! Traces to text.

use super::header::{RawHeader, TraceHeader};
use crate::MoeError;
use serde::Serialize;
use std::io::Write;

/// Writes a trace as tokens come. Whoever wants a file that is complete or absent gives a writer that sees to that.
#[derive(Debug)]
pub struct TraceWriter<W> {
    header: TraceHeader,
    out: W,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    domain: &'a str,
    logits: Vec<&'a [f32]>,
}

impl<W: Write> TraceWriter<W> {
    /// Writes the header.
    pub fn new(mut out: W, header: TraceHeader) -> Result<Self, MoeError> {
        line(&mut out, &RawHeader::from(&header))?;
        Ok(Self { header, out })
    }

    /// What the model is.
    pub(super) fn header(&self) -> &TraceHeader {
        &self.header
    }

    /// Writes a token: the logits of each layer, one after another; finite, as many as the header says. An empty domain is
    /// none.
    pub fn push(&mut self, domain: &str, logits: &[f32]) -> Result<(), MoeError> {
        let (expected, experts) = (self.header.logits_per_token(), self.header.gating().experts());
        if logits.len() != expected {
            return Err(MoeError::Length { what: "logits of a token", expected, actual: logits.len() });
        }
        if let Some(at) = logits.iter().position(|z| !z.is_finite()) {
            // JSON would turn it into null.
            return Err(MoeError::BadLogit { layer: at / experts, expert: at % experts, value: logits[at] });
        }
        line(&mut self.out, &Line { domain, logits: logits.chunks_exact(experts).collect() })
    }

    /// Flushes and gives the writer back.
    pub fn finish(mut self) -> Result<W, MoeError> {
        self.out.flush().map_err(|source| MoeError::TraceIo { source })?;
        Ok(self.out)
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<(), MoeError> {
    let written = serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from);
    written.and_then(|()| out.write_all(b"\n")).map_err(|source| MoeError::TraceIo { source })
}
