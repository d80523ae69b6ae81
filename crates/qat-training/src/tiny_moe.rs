//! `tiny-moe`: a mixture of experts trained on the same text as `tiny`.

use crate::TrainError;
use crate::tiny::{TinyModel, tiny_spec, train_model};
use crate::training::{Progress, Reporter, TrainConfig};
use domain_types::{Clock, DomainError, EventSink, ExpertsSpec, GateNorm, Gating, ModelSpec};

/// The specification of `tiny-moe`: 3 layers of 16 experts, 2 per token, each a quarter as wide as the feed-forward
/// layer of `tiny`; 5.4 million parameters, 1.3 million of them in use for a token.
pub fn tiny_moe_spec() -> Result<ModelSpec, DomainError> {
    let ffn_width = 128;
    let gating = Gating::new(16, 2, GateNorm::Chosen)?;
    let experts = Some(ExpertsSpec { gating, ffn_width, shared: None });
    Ok(ModelSpec { layers: 3, ffn_width, experts, ..tiny_spec() })
}

/// Trains `tiny-moe` on the CPU as [`train_tiny`](crate::train_tiny) trains `tiny`: same corpus, same tokenizer.
pub fn train_tiny_moe(
    config: &TrainConfig,
    sink: &dyn EventSink,
    clock: &dyn Clock,
    progress: &mut dyn FnMut(&Progress),
) -> Result<TinyModel, TrainError> {
    let about = "A small mixture of experts of sums, program traces, tool calls, needles and stories";
    let mut reporter = Reporter { sink, clock, progress };
    train_model(tiny_moe_spec()?, ["pibit-tiny-moe", about], config, &mut reporter)
}
