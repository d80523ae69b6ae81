//! Whether weights are numbers that a network can compute with.

use super::finding::Finding;
use crate::context::Context;
use anyhow::Result;
use domain_types::{CodecSet, TensorSource};
use model_store::GgufFile;

/// No weight of a trained network is near this; products of a few such overflow 16 bits.
const SUSPICIOUS: f32 = 1e4;

/// What was found.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) not_finite: Vec<String>,
    huge: Vec<String>,
}

/// Decodes every tensor of weights.
pub(super) fn scan(context: &Context, file: &GgufFile) -> Result<Numbers> {
    let bar = context.progress.bar("numbers", file.tensors().len() as u64);
    let mut found = Numbers::default();
    let mut weights = Vec::new();
    for info in file.tensors() {
        bar.inc(1);
        // Integer tensors hold no weights.
        let Some(codec) = context.codecs.codec(&info.format) else { continue };
        weights.resize(info.shape.elements(), 0.0);
        codec.decode(file.tensor(&info.name)?.view(), &mut weights)?;
        if weights.iter().any(|w: &f32| !w.is_finite()) {
            found.not_finite.push(info.name.clone());
        } else if weights.iter().any(|w| w.abs() > SUSPICIOUS) {
            found.huge.push(info.name.clone());
        }
    }
    bar.finish_and_clear();
    Ok(found)
}

impl Numbers {
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let not_finite = self.not_finite.iter();
        let not_finite = not_finite
            .map(|name| Finding::critical("not_finite", "has weights that are not finite").of(name));
        let huge = self.huge.iter().map(|name| {
            Finding::warning("huge_weights", format!("has weights beyond ±{SUSPICIOUS}")).of(name)
        });
        not_finite.chain(huge)
    }
}
