//! Settings of quantization-aware training, as they stand in a TOML file.

use crate::{Granularity, LoraConfig, RoutingConfig, Surrogate, TrainError};
use serde::{Deserialize, Serialize};

/// All settings; what is left out has its default, and keys that do not exist are refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QatConfig {
    /// How weights are rounded while they learn.
    pub quantization: QuantizationConfig,
    /// Steps, rates and batches.
    pub qat: ScheduleConfig,
    /// What is learnt from whom.
    pub distillation: DistillationConfig,
    /// What block-wise training needs beside.
    pub blockwise: BlockwiseConfig,
    /// The adapters of mode `lora`.
    pub lora: LoraConfig,
    /// How the routers of a mixture of experts learn together with what is rounded, in the modes that train all layers
    /// at once. By default nothing is added to the losses above.
    pub routing: RoutingConfig,
}

/// How weights are rounded while they learn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantizationConfig {
    /// What stands for the gradient of rounding.
    pub surrogate: Surrogate,
    /// Which weights share a learned step.
    pub granularity: Granularity,
    /// Format of the key–value cache that the model is trained for; its rounding comes with the run.
    pub kv: Option<String>,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QatMode {
    /// Weights, norms and steps.
    #[default]
    Full,
    /// Steps alone.
    Scales,
    /// Weights, norms and steps of one block at a time.
    Blockwise,
    /// Norms alone: matrices stay as they are, of whatever format.
    Norms,
    /// Adapters beside matrices that stay as they are.
    Lora,
}

/// Steps, rates and batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Seed of the data.
    pub seed: u64,
    /// What is trained.
    pub mode: QatMode,
    /// Optimizer steps; of each block where blocks are trained in turn.
    pub steps: usize,
    /// Tokens of a row.
    pub row_length: usize,
    /// Rows that go through the network together.
    pub batch_size: usize,
    /// Batches whose gradients are added up before a step.
    pub gradient_accumulation: usize,
    /// Whether cheap intermediate results are computed again in the backward pass instead of kept: less memory, more
    /// time.
    pub gradient_checkpointing: bool,
    /// Highest learning rate of weights, reached after `warmup` steps; from there a cosine down to a fiftieth.
    pub learning_rate: f64,
    /// The same of the quantizers' steps, whose size is a tenth of the weights'.
    pub step_learning_rate: f64,
    /// Steps of linear warm-up.
    pub warmup: usize,
    /// Decoupled weight decay of weights.
    pub weight_decay: f32,
    /// Norm to which each tensor's gradient is clipped.
    pub clip: f32,
    /// Weight of prompt tokens in the losses; answers weigh 1.
    pub prompt_weight: f32,
    /// Optimizer steps between two points of the loss curve.
    pub log_every: usize,
    /// Optimizer steps of an epoch, after which the student is validated and a checkpoint is written.
    pub checkpoint_every: usize,
    /// Held-out rows that an epoch's perplexity is measured on; with 0 there is no validation, and a text is trained on to
    /// its end.
    pub validation_rows: usize,
    /// Held-out problems that an epoch's reasoning score is measured on.
    pub validation_problems: usize,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            mode: QatMode::Full,
            steps: 300,
            row_length: 128,
            batch_size: 8,
            gradient_accumulation: 1,
            gradient_checkpointing: false,
            learning_rate: 5e-4,
            step_learning_rate: 1e-4,
            warmup: 20,
            weight_decay: 0.0,
            clip: 1.0,
            prompt_weight: 0.15,
            log_every: 10,
            checkpoint_every: 50,
            validation_rows: 16,
            validation_problems: 25,
        }
    }
}

/// loss = α·CE + β·T²·KL(teacher ‖ student) + γ·T²·KL at the tokens of reasoning steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillationConfig {
    /// α: weight of the cross-entropy with the data.
    pub cross_entropy: f32,
    /// β: weight of the divergence from the teacher.
    pub distillation: f32,
    /// γ: weight of that divergence at reasoning steps alone.
    pub reasoning: f32,
    /// T: both distributions are softened by it.
    pub temperature: f32,
}

impl Default for DistillationConfig {
    fn default() -> Self {
        Self { cross_entropy: 0.5, distillation: 1.0, reasoning: 1.0, temperature: 1.0 }
    }
}

/// What block-wise training needs beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockwiseConfig {
    /// Rows that every block is trained on, the same for all. Two residual streams over them are in memory.
    pub rows: usize,
    /// How the error of a block's output is measured.
    pub error: BlockError,
}

impl Default for BlockwiseConfig {
    fn default() -> Self {
        Self { rows: 256, error: BlockError::Relative }
    }
}

/// How the error of a block's output is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockError {
    /// Mean squared error, as in EfficientQAT: positions whose residual stream is large decide.
    Absolute,
    /// The same as a share of the target's energy at each position: all positions count alike.
    #[default]
    Relative,
}

impl QatMode {
    /// Whether matrices stay as they are, packed as the file has them.
    pub fn freezes_matrices(self) -> bool {
        matches!(self, Self::Norms | Self::Lora)
    }
}

impl QatConfig {
    /// Checks that the numbers make sense for a model of this context length.
    pub(crate) fn validate(&self, context_length: usize) -> Result<(), TrainError> {
        let fail = |what: String| Err(TrainError::Config(what));
        let (s, d) = (&self.qat, &self.distillation);
        let counts = [s.steps, s.batch_size, s.gradient_accumulation, s.log_every, s.checkpoint_every];
        if counts.contains(&0) {
            return fail(
                "steps, batch_size, gradient_accumulation, log_every and checkpoint_every must be above 0"
                    .into(),
            );
        }
        if self.qat.mode == QatMode::Lora {
            self.lora.validate()?;
        }
        if self.qat.mode == QatMode::Blockwise && self.blockwise.rows < s.batch_size {
            let rows = self.blockwise.rows;
            return fail(format!("blockwise.rows = {rows} must be at least batch_size = {}", s.batch_size));
        }
        if !(16..=context_length).contains(&s.row_length) {
            let length = s.row_length;
            return fail(format!(
                "row_length = {length} is not between 16 and the context of {context_length}"
            ));
        }
        let rates = [s.learning_rate, s.step_learning_rate];
        if !rates.iter().all(|rate| (0.0..1.0).contains(rate)) || rates == [0.0, 0.0] {
            return fail(format!("learning rates {rates:?} are not between 0 and 1"));
        }
        let shares = [s.prompt_weight, s.weight_decay];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return fail("prompt_weight and weight_decay are between 0 and 1".into());
        }
        let weights = [d.cross_entropy, d.distillation, d.reasoning];
        let sound = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        if !sound || weights == [0.0; 3] {
            return fail(format!("loss weights {weights:?} must not be negative, nor all zero"));
        }
        if !self.routing.is_sound() {
            return fail(format!("weights of routing must not be negative: {:?}", self.routing));
        }
        if !(d.temperature > 0.0 && d.temperature <= 100.0 && s.clip > 0.0) {
            return fail("temperature (to 100) and clip must be above 0".into());
        }
        Ok(())
    }

    /// Whether the losses ask for a teacher.
    pub fn needs_teacher(&self) -> bool {
        self.distillation.distillation > 0.0 || self.distillation.reasoning > 0.0
    }
}
