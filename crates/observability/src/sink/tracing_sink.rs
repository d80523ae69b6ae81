//! Domain events as `tracing` events.

use domain_types::{DomainEvent as E, EventSink};
use tracing::{Level, event, event_enabled};

/// The `tracing` target of domain events: filter on it with `PIBIT_LOG=pibit::domain=debug`.
pub const EVENT_TARGET: &str = "pibit::domain";

/// Turns each domain event into one `tracing` event: the message is [`E::name`], the fields are the event's own.
///
/// What happens once per tensor, chunk or epoch is `INFO`; what happens per expert access is `DEBUG`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

impl EventSink for TracingSink {
    fn record(&self, event: &E) {
        // The message carries the name, so that it is written in one place; `tracing` needs static field names.
        macro_rules! emit {
            ($level:ident, $($field:tt)+) => {
                event!(target: EVENT_TARGET, Level::$level, $($field)+, "{}", event.name())
            };
        }
        match event {
            E::WeightsQuantized { layer, format, mse, spectral_distortion_db, bits_per_weight } => {
                emit!(INFO, layer, format, mse, spectral_distortion_db, bits_per_weight);
            }
            E::IncoherenceApplied { layer, transform, mu_before, mu_after } => {
                emit!(INFO, layer, transform, mu_before, mu_after);
            }
            E::GridOptimized { layer, centroids, improvement_pct } => {
                emit!(INFO, layer, centroids, improvement_pct);
            }
            E::CalibrationComplete { layers, domains, total_samples } => {
                emit!(INFO, layers, ?domains, total_samples);
            }
            E::TrainingStep { step, loss, learning_rate, tokens_per_second } => {
                emit!(INFO, step, loss, learning_rate, tokens_per_second);
            }
            E::QatEpochComplete { epoch, loss, ppl, reasoning_score } => {
                emit!(INFO, epoch, loss, ppl, reasoning_score);
            }
            E::LoraQatConverged { adapter_rank, delta_quality } => {
                emit!(INFO, adapter_rank, delta_quality);
            }
            E::ExpertPaged { expert_id, direction, latency_us } => {
                emit!(DEBUG, expert_id, ?direction, latency_us);
            }
            E::PrecisionRebalanced { expert_id, old_bits, new_bits, reason } => {
                emit!(INFO, expert_id, old_bits, new_bits, reason);
            }
            E::CacheHitRateChanged { old, new } => emit!(DEBUG, old, new),
            E::AffinityUpdated { expert_id, old, new } => emit!(DEBUG, expert_id, old, new),
            E::ModelLoaded { model, tensors, bytes } => emit!(INFO, model, tensors, bytes),
            E::EvalChunkComplete { chunk, ppl, kld_mean } => emit!(INFO, chunk, ppl, kld_mean),
            E::FileWritten { path, bytes, config_sha256 } => emit!(INFO, path, bytes, config_sha256),
            E::TextGenerated { prompt_tokens, output_tokens, first_token_seconds, seconds } => {
                emit!(INFO, prompt_tokens, output_tokens, first_token_seconds, seconds);
            }
            E::QualityDrifted { measure, value, limit } => emit!(WARN, measure, value, limit),
            E::ActivationsObserved { outliers, saturation } => emit!(INFO, outliers, saturation),
            E::PrecisionRaised { model, old_bits, new_bits, reason } => {
                emit!(INFO, model, old_bits, new_bits, reason);
            }
            // The enum may grow before this match does: nothing is lost, a test asks for typed fields.
            newer => emit!(INFO, details = ?newer),
        }
    }

    fn enabled(&self) -> bool {
        event_enabled!(target: EVENT_TARGET, Level::INFO)
    }
}
