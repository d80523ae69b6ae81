//! A matrix whose scales move.

use super::PackedModel;
use crate::TrainError;
use crate::continual::Fisher;
use crate::continual::fisher::scale_gradients;
use crate::continual::gradients::differentiate;
use crate::network::Llama;
use crate::training::Batch;
use domain_types::{CodecSet, QuantTensor};
use std::collections::HashMap;

/// A matrix that takes part.
pub(super) struct Matrix<'a> {
    name: &'a str,
    packed: QuantTensor,
    weights: Vec<f32>,
    /// Of the loss on recent rows, with respect to ln s.
    gradient: Vec<f32>,
    /// λ·F.
    stiffness: Vec<f32>,
    /// Where a whole step goes, relative.
    pub(super) direction: Vec<f32>,
}

/// A matrix after a step.
pub(super) struct Moved<'a> {
    pub(super) name: &'a str,
    pub(super) packed: QuantTensor,
    pub(super) weights: Vec<f32>,
    pub(super) penalty: f64,
    /// Sum of squared relative changes, and how many blocks there are.
    pub(super) squares: f64,
    pub(super) blocks: usize,
}

/// The matrices whose blocks have scales with the gradients of these, and the mean loss.
pub(super) fn matrices<'a>(
    model: PackedModel<'a>,
    network: &Llama,
    batches: &[Batch],
) -> Result<(Vec<Matrix<'a>>, f64), TrainError> {
    let mut matrices = Vec::new();
    for info in model.packed.tensors().iter().filter(|info| info.is_matrix()) {
        let packed = model.packed.tensor(&info.name)?;
        let blocks = info.shape.rows() * info.shape.row_len().div_ceil(info.format.block_len());
        let codec = model.codecs.require(&info.format)?;
        // Only formats that can do it take part.
        if codec.rescale(packed.view(), &vec![1.0; blocks]).is_ok() {
            let mut weights = vec![0.0; info.shape.elements()];
            codec.decode(packed.view(), &mut weights)?;
            let (gradient, none) = (vec![0.0; blocks], Vec::new);
            let name = &info.name;
            matrices.push(Matrix { name, packed, weights, gradient, stiffness: none(), direction: none() });
        }
    }
    if matrices.is_empty() {
        let why =
            "no matrix of this model has blocks of one scale times levels (piq2, piq3, pit, nf2 to nf4 have)";
        return Err(TrainError::Config(why.into()));
    }
    let index: HashMap<&str, usize> = matrices.iter().enumerate().map(|(i, m)| (m.name, i)).collect();
    let total = super::tokens(batches) as f32;
    let mut loss = 0.0;
    for batch in batches {
        let share = batch.targets.len() as f32 / total;
        let mut add = |name: &str, gradient: Vec<f32>| matrices[index[name]].add(&gradient, share);
        loss += f64::from(share) * differentiate(network, batch, |name| index.contains_key(name), &mut add)?;
    }
    Ok((matrices, loss))
}

impl<'a> Matrix<'a> {
    fn add(&mut self, gradient: &[f32], share: f32) {
        let (width, block) = (self.packed.shape().row_len(), self.packed.format().block_len());
        let found = scale_gradients(&self.weights, gradient, width, block);
        self.gradient.iter_mut().zip(found).for_each(|(sum, g)| *sum += share * g);
    }

    /// Sets the direction of a step.
    pub(super) fn aim(&mut self, fisher: Option<&Fisher>, lambda: f32) -> Result<(), TrainError> {
        let information = match fisher {
            None => vec![0.0; self.gradient.len()],
            // A row's mean over T tokens has 1/T of the information of a token.
            Some(fisher) => self.information(fisher)?.iter().map(|f| f * fisher.row_length as f32).collect(),
        };
        let mean = information.iter().sum::<f32>() / information.len() as f32;
        let damping = if mean > 0.0 { (1.0 + lambda) * mean } else { 1.0 };
        let steps = self.gradient.iter().zip(&information);
        self.direction = steps.map(|(g, f)| -g / ((1.0 + lambda) * f + damping)).collect();
        self.stiffness = information.iter().map(|f| lambda * f).collect();
        Ok(())
    }

    fn information<'f>(&self, fisher: &'f Fisher) -> Result<&'f [f32], TrainError> {
        let found = fisher.matrices.get(self.name).map(|m| m.scales.as_slice());
        found.filter(|scales| scales.len() == self.gradient.len()).ok_or_else(|| {
            TrainError::Config(format!(
                "the Fisher information has no scales for {} as this model has it: measure it again with `pibit adapt fisher`",
                self.name
            ))
        })
    }

    /// The matrix after a share of the step.
    pub(super) fn moved(&self, codecs: &dyn CodecSet, share: f32) -> Result<Moved<'a>, TrainError> {
        let codec = codecs.require(self.packed.format())?;
        let factors: Vec<f32> = self.direction.iter().map(|d| 1.0 + share * d).collect();
        let packed = codec.rescale(self.packed.view(), &factors)?;
        let mut weights = vec![0.0; self.weights.len()];
        codec.decode(packed.view(), &mut weights)?;
        let square = |d: &f32| f64::from(share * d).powi(2);
        let penalty =
            self.stiffness.iter().zip(&self.direction).map(|(f, d)| 0.5 * f64::from(*f) * square(d));
        let squares = self.direction.iter().map(square).sum();
        Ok(Moved { name: self.name, packed, weights, penalty: penalty.sum(), squares, blocks: factors.len() })
    }
}
