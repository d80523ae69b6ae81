//! Dynamic precision: versions of a model, of which one with more bits takes over where quality asks for it.

use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::model_ref::{ModelRef, stored_bytes};
use anyhow::{Result, bail};
use domain_types::{DomainEvent, EventSink, LogitRows, PortError, PrecisionControl, QualityDrop};
use domain_types::{TokenId, TokenModel};
use observability::ActivationWatch;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A version of the model.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rung {
    pub(crate) model: String,
    pub(crate) bits_per_weight: f64,
}

/// A model and its versions of more bits. All are open from the start, so that a bad one is found before the work; their
/// weights are mapped, so that those which are not used take no memory.
pub(crate) struct Ladder {
    models: Vec<LoadedModel>,
    rungs: Vec<Rung>,
    at: usize,
    asked: Arc<AtomicUsize>,
    sink: Arc<dyn EventSink>,
}

impl Ladder {
    /// The model alone.
    pub(crate) fn new(context: &Context, name: &ModelRef, model: LoadedModel) -> Self {
        let rungs = vec![rung(name, &model)];
        let (asked, sink) = (Arc::default(), context.sink.clone());
        Self { models: vec![model], rungs, at: 0, asked, sink }
    }

    /// Adds the next version; an error where it has another vocabulary, or not more bits.
    pub(crate) fn push(&mut self, name: &ModelRef, model: LoadedModel) -> Result<()> {
        let next = rung(name, &model);
        let vocab = model.transformer.vocab_size();
        if vocab != self.vocab_size() {
            bail!("{name} has a vocabulary of {vocab}, the model one of {}", self.vocab_size());
        }
        if let Some(last) = self.rungs.last().filter(|last| last.bits_per_weight >= next.bits_per_weight) {
            bail!(
                "{name} has {:.3} bits per weight, {} before it {:.3}: order --raise-to from few to many",
                next.bits_per_weight,
                last.model,
                last.bits_per_weight
            );
        }
        self.models.push(model);
        self.rungs.push(next);
        Ok(())
    }

    pub(crate) fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The version in use.
    pub(crate) fn current(&mut self) -> &mut LoadedModel {
        &mut self.models[self.at]
    }

    /// What counts the activations of each version.
    pub(crate) fn watches(&self) -> Vec<ActivationWatch> {
        self.models.iter().filter_map(|model| model.activations.clone()).collect()
    }

    /// The version that was asked for: it is used from the next chunk on.
    pub(crate) fn asked(&self) -> Arc<AtomicUsize> {
        self.asked.clone()
    }

    /// What moves up.
    pub(crate) fn control(&self) -> Climb {
        Climb { rungs: self.rungs.clone(), asked: self.asked.clone(), sink: self.sink.clone() }
    }
}

fn rung(name: &ModelRef, model: &LoadedModel) -> Rung {
    let weights: usize = model.source.tensors().iter().map(|info| info.shape.elements()).sum();
    let bits = stored_bytes(&*model.source) as f64 * 8.0 / weights.max(1) as f64;
    Rung { model: name.to_string(), bits_per_weight: bits }
}

/// A text is begun and ended with the same version.
impl TokenModel for Ladder {
    fn vocab_size(&self) -> usize {
        self.models[self.at].transformer.vocab_size()
    }

    fn context_length(&self) -> usize {
        self.models.iter().map(|model| model.transformer.context_length()).min().unwrap_or(0)
    }

    fn position(&self) -> usize {
        self.models[self.at].transformer.position()
    }

    fn reset(&mut self) {
        self.models[self.at].transformer.reset();
        self.at = self.asked.load(Ordering::Relaxed);
    }

    fn forward(
        &mut self,
        tokens: &[TokenId],
        rows: LogitRows,
        logits: &mut Vec<f32>,
    ) -> Result<(), PortError> {
        self.models[self.at].transformer.forward(tokens, rows, logits)
    }
}

/// Asks a ladder for its next version.
pub(crate) struct Climb {
    rungs: Vec<Rung>,
    asked: Arc<AtomicUsize>,
    sink: Arc<dyn EventSink>,
}

impl PrecisionControl for Climb {
    fn ask_for_more(&mut self, drop: &QualityDrop<'_>) -> bool {
        let at = self.asked.load(Ordering::Relaxed);
        let Some(next) = self.rungs.get(at + 1) else { return false };
        self.asked.store(at + 1, Ordering::Relaxed);
        self.sink.record(&DomainEvent::PrecisionRaised {
            model: next.model.clone(),
            old_bits: self.rungs[at].bits_per_weight,
            new_bits: next.bits_per_weight,
            reason: drop.measure.into(),
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::{CollectingSink, precision_control_conformance};

    #[test]
    fn climbing_ends_at_the_top_and_is_told() {
        let rung = |bits: f64| Rung { model: format!("{bits}"), bits_per_weight: bits };
        let (sink, asked) = (Arc::new(CollectingSink::default()), Arc::default());
        let rungs = vec![rung(2.0), rung(3.0), rung(4.0)];
        let mut climb = Climb { rungs, asked: Arc::clone(&asked), sink: sink.clone() };
        precision_control_conformance(&mut climb, 2);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        let told = sink.events();
        assert!(matches!(&told[..], [_, DomainEvent::PrecisionRaised { old_bits, new_bits, .. }]
            if (*old_bits, *new_bits) == (3.0, 4.0)));
    }
}
