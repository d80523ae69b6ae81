//! Domain events as metrics.

use super::instruments::Instruments;
use domain_types::{Direction, DomainEvent as E, EventSink};
use opentelemetry::KeyValue;
use std::sync::Arc;

/// Sets the metrics that an event tells of.
pub(super) struct MetricsSink {
    to: Arc<Instruments>,
}

impl MetricsSink {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        Self { to: instruments }
    }

    fn record_quantization(&self, event: &E) {
        match event {
            E::WeightsQuantized { layer, format, mse, spectral_distortion_db, bits_per_weight } => {
                let format = attribute("format", format);
                let of_tensor = [attribute("tensor", layer), format.clone()];
                self.to.tensors_quantized.add(1, &[format]);
                self.to.tensor_mse.record(*mse, &of_tensor);
                self.to.tensor_distortion.record(*spectral_distortion_db, &of_tensor);
                self.to.tensor_bits.record(*bits_per_weight, &of_tensor);
            }
            E::IncoherenceApplied { layer, mu_before, mu_after, .. } => {
                for (phase, mu) in [("before", mu_before), ("after", mu_after)] {
                    self.to.incoherence.record(*mu, &[attribute("tensor", layer), attribute("phase", phase)]);
                }
            }
            E::GridOptimized { layer, improvement_pct, .. } => {
                self.to.grid_improvement.record(*improvement_pct, &[attribute("tensor", layer)]);
            }
            E::CalibrationComplete { total_samples, .. } => {
                self.to.calibration_samples.add(*total_samples as u64, &[]);
            }
            _ => {}
        }
    }

    fn record_training(&self, event: &E) {
        match event {
            E::TrainingStep { loss, learning_rate, tokens_per_second, .. } => {
                self.to.training_steps.add(1, &[]);
                self.to.training_loss.record(*loss, &[]);
                self.to.training_rate.record(*learning_rate, &[]);
                self.to.training_speed.record(*tokens_per_second, &[]);
            }
            E::QatEpochComplete { loss, ppl, reasoning_score, .. } => {
                self.to.qat_loss.record(*loss, &[]);
                self.to.qat_perplexity.record(*ppl, &[]);
                self.to.qat_reasoning.record(*reasoning_score, &[]);
            }
            E::LoraQatConverged { delta_quality, .. } => self.to.lora_gain.record(*delta_quality, &[]),
            _ => {}
        }
    }

    fn record_experts(&self, event: &E) {
        let expert = |id: &usize| [attribute("expert", &id.to_string())];
        match event {
            E::ExpertPaged { direction, latency_us, .. } => {
                let way = if *direction == Direction::In { "in" } else { "out" };
                self.to.expert_pagings.add(1, &[attribute("direction", way)]);
                let seconds = *latency_us as f64 / 1e6;
                self.to.expert_paging_duration.record(seconds, &[attribute("direction", way)]);
            }
            E::PrecisionRebalanced { expert_id, new_bits, .. } => {
                self.to.expert_precision.record(*new_bits, &expert(expert_id));
            }
            E::CacheHitRateChanged { new, .. } => self.to.cache_hit_ratio.record(*new, &[]),
            E::AffinityUpdated { expert_id, new, .. } => {
                self.to.expert_affinity.record(*new, &expert(expert_id));
            }
            _ => {}
        }
    }

    fn record_use(&self, event: &E) {
        match event {
            E::ModelLoaded { model, bytes, .. } => {
                self.to.models_loaded.add(1, &[]);
                self.to.model_size.record(*bytes as f64, &[attribute("model", model)]);
            }
            E::EvalChunkComplete { ppl, kld_mean, .. } => {
                self.to.eval_chunks.add(1, &[]);
                self.to.eval_perplexity.record(*ppl, &[]);
                if let Some(kld) = kld_mean {
                    self.to.eval_divergence.record(*kld, &[]);
                }
            }
            E::FileWritten { bytes, .. } => {
                self.to.files_written.add(1, &[]);
                self.to.bytes_written.add(*bytes, &[]);
            }
            _ => {}
        }
    }

    fn record_quality(&self, event: &E) {
        match event {
            E::QualityDrifted { measure, .. } => {
                self.to.drift_alarms.add(1, &[attribute("measure", measure)]);
            }
            E::ActivationsObserved { outliers, saturation } => {
                self.to.activation_outliers.record(*outliers, &[]);
                self.to.activation_saturation.record(*saturation, &[]);
            }
            E::PrecisionRaised { new_bits, .. } => self.to.quality_precision.record(*new_bits, &[]),
            _ => {}
        }
    }

    fn record_generation(&self, event: &E) {
        let E::TextGenerated { prompt_tokens, output_tokens, first_token_seconds, seconds } = event else {
            return;
        };
        for (kind, tokens) in [("input", prompt_tokens), ("output", output_tokens)] {
            let kind = KeyValue::new("gen_ai.token.type", kind);
            self.to.token_usage.record(*tokens as u64, &[kind, operation()]);
        }
        self.to.first_token.record(*first_token_seconds, &[operation()]);
        if *output_tokens > 1 {
            let each = (seconds - first_token_seconds) / (output_tokens - 1) as f64;
            self.to.per_token.record(each, &[operation()]);
        }
    }
}

impl EventSink for MetricsSink {
    fn record(&self, event: &E) {
        self.record_quantization(event);
        self.record_training(event);
        self.record_experts(event);
        self.record_use(event);
        self.record_quality(event);
        self.record_generation(event);
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue::new(format!("pibit.{name}"), value.to_owned())
}

fn operation() -> KeyValue {
    KeyValue::new("gen_ai.operation.name", "text_completion")
}
