//! Domain events: what happened, with the figures a person would ask for.

use alloc::string::String;
use alloc::vec::Vec;

/// Something that happened. Contexts hand events to an [`EventSink`](crate::EventSink); `observability` turns them
/// into traces, metrics and reports.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "event"))]
#[non_exhaustive]
pub enum DomainEvent {
    /// A tensor was quantized.
    WeightsQuantized {
        /// Tensor name.
        layer: String,
        /// Format id.
        format: String,
        /// Mean squared error per weight.
        mse: f64,
        /// Energy of the error's spectrum over the weights' spectrum, in dB.
        spectral_distortion_db: f64,
        /// Real bits per weight.
        bits_per_weight: f64,
    },
    /// An incoherence transform was applied.
    IncoherenceApplied {
        /// Tensor name.
        layer: String,
        /// Transform, for example `hadamard-64`.
        transform: String,
        /// μ = max|W|·√(mn)/‖W‖_F before.
        mu_before: f64,
        /// μ after.
        mu_after: f64,
    },
    /// A grid (its step, constant or centroids) was fitted.
    GridOptimized {
        /// Tensor name.
        layer: String,
        /// Number of levels.
        centroids: usize,
        /// Reduction of the mean squared error against the starting grid, in percent.
        improvement_pct: f64,
    },
    /// Calibration data was collected.
    CalibrationComplete {
        /// Layers calibrated.
        layers: usize,
        /// Domains of the data.
        domains: Vec<String>,
        /// Samples seen.
        total_samples: usize,
    },
    /// A pass of training ended.
    TrainingStep {
        /// Step number, from 1.
        step: usize,
        /// Training loss in nats per token.
        loss: f64,
        /// Learning rate used.
        learning_rate: f64,
        /// Throughput.
        tokens_per_second: f64,
    },
    /// An epoch of quantization-aware training ended.
    QatEpochComplete {
        /// Epoch number, from 1.
        epoch: usize,
        /// Mean loss in nats per token.
        loss: f64,
        /// Perplexity on held-out text.
        ppl: f64,
        /// Exact-match accuracy on reasoning tasks, 0 to 1.
        reasoning_score: f64,
    },
    /// LoRA-QAT converged.
    LoraQatConverged {
        /// Rank of the adapters.
        adapter_rank: usize,
        /// Change of held-out quality: negative log-likelihood before minus after.
        delta_quality: f64,
    },
    /// An expert moved between memory tiers.
    ExpertPaged {
        /// Expert index.
        expert_id: usize,
        /// Which way.
        direction: Direction,
        /// How long it took.
        latency_us: u64,
    },
    /// An expert's precision changed.
    PrecisionRebalanced {
        /// Expert index.
        expert_id: usize,
        /// Bits per weight before.
        old_bits: Precision,
        /// Bits per weight after.
        new_bits: Precision,
        /// Why.
        reason: String,
    },
    /// The expert cache's hit rate moved.
    CacheHitRateChanged {
        /// Before, 0 to 1.
        old: f64,
        /// After, 0 to 1.
        new: f64,
    },
    /// An expert's affinity (moving average of use) changed.
    AffinityUpdated {
        /// Expert index.
        expert_id: usize,
        /// Before.
        old: f64,
        /// After.
        new: f64,
    },
    /// A model was loaded.
    ModelLoaded {
        /// Model name or path.
        model: String,
        /// Number of tensors.
        tensors: usize,
        /// Bytes of weights.
        bytes: u64,
    },
    /// A chunk of an evaluation is done.
    EvalChunkComplete {
        /// Chunk number, from 1.
        chunk: usize,
        /// Perplexity over the chunks so far.
        ppl: f64,
        /// Mean KL divergence from the reference so far, in nats, where there is a reference.
        kld_mean: Option<f64>,
    },
    /// A text was generated.
    TextGenerated {
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens generated.
        output_tokens: usize,
        /// Time until the first text, in seconds.
        first_token_seconds: f64,
        /// Time in all, in seconds.
        seconds: f64,
    },
    /// Quality at the current precision left its limits.
    QualityDrifted {
        /// What was measured: `perplexity`, `agreement`, `saturation` or `outliers`.
        measure: String,
        /// Its value over the last window.
        value: f64,
        /// The limit that it passed.
        limit: f64,
    },
    /// Activations of linear layers were counted, over a chunk of an evaluation.
    ActivationsObserved {
        /// Share of inputs beyond six times the root mean square of their row, 0 to 1.
        outliers: f64,
        /// Share of outputs that F16 cannot hold, 0 to 1.
        saturation: f64,
    },
    /// Quality asked for more bits, and a model with more took over.
    PrecisionRaised {
        /// The model that took over.
        model: String,
        /// Bits per weight before.
        old_bits: Precision,
        /// Bits per weight after.
        new_bits: Precision,
        /// The measure that asked.
        reason: String,
    },
    /// A file was written and synced.
    FileWritten {
        /// Path.
        path: String,
        /// Size in bytes.
        bytes: u64,
        /// SHA-256 of the config and tensor hashes, hexadecimal.
        config_sha256: String,
    },
}

impl DomainEvent {
    /// The event's name, as in traces and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WeightsQuantized { .. } => "WeightsQuantized",
            Self::IncoherenceApplied { .. } => "IncoherenceApplied",
            Self::GridOptimized { .. } => "GridOptimized",
            Self::CalibrationComplete { .. } => "CalibrationComplete",
            Self::TrainingStep { .. } => "TrainingStep",
            Self::QatEpochComplete { .. } => "QatEpochComplete",
            Self::LoraQatConverged { .. } => "LoraQatConverged",
            Self::ExpertPaged { .. } => "ExpertPaged",
            Self::PrecisionRebalanced { .. } => "PrecisionRebalanced",
            Self::CacheHitRateChanged { .. } => "CacheHitRateChanged",
            Self::AffinityUpdated { .. } => "AffinityUpdated",
            Self::ModelLoaded { .. } => "ModelLoaded",
            Self::EvalChunkComplete { .. } => "EvalChunkComplete",
            Self::TextGenerated { .. } => "TextGenerated",
            Self::QualityDrifted { .. } => "QualityDrifted",
            Self::ActivationsObserved { .. } => "ActivationsObserved",
            Self::PrecisionRaised { .. } => "PrecisionRaised",
            Self::FileWritten { .. } => "FileWritten",
        }
    }
}

/// Which way an expert was paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Direction {
    /// Into fast memory.
    In,
    /// Out of fast memory.
    Out,
}

/// Bits per weight.
pub type Precision = f64;

/// Quality of a quantized tensor against its original.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TensorQuality {
    /// Mean squared error per weight.
    pub mse: f64,
    /// Cosine similarity.
    pub cosine: f64,
    /// Energy of the error's spectrum over the weights' spectrum, in dB.
    pub spectral_distortion_db: f64,
    /// Share of the 1% largest weights that are off by at most one quantization step.
    pub outlier_retention: f64,
}
