//! Suites for [`EventSink`] and [`Clock`], and a sink that remembers.

use crate::{Clock, DomainEvent, EventSink};
use alloc::vec::Vec;

/// Remembers every event, for tests.
#[derive(Debug, Default)]
pub struct CollectingSink {
    #[cfg(feature = "std")]
    events: std::sync::Mutex<Vec<DomainEvent>>,
}

#[cfg(feature = "std")]
impl CollectingSink {
    /// The events so far.
    pub fn events(&self) -> Vec<DomainEvent> {
        self.events.lock().expect("no recorder panicked").clone()
    }
}

#[cfg(feature = "std")]
impl EventSink for CollectingSink {
    fn record(&self, event: &DomainEvent) {
        self.events.lock().expect("no recorder panicked").push(event.clone());
    }
}

/// One event of every kind.
pub fn sample_events() -> Vec<DomainEvent> {
    use DomainEvent as E;
    alloc::vec![
        E::WeightsQuantized {
            layer: "blk.0.attn_q.weight".into(),
            format: "piq3".into(),
            mse: 0.037,
            spectral_distortion_db: -14.3,
            bits_per_weight: 3.0625,
        },
        E::IncoherenceApplied {
            layer: "l".into(),
            transform: "hadamard-64".into(),
            mu_before: 9.0,
            mu_after: 4.0
        },
        E::GridOptimized { layer: "l".into(), centroids: 8, improvement_pct: 12.5 },
        E::CalibrationComplete { layers: 30, domains: alloc::vec!["math".into()], total_samples: 48 },
        E::TrainingStep { step: 1, loss: 5.0, learning_rate: 1e-3, tokens_per_second: 3000.0 },
        E::QatEpochComplete { epoch: 1, loss: 1.0, ppl: 2.7, reasoning_score: 0.9 },
        E::LoraQatConverged { adapter_rank: 8, delta_quality: 0.1 },
        E::ExpertPaged { expert_id: 3, direction: crate::Direction::In, latency_us: 120 },
        E::PrecisionRebalanced { expert_id: 3, old_bits: 4.0, new_bits: 2.0, reason: "cold".into() },
        E::CacheHitRateChanged { old: 0.3, new: 0.7 },
        E::AffinityUpdated { expert_id: 3, old: 0.1, new: 0.2 },
        E::ModelLoaded { model: "tiny".into(), tensors: 38, bytes: 5_000_000 },
        E::EvalChunkComplete { chunk: 1, ppl: 26.9, kld_mean: Some(0.1) },
        E::TextGenerated { prompt_tokens: 9, output_tokens: 5, first_token_seconds: 0.1, seconds: 0.5 },
        E::QualityDrifted { measure: "perplexity".into(), value: 1.3, limit: 1.1 },
        E::ActivationsObserved { outliers: 0.001, saturation: 0.5 },
        E::PrecisionRaised {
            model: "s3.gguf".into(),
            old_bits: 2.06,
            new_bits: 3.06,
            reason: "perplexity".into()
        },
        E::FileWritten { path: "out.gguf".into(), bytes: 1, config_sha256: "00".into() },
    ]
}

/// Takes one event of every kind, from two threads where there are threads.
pub fn event_sink_conformance(sink: &dyn EventSink) {
    for event in sample_events() {
        sink.record(&event);
    }
    #[cfg(feature = "std")]
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| sample_events().iter().for_each(|event| sink.record(event)));
        }
    });
}

/// Monotonic time does not go back, and the wall clock is past 2020.
pub fn clock_conformance(clock: &dyn Clock) {
    let mut last = clock.monotonic();
    for _ in 0..1000 {
        let now = clock.monotonic();
        assert!(now >= last, "monotonic time went back");
        last = now;
    }
    assert!(clock.unix().as_secs() > 1_577_836_800, "the wall clock is before 2020");
}
