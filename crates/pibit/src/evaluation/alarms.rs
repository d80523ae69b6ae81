//! Alarms while a model is evaluated: quality over the last chunks, held against limits.

use crate::context::Context;
use anyhow::{Result, bail};
use inference::EvalProgress;
use observability::{QualityLimits, QualityMonitor};

/// When quality is not good enough.
#[derive(clap::Args)]
pub(crate) struct AlarmArgs {
    /// Tell (event QualityDrifted) when perplexity over the last chunks is above
    #[arg(long = "alarm-perplexity", value_name = "PERPLEXITY")]
    perplexity: Option<f64>,
    /// Tell when top-1 agreement with --reference over the last chunks is below, 0 to 1
    #[arg(long = "alarm-agreement", value_name = "SHARE", requires = "reference")]
    agreement: Option<f64>,
    /// Chunks that alarms look back on
    #[arg(long = "alarm-window", value_name = "CHUNKS", default_value_t = 4)]
    window: usize,
}

impl AlarmArgs {
    /// The monitor that watches these limits.
    pub(crate) fn monitor(&self, context: &Context) -> Result<QualityMonitor> {
        if self.window == 0 {
            bail!("--alarm-window must be at least 1 chunk");
        }
        let limits = QualityLimits {
            perplexity: self.perplexity,
            agreement: self.agreement,
            ..QualityLimits::default()
        };
        Ok(QualityMonitor::new(limits, self.window, context.sink.clone()))
    }
}

/// Tells a monitor of a chunk.
pub(crate) fn observe(monitor: &mut QualityMonitor, progress: &EvalProgress) {
    monitor.tokens(progress.chunk_nll, progress.chunk_top1);
}
