//! A mixture of experts in place of a feed-forward layer (Shazeer et al. 2017, arXiv 1701.06538; Mixtral, arXiv
//! 2401.04088; shared experts: arXiv 2401.06066).

mod assignment;
mod resident;
mod top_k;

pub use resident::ResidentExperts;
pub use top_k::TopK;

use super::buffer::grown;
use super::exponential::sigmoid;
use super::feed_forward::gated;
use super::project::project;
use assignment::Assignment;
use domain_types::{Activation, ExpertChoice, ExpertId, ExpertProvider, ExpertRouter, Linear, PortError};
use std::sync::Arc;

/// Who decides which experts a token goes to, and who has their weights.
pub struct ExpertPorts {
    /// Chooses.
    pub router: Box<dyn ExpertRouter>,
    /// Gives.
    pub provider: Arc<dyn ExpertProvider>,
}

/// What one block has of its own: all but the experts.
pub(super) struct Mixture {
    /// `[experts, width]`.
    pub(super) gate: Box<dyn Linear>,
    pub(super) shared: Option<Shared>,
    pub(super) activation: Activation,
}

/// The expert that every token passes.
pub(super) struct Shared {
    pub(super) gate: Box<dyn Linear>,
    pub(super) up: Box<dyn Linear>,
    pub(super) down: Box<dyn Linear>,
    /// w of σ(w·x), which its output is multiplied by.
    pub(super) scale: Option<Vec<f32>>,
}

/// Buffers, grown to the largest batch seen.
#[derive(Default)]
pub(super) struct MixtureScratch {
    logits: Vec<f32>,
    resident: Vec<bool>,
    chosen: Vec<ExpertChoice>,
    assignment: Assignment,
    /// Inputs of one expert's tokens, gathered.
    rows: Vec<f32>,
    inner: Vec<f32>,
    up: Vec<f32>,
    out: Vec<f32>,
}

impl Mixture {
    /// Adds what the experts make of `x` (tokens × width) to `hidden`.
    pub(super) fn forward(
        &self,
        layer: usize,
        x: &[f32],
        ports: &mut ExpertPorts,
        scratch: &mut MixtureScratch,
        hidden: &mut [f32],
    ) -> Result<(), PortError> {
        self.route(layer, x, ports, scratch)?;
        let MixtureScratch { assignment, rows, inner, up, out, .. } = scratch;
        let width = self.gate.in_features();
        for (expert, tokens) in assignment.by_expert() {
            let before = tokens.iter().map(|t| t.before).fold(f32::INFINITY, f32::min);
            let Some(pinned) = ports.provider.acquire(ExpertId::new(layer, expert), before)? else {
                continue;
            };
            let rows = grown(rows, tokens.len() * width);
            for (row, t) in rows.chunks_exact_mut(width).zip(tokens) {
                row.copy_from_slice(&x[t.token * width..(t.token + 1) * width]);
            }
            let inner = grown(inner, tokens.len() * pinned.gate().out_features());
            gated(pinned.gate(), pinned.up(), self.activation, rows, up, inner);
            let out = grown(out, tokens.len() * width);
            project(pinned.down(), inner, tokens.len(), out);
            for (row, t) in out.chunks_exact(width).zip(tokens) {
                add(&mut hidden[t.token * width..(t.token + 1) * width], t.weight, row);
            }
        }
        if let Some(shared) = &self.shared {
            shared.forward(x, self.activation, [inner, up, out], hidden);
        }
        Ok(())
    }

    /// Chooses for every token. What is resident is asked once: a batch takes every expert once.
    fn route(
        &self,
        layer: usize,
        x: &[f32],
        ports: &mut ExpertPorts,
        scratch: &mut MixtureScratch,
    ) -> Result<(), PortError> {
        let MixtureScratch { logits, resident, chosen, assignment, .. } = scratch;
        let (width, experts) = (self.gate.in_features(), self.gate.out_features());
        let tokens = x.len() / width;
        let logits = grown(logits, tokens * experts);
        project(&*self.gate, x, tokens, logits);
        resident.clear();
        resident.resize(experts, false);
        ports.provider.residency(layer, resident);
        assignment.clear();
        for (token, (logits, x)) in logits.chunks_exact(experts).zip(x.chunks_exact(width)).enumerate() {
            ports.router.route(layer, logits, resident, chosen)?;
            ports.provider.routed(layer, chosen, x);
            assignment.push(token, chosen);
        }
        assignment.sort();
        Ok(())
    }

    /// Bytes that every token reads.
    pub(super) fn weight_bytes(&self) -> usize {
        let shared = self
            .shared
            .as_ref()
            .map_or(0, |s| s.gate.weight_bytes() + s.up.weight_bytes() + s.down.weight_bytes());
        self.gate.weight_bytes() + shared
    }
}

impl Shared {
    fn forward(
        &self,
        x: &[f32],
        activation: Activation,
        [inner, up, out]: [&mut Vec<f32>; 3],
        hidden: &mut [f32],
    ) {
        let width = self.gate.in_features();
        let tokens = x.len() / width;
        let inner = grown(inner, tokens * self.gate.out_features());
        gated(&*self.gate, &*self.up, activation, x, up, inner);
        let out = grown(out, tokens * width);
        project(&*self.down, inner, tokens, out);
        let rows = out.chunks_exact(width).zip(x.chunks_exact(width)).zip(hidden.chunks_exact_mut(width));
        for ((row, x), hidden) in rows {
            let weight = self.scale.as_ref().map_or(1.0, |w| {
                let z: f32 = w.iter().zip(x).map(|(w, x)| w * x).sum();
                sigmoid(z)
            });
            add(hidden, weight, row);
        }
    }
}

fn add(hidden: &mut [f32], weight: f32, row: &[f32]) {
    hidden.iter_mut().zip(row).for_each(|(h, y)| *h += weight * y);
}
