//! What a command line and a settings file ask for together.

use super::{Args, Mode};
use anyhow::{Context as _, Result, ensure};
use domain_types::KvRounding;
use inference::{ColdRounding, KvOptions};
use qat_training::corpus::Domain;
use qat_training::{QatConfig, QatData, QatMode};
use std::sync::Arc;

impl Args {
    pub(super) fn config(&self) -> Result<QatConfig> {
        let mut config = match &self.config {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("could not read {}", path.display()))?;
                toml::from_str(&text).with_context(|| format!("settings in {}", path.display()))?
            }
            None => QatConfig::default(),
        };
        let schedule = &mut config.qat;
        schedule.steps = self.steps.unwrap_or(schedule.steps);
        schedule.seed = self.seed.unwrap_or(schedule.seed);
        schedule.warmup = schedule.warmup.min(schedule.steps);
        schedule.mode = match self.mode {
            Some(Mode::Full) => QatMode::Full,
            Some(Mode::Scales) => QatMode::Scales,
            Some(Mode::Blockwise) => QatMode::Blockwise,
            Some(Mode::Norms) => QatMode::Norms,
            None if self.lora.is_some() => QatMode::Lora,
            None => schedule.mode,
        };
        config.lora.rank = self.lora.unwrap_or(config.lora.rank);
        config.quantization.kv = self.kv.clone().or(config.quantization.kv);
        ensure!(
            schedule.mode != QatMode::Blockwise || self.teacher.is_none(),
            "--teacher has no meaning in mode blockwise, where each block learns from MODEL's own"
        );
        Ok(config)
    }

    pub(super) fn data(&self) -> Result<QatData> {
        data_of(self.data.as_deref())
    }
}

/// The text of a file where there is one of this name, else domains; all where none is given.
pub(crate) fn data_of(data: Option<&str>) -> Result<QatData> {
    let Some(data) = data else { return Ok(QatData::Corpus(Domain::ALL.to_vec())) };
    if std::path::Path::new(data).exists() {
        let text = std::fs::read_to_string(data).with_context(|| format!("could not read {data}"))?;
        return Ok(QatData::Text(text));
    }
    let domains = data.split(',').map(str::parse).collect::<Result<_, _>>();
    Ok(QatData::Corpus(domains.with_context(|| format!("{data} is neither a file nor domains"))?))
}

/// What the key–value cache that the settings name does to keys and values.
pub(super) fn kv_rounding(config: &QatConfig) -> Result<Option<Arc<dyn KvRounding>>> {
    let Some(format) = &config.quantization.kv else { return Ok(None) };
    Ok(Some(Arc::new(ColdRounding::new(KvOptions::new(format.parse()?)))))
}
