//! What is trained on.

use crate::TrainError;
use crate::corpus::{Corpus, Domain, Split};
use crate::qat::ScheduleConfig;
use crate::random::Rng;
use crate::training::{Batch, Batches};
use domain_types::{TokenId, Tokenizer};

/// What is trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QatData {
    /// The built-in corpus, of these domains.
    Corpus(Vec<Domain>),
    /// A text. It has no steps of reasoning.
    Text(String),
}

/// An endless stream of batches.
pub(crate) enum Stream<'a> {
    Samples(Batches<'a>),
    Text { tokens: Vec<TokenId>, rng: Rng },
}

impl<'a> Stream<'a> {
    pub(crate) fn new(
        data: &QatData,
        config: &ScheduleConfig,
        tokenizer: &'a dyn Tokenizer,
    ) -> Result<Self, TrainError> {
        match data {
            QatData::Corpus(domains) => Self::corpus(domains, Split::Train, config, tokenizer),
            QatData::Text(text) => Self::text(split(&tokenizer.encode(text, false)?, config).0, config),
        }
    }

    /// Data that is never trained on.
    pub(super) fn held_out(
        data: &QatData,
        config: &ScheduleConfig,
        tokenizer: &'a dyn Tokenizer,
    ) -> Result<Self, TrainError> {
        match data {
            QatData::Corpus(domains) => Self::corpus(domains, Split::HeldOut, config, tokenizer),
            QatData::Text(text) => Self::text(split(&tokenizer.encode(text, false)?, config).1, config),
        }
    }

    fn corpus(
        domains: &[Domain],
        split: Split,
        config: &ScheduleConfig,
        tokenizer: &'a dyn Tokenizer,
    ) -> Result<Self, TrainError> {
        if domains.is_empty() {
            return Err(TrainError::Config("no domain to train on".into()));
        }
        let domains = domains.to_vec();
        let samples = Corpus::new(config.seed).mixed(split);
        let samples = samples.filter(move |sample| domains.contains(&sample.domain()));
        Ok(Self::Samples(Batches::new(samples, config.seed, tokenizer, config.prompt_weight)?))
    }

    fn text(tokens: &[TokenId], config: &ScheduleConfig) -> Result<Self, TrainError> {
        if tokens.len() <= config.row_length {
            let (have, need) = (tokens.len(), config.row_length + 1);
            return Err(TrainError::Config(format!(
                "a part of the text has {have} tokens; a row of the given row_length needs {need}"
            )));
        }
        Ok(Self::Text { tokens: tokens.to_vec(), rng: Rng::new(&[config.seed, 0x7465_7874]) })
    }

    pub(crate) fn next(&mut self, rows: usize, length: usize) -> Result<Batch, TrainError> {
        match self {
            Self::Samples(batches) => batches.next(rows, length),
            Self::Text { tokens, rng } => {
                let (mut inputs, mut targets) = (Vec::with_capacity(rows), Vec::new());
                for _ in 0..rows {
                    let last = u32::try_from(tokens.len() - length - 1).unwrap_or(u32::MAX);
                    let row = &tokens[rng.range(0, last) as usize..][..=length];
                    inputs.push(row[..length].to_vec());
                    targets.extend_from_slice(&row[1..]);
                }
                let weights = vec![1.0; targets.len()];
                let reasoning = vec![0.0; targets.len()];
                Ok(Batch { inputs, targets, weights, reasoning })
            }
        }
    }
}

/// What is trained on, and the last tenth, on which a student is validated where it is at all.
fn split<'t>(tokens: &'t [TokenId], config: &ScheduleConfig) -> (&'t [TokenId], &'t [TokenId]) {
    let held_out = if config.validation_rows > 0 { tokens.len() / 10 } else { 0 };
    tokens.split_at(tokens.len() - held_out)
}
