//! Every metric: what it is called, its unit, and what it says.

use crate::MetricInfo;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};

/// Bounds of durations, in seconds: from a token to a model.
const SECONDS: [f64; 16] =
    [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3];

/// Bounds of token counts: those of OpenTelemetry's conventions for generative AI.
const TOKENS: [f64; 10] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0];

macro_rules! kind {
    (type counter) => { Counter<u64> };
    (type gauge) => { Gauge<f64> };
    (type seconds) => { Histogram<f64> };
    (type tokens) => { Histogram<u64> };
    (name counter) => { "counter" };
    (name gauge) => { "gauge" };
    (name $histogram:ident) => { "histogram" };
    (build $meter:ident counter $name:literal) => { $meter.u64_counter($name) };
    (build $meter:ident gauge $name:literal) => { $meter.f64_gauge($name) };
    (build $meter:ident seconds $name:literal) => {
        $meter.f64_histogram($name).with_boundaries(SECONDS.to_vec())
    };
    (build $meter:ident tokens $name:literal) => {
        $meter.u64_histogram($name).with_boundaries(TOKENS.to_vec())
    };
}

macro_rules! instruments {
    ($($field:ident: $kind:ident $name:literal [$unit:literal] $description:literal;)+) => {
        /// A handle for each metric.
        pub(super) struct Instruments {
            $(pub(super) $field: kind!(type $kind),)+
        }

        impl Instruments {
            pub(super) fn new(meter: &Meter) -> Self {
                Self {
                    $($field: kind!(build meter $kind $name)
                        .with_unit($unit)
                        .with_description($description)
                        .build(),)+
                }
            }
        }

        pub(super) const METRICS: &[MetricInfo] = &[
            $(MetricInfo {
                name: $name,
                kind: kind!(name $kind),
                unit: $unit,
                description: $description,
            },)+
        ];
    };
}

instruments! {
    stage_duration: seconds "pibit.stage.duration" ["s"] "Time of a stage (span), by `pibit.stage`";
    models_loaded: counter "pibit.model.loaded" ["{model}"] "Models opened";
    model_size: gauge "pibit.model.size" ["By"] "Bytes of weights of the last model opened, by `pibit.model`";
    tensors_quantized: counter "pibit.tensor.quantized" ["{tensor}"] "Tensors quantized, by `pibit.format`";
    tensor_mse: gauge "pibit.tensor.mse" [""] "Squared error per weight, by `pibit.tensor` and `pibit.format`";
    tensor_distortion: gauge "pibit.tensor.spectral_distortion" ["dB"] "Error's spectrum over the weights', by `pibit.tensor` and `pibit.format`";
    tensor_bits: gauge "pibit.tensor.bits_per_weight" ["bit"] "Stored bits per weight, by `pibit.tensor` and `pibit.format`";
    incoherence: gauge "pibit.tensor.incoherence" [""] "μ of the weights, by `pibit.tensor` and `pibit.phase` (before, after)";
    grid_improvement: gauge "pibit.grid.improvement" ["%"] "Squared error saved by fitting a grid, by `pibit.tensor`";
    calibration_samples: counter "pibit.calibration.samples" ["{sample}"] "Chunks calibrated on";
    training_steps: counter "pibit.training.steps" ["{step}"] "Training steps done";
    training_loss: gauge "pibit.training.loss" ["{nat}/{token}"] "Loss of the last training step";
    training_rate: gauge "pibit.training.learning_rate" [""] "Learning rate of the last training step";
    training_speed: gauge "pibit.training.throughput" ["{token}/s"] "Tokens trained on per second";
    qat_loss: gauge "pibit.qat.loss" ["{nat}/{token}"] "Mean loss of the last epoch of quantization-aware training";
    qat_perplexity: gauge "pibit.qat.perplexity" [""] "Held-out perplexity after the last epoch";
    qat_reasoning: gauge "pibit.qat.reasoning_score" [""] "Exact-match accuracy on tasks after the last epoch, 0 to 1";
    lora_gain: gauge "pibit.qat.lora_gain" ["{nat}/{token}"] "Held-out loss that adapters saved";
    expert_pagings: counter "pibit.expert.pagings" ["{expert}"] "Experts moved between memory tiers, by `pibit.direction`";
    expert_paging_duration: seconds "pibit.expert.paging.duration" ["s"] "Time of moving an expert, by `pibit.direction`";
    expert_precision: gauge "pibit.expert.precision" ["bit"] "Bits per weight of an expert, by `pibit.expert`";
    expert_affinity: gauge "pibit.expert.affinity" [""] "Moving average of an expert's use, by `pibit.expert`";
    cache_hit_ratio: gauge "pibit.expert.cache.hit_ratio" ["1"] "Share of experts found in fast memory";
    eval_chunks: counter "pibit.eval.chunks" ["{chunk}"] "Chunks evaluated";
    eval_perplexity: gauge "pibit.eval.perplexity" [""] "Perplexity over the chunks so far";
    eval_divergence: gauge "pibit.eval.kl_divergence" ["{nat}"] "Mean divergence from the reference over the chunks so far";
    files_written: counter "pibit.file.written" ["{file}"] "Files written and synced";
    bytes_written: counter "pibit.file.io" ["By"] "Bytes of files written";
    drift_alarms: counter "pibit.quality.drift" ["{alarm}"] "Drift alarms, by `pibit.measure`";
    quality_precision: gauge "pibit.quality.precision" ["bit"] "Bits per weight of the model that an alarm brought in";
    activation_outliers: gauge "pibit.activation.outliers" ["1"] "Share of inputs of linear layers beyond six times their row's root mean square";
    activation_saturation: gauge "pibit.activation.saturation" ["1"] "Share of outputs of linear layers that F16 cannot hold";
    token_usage: tokens "gen_ai.client.token.usage" ["{token}"] "Tokens of a generation, by `gen_ai.token.type` (input, output)";
    first_token: seconds "gen_ai.server.time_to_first_token" ["s"] "Time from the prompt to the first text";
    per_token: seconds "gen_ai.server.time_per_output_token" ["s"] "Mean time of each further token of a generation";
}
