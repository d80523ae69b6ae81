//! Alarms while a model is evaluated: quality over the last chunks, held against limits.

use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Result, bail};
use observability::{QualityLimits, QualityMonitor};

/// When quality is not good enough, and what is done then.
#[derive(clap::Args)]
pub(crate) struct AlarmArgs {
    /// Tell (event QualityDrifted) when perplexity over the last chunks is above
    #[arg(long = "alarm-perplexity", value_name = "PERPLEXITY")]
    perplexity: Option<f64>,
    /// Tell when top-1 agreement with --reference over the last chunks is below, 0 to 1
    #[arg(long = "alarm-agreement", value_name = "SHARE", requires = "reference")]
    agreement: Option<f64>,
    /// Tell when more of the inputs of linear layers are outliers (beyond six times their root mean square), 0 to 1
    #[arg(long = "alarm-outliers", value_name = "SHARE")]
    outliers: Option<f64>,
    /// Tell when more of the outputs of linear layers are beyond what F16 holds, 0 to 1
    #[arg(long = "alarm-saturation", value_name = "SHARE")]
    saturation: Option<f64>,
    /// Chunks that alarms look back on
    #[arg(long = "alarm-window", value_name = "CHUNKS", default_value_t = 4)]
    window: usize,
    /// At an alarm, go on with these versions of the model, of more and more bits, from the next chunk on
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',', conflicts_with_all = ["expert_budget", "lora"])]
    pub(crate) raise_to: Vec<ModelRef>,
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
            saturation: self.saturation,
            outliers: self.outliers,
        };
        if limits == QualityLimits::default() && !self.raise_to.is_empty() {
            bail!("--raise-to needs an alarm, such as --alarm-perplexity 40");
        }
        Ok(QualityMonitor::new(limits, self.window, context.sink.clone()))
    }
}
