//! Settings of a training run.

use super::RoutingConfig;
use crate::TrainError;
use std::path::PathBuf;

/// Settings of a training run. The same settings on the same device and thread count give the same model; another
/// thread count changes the order of some sums and with it the last bits.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Seed of the corpus and of the initial weights.
    pub seed: u64,
    /// Optimizer steps.
    pub steps: usize,
    /// Tokens of a step: rows times row length.
    pub batch_tokens: usize,
    /// Highest learning rate, reached after `warmup` steps; from there a cosine down to a fiftieth.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    pub warmup: usize,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f32,
    /// Weight of prompt tokens in the loss; answers weigh 1. Prompts are partly random, and nobody needs a model
    /// that guesses the numbers of a question.
    pub prompt_weight: f32,
    /// Steps between two points of the loss curve.
    pub log_every: usize,
    /// Steps between two checks of held-out accuracy and two checkpoints.
    pub evaluate_every: usize,
    /// Held-out tasks per domain of such a check.
    pub tasks: usize,
    /// How the routers of a mixture of experts are trained; without experts it has no meaning.
    pub routing: RoutingConfig,
    /// Where weights are kept during the run. A run that finds a checkpoint of the same settings goes on from its
    /// weights and step; the optimizer's moments start anew.
    pub checkpoint: Option<PathBuf>,
}

impl Default for TrainConfig {
    /// The settings for `tiny` (docs/tiny.md tells how the committed model came about).
    fn default() -> Self {
        Self {
            seed: 1,
            steps: 5000,
            batch_tokens: 1024,
            learning_rate: 1e-3,
            warmup: 100,
            weight_decay: 0.05,
            prompt_weight: 0.15,
            log_every: 25,
            evaluate_every: 500,
            tasks: 200,
            routing: RoutingConfig::default(),
            checkpoint: None,
        }
    }
}

impl TrainConfig {
    /// Checks that the numbers make sense for a model of this context length.
    pub(crate) fn validate(&self, context_length: usize) -> Result<(), TrainError> {
        let fail = |what: String| Err(TrainError::Config(what));
        if self.steps == 0 || self.log_every == 0 || self.evaluate_every == 0 {
            return fail("steps, log_every and evaluate_every must be above 0".into());
        }
        if self.batch_tokens < context_length || self.batch_tokens > 1 << 20 {
            let tokens = self.batch_tokens;
            return fail(format!("batch_tokens = {tokens} must be from {context_length} (a row) to 1048576"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate < 1.0) {
            return fail(format!("a learning rate of {} is not between 0 and 1", self.learning_rate));
        }
        if !(0.0..=1.0).contains(&self.prompt_weight) || !(0.0..1.0).contains(&self.weight_decay) {
            return fail("prompt_weight and weight_decay are between 0 and 1".into());
        }
        Ok(())
    }
}
