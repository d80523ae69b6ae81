//! One quantizer on weights of one kind.

use super::attention::squares;
use super::contender::Contender;
use super::layer::{Attention, Layer};
use crate::context::Context;
use anyhow::{Context as _, Result};
use domain_types::{CodecSet, QuantTensor, TensorQuality};
use quant_core::{Comparison, compare};
use serde::Serialize;

/// A line of the study.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    #[serde(skip)]
    pub(super) contender: Contender,
    pub(super) quantizer: String,
    pub(super) format: &'static str,
    pub(super) bits_per_weight: f64,
    /// Energy of the error over that of the weights.
    pub(super) relative_error: f64,
    #[serde(flatten)]
    pub(super) quality: TensorQuality,
    /// ‖P̂ − P‖ / ‖P‖ of attention scores, where there are any.
    pub(super) attention_error: Option<f64>,
    /// Of the whole model from its original, in nats.
    pub(super) kld: Option<f64>,
}

impl Row {
    /// `None` where nothing was measured.
    pub(super) fn new(contender: &Contender, measured: &Measured) -> Option<Self> {
        let total = Comparison::total(measured.comparisons.iter().copied())?;
        let [error, energy] = measured.attention;
        Some(Self {
            contender: contender.clone(),
            quantizer: contender.name.clone(),
            format: contender.format,
            bits_per_weight: measured.bytes as f64 * 8.0 / measured.weights as f64,
            relative_error: total.relative_error(),
            quality: total.quality(),
            attention_error: (energy > 0.0).then(|| (error / energy).sqrt()),
            kld: None,
        })
    }
}

/// What was measured so far.
#[derive(Default)]
pub(super) struct Measured {
    comparisons: Vec<Comparison>,
    bytes: usize,
    weights: usize,
    /// Squares of errors of scores, and of the scores.
    attention: [f64; 2],
}

impl Measured {
    /// Quantizes a layer.
    pub(super) fn add(&mut self, context: &Context, contender: &Contender, layer: &Layer) -> Result<()> {
        let mut tensors = Vec::with_capacity(layer.matrices.len());
        for matrix in &layer.matrices {
            let tensor = contender
                .quantize(&matrix.weights, matrix.shape)
                .with_context(|| format!("{} of a matrix {}", contender.name, matrix.shape))?;
            self.comparisons.push(compare(&matrix.weights, &tensor)?);
            self.bytes += tensor.bytes().len();
            self.weights += matrix.weights.len();
            tensors.push(tensor);
        }
        let Some(Attention { query, key, probe }) = &layer.attention else { return Ok(()) };
        let exact = probe.scores(&layer.matrices[*query].weights, &layer.matrices[*key].weights);
        let [query, key] = [query, key].map(|at| decode(context, &tensors[*at]));
        let [error, energy] = squares(&exact, &probe.scores(&query?, &key?));
        self.attention = [self.attention[0] + error, self.attention[1] + energy];
        Ok(())
    }
}

fn decode(context: &Context, tensor: &QuantTensor) -> Result<Vec<f32>> {
    let mut weights = vec![0.0; tensor.shape().elements()];
    context.codecs.require(tensor.format())?.decode(tensor.view(), &mut weights)?;
    Ok(weights)
}
