//! Traces of a running model.

use super::writer::TraceWriter;
use crate::MoeError;
use domain_types::{ExpertChoice, ExpertRouter, Gating, PortError};
use std::collections::VecDeque;
use std::io::Write;

/// A router that writes down what it is asked and lets another one decide.
///
/// Tokens may come layer by layer, as while reading a prompt, or one after another through all layers: a token is
/// written as soon as its last layer was routed. A reset drops tokens that have not come that far.
pub struct TraceRecorder<R, W> {
    router: R,
    writer: TraceWriter<W>,
    domain: String,
    /// Logits per layer of tokens that are not complete, oldest first.
    waiting: Vec<VecDeque<f32>>,
}

impl<R: ExpertRouter, W: Write + Send> TraceRecorder<R, W> {
    /// Records what `router` is asked. The trace is of layers from 0 on that all have experts.
    pub fn new(router: R, writer: TraceWriter<W>) -> Result<Self, MoeError> {
        let (expected, actual) = (writer.header().gating().experts(), router.gating().experts());
        if expected != actual {
            return Err(MoeError::Length { what: "experts of a recorded router", expected, actual });
        }
        let waiting = vec![VecDeque::new(); writer.header().layers()];
        Ok(Self { router, writer, domain: String::new(), waiting })
    }

    /// Tokens from now on are of this domain.
    pub fn set_domain(&mut self, domain: impl Into<String>) {
        self.domain = domain.into();
    }

    /// Ends the trace.
    pub fn finish(self) -> Result<W, MoeError> {
        self.writer.finish()
    }
}

impl<R: ExpertRouter, W: Write + Send> ExpertRouter for TraceRecorder<R, W> {
    fn gating(&self) -> Gating {
        self.router.gating()
    }

    fn route(
        &mut self,
        layer: usize,
        logits: &[f32],
        resident: &[bool],
        chosen: &mut Vec<ExpertChoice>,
    ) -> Result<(), PortError> {
        let layers = self.waiting.len();
        let waiting = self.waiting.get_mut(layer).ok_or(MoeError::NoSuchLayer { layer, layers })?;
        self.router.route(layer, logits, resident, chosen)?;
        waiting.extend(logits);
        if layer + 1 == layers {
            let experts = logits.len();
            let token: Vec<f32> =
                self.waiting.iter_mut().flat_map(|layer| layer.drain(..experts.min(layer.len()))).collect();
            self.writer.push(&self.domain, &token)?;
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.router.reset();
        self.waiting.iter_mut().for_each(VecDeque::clear);
    }
}
