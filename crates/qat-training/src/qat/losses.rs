//! The losses, apart and together.

use super::DistillationConfig;
use crate::TrainError;
use crate::network::negative_log_likelihood;
use crate::training::Batch;
use burn::tensor::{Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

/// The parts of a loss, in nats per token, before they are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LossParts {
    /// Cross-entropy with the data.
    pub cross_entropy: f64,
    /// T²·KL(teacher ‖ student); 0 without a teacher.
    pub distillation: f64,
    /// The same at the tokens of reasoning steps alone; 0 where there are none.
    pub reasoning: f64,
    /// What the routers' choices cost, weighed already; 0 without experts.
    #[serde(default)]
    pub routing: f64,
}

impl LossParts {
    /// These parts and `share` of others.
    pub(super) fn plus(&self, other: &Self, share: f64) -> Self {
        Self {
            cross_entropy: self.cross_entropy + share * other.cross_entropy,
            distillation: self.distillation + share * other.distillation,
            reasoning: self.reasoning + share * other.reasoning,
            routing: self.routing + share * other.routing,
        }
    }
}

/// The loss to descend, still on the device, and its parts.
pub(super) struct Loss {
    pub(super) total: Tensor<1>,
    cross_entropy: Tensor<1>,
    divergences: Option<(Tensor<1>, Tensor<1>)>,
    routing: Option<Tensor<1>>,
}

impl Loss {
    /// From logits `[positions, vocabulary]` of the student and, without gradients, of the teacher.
    pub(super) fn new(
        config: &DistillationConfig,
        student: Tensor<2>,
        teacher: Option<Tensor<2>>,
        batch: &Batch,
    ) -> Self {
        let device = student.device();
        let shares = |weights: &[f32]| {
            let total: f32 = weights.iter().sum();
            let shares: Vec<f32> = weights.iter().map(|w| w / total.max(f32::MIN_POSITIVE)).collect();
            Tensor::<1>::from_data(TensorData::new(shares, [weights.len()]), &device)
        };
        let weights = shares(&batch.weights);
        let cross_entropy =
            (negative_log_likelihood(student.clone(), &batch.targets) * weights.clone()).sum();
        let mut total = cross_entropy.clone().mul_scalar(config.cross_entropy);
        let divergences = teacher.map(|teacher| {
            let divergence = divergence(student, teacher, config.temperature);
            let everywhere = (divergence.clone() * weights).sum();
            (everywhere, (divergence * shares(&batch.reasoning)).sum())
        });
        if let Some((everywhere, reasoning)) = &divergences {
            total = total + everywhere.clone().mul_scalar(config.distillation);
            total = total + reasoning.clone().mul_scalar(config.reasoning);
        }
        Self { total, cross_entropy, divergences, routing: None }
    }

    /// The same and what the routers' choices cost.
    pub(super) fn with_routing(self, routing: Option<Tensor<1>>) -> Self {
        let total = match &routing {
            Some(routing) => self.total + routing.clone(),
            None => self.total,
        };
        Self { total, routing, ..self }
    }

    /// The figures.
    pub(super) fn parts(self) -> Result<LossParts, TrainError> {
        let [distillation, reasoning] = match self.divergences {
            Some((everywhere, reasoning)) => [scalar(everywhere)?, scalar(reasoning)?],
            None => [0.0; 2],
        };
        let routing = self.routing.map_or(Ok(0.0), scalar)?;
        Ok(LossParts { cross_entropy: scalar(self.cross_entropy)?, distillation, reasoning, routing })
    }
}

/// T²·KL(teacher ‖ student) at each position (Hinton et al. 2015, arXiv 1503.02531).
fn divergence(student: Tensor<2>, teacher: Tensor<2>, temperature: f32) -> Tensor<1> {
    let positions = student.dims()[0];
    let student = activation::log_softmax(student.div_scalar(temperature), 1);
    let teacher = activation::log_softmax(teacher.div_scalar(temperature), 1);
    let divergence = (teacher.clone().exp() * (teacher - student)).sum_dim(1);
    divergence.reshape([positions]).mul_scalar(temperature * temperature)
}

pub(super) fn scalar(tensor: Tensor<1>) -> Result<f64, TrainError> {
    let values = tensor.try_into_vec_as::<f32>().map_err(|e| TrainError::Unsupported(e.to_string()))?;
    Ok(f64::from(values[0]))
}
