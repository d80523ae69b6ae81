//! What a student can do on text and problems that it is not trained on.

use super::data::Stream;
use super::losses::scalar;
use super::{QatData, ScheduleConfig};
use crate::TrainError;
use crate::corpus::{Corpus, Domain};
use crate::network::{Llama, negative_log_likelihood};
use crate::training::Batch;
use burn::tensor::{Tensor, TensorData};
use domain_types::{TokenId, Tokenizer};

/// Held-out rows and problems, the same at every validation.
pub(super) struct Validation {
    rows: Vec<Batch>,
    problems: Vec<Problem>,
}

/// A prompt with its answer, and where the answer begins.
struct Problem {
    tokens: Vec<TokenId>,
    answer: usize,
}

/// What a validation found.
pub(super) struct Validated {
    /// exp of the mean negative log-likelihood, tokens weighed as in the losses: prompts are random and count little.
    pub(super) ppl: f64,
    /// Share of problems whose whole answer greedy decoding gives.
    pub(super) reasoning_score: f64,
}

impl Validation {
    /// Rows of held-out data, and held-out problems of the domains trained on (arithmetic for a text).
    pub(super) fn new(
        data: &QatData,
        config: &ScheduleConfig,
        tokenizer: &dyn Tokenizer,
        context_length: usize,
    ) -> Result<Self, TrainError> {
        let mut stream = Stream::held_out(data, config, tokenizer)?;
        let batches = config.validation_rows.div_ceil(config.batch_size);
        let rows = (0..batches).map(|_| stream.next(config.batch_size, config.row_length));
        let rows = rows.collect::<Result<_, _>>()?;
        let domains = match data {
            QatData::Corpus(domains) => domains.clone(),
            QatData::Text(_) => vec![Domain::Arithmetic],
        };
        let each = config.validation_problems.div_ceil(domains.len());
        let tasks = domains.iter().flat_map(|&domain| Corpus::new(config.seed).tasks(domain, each));
        let mut problems = Vec::new();
        for task in tasks {
            let mut tokens: Vec<TokenId> = tokenizer.bos().into_iter().collect();
            tokens.extend(tokenizer.encode(task.prompt(), false)?);
            let answer = tokens.len();
            tokens.extend(tokenizer.encode(task.expected(), false)?);
            // An answer ends where the model says so.
            tokens.extend(tokenizer.eos().first());
            if answer > 0 && tokens.len() <= context_length {
                problems.push(Problem { tokens, answer });
            }
        }
        Ok(Self { rows, problems })
    }

    /// Runs a network over all of it.
    pub(super) fn measure(&self, network: &Llama) -> Result<Validated, TrainError> {
        let (mut total, mut weight) = (0.0, 0.0);
        for batch in &self.rows {
            let rows: Vec<&[TokenId]> = batch.inputs.iter().map(Vec::as_slice).collect();
            let nll = negative_log_likelihood(network.logits(&rows), &batch.targets);
            let weights = TensorData::new(batch.weights.clone(), [batch.weights.len()]);
            total += scalar((nll.clone() * Tensor::from_data(weights, &nll.device())).sum())?;
            weight += batch.weights.iter().map(|w| f64::from(*w)).sum::<f64>();
        }
        let mut right = 0;
        for problem in &self.problems {
            right += usize::from(problem.is_solved(network)?);
        }
        let reasoning_score = right as f64 / self.problems.len().max(1) as f64;
        Ok(Validated { ppl: (total / weight).exp(), reasoning_score })
    }
}

impl Problem {
    /// Greedy decoding gives the answer exactly where, after each of its beginnings, its next token is the likeliest:
    /// one pass over the whole answer tells.
    fn is_solved(&self, network: &Llama) -> Result<bool, TrainError> {
        let logits: Tensor<2> = network.logits(&[&self.tokens[..self.tokens.len() - 1]]);
        let likeliest = logits.argmax(1).reshape([self.tokens.len() - 1]);
        let likeliest: Vec<i64> = likeliest
            .into_data()
            .convert::<i64>()
            .try_into_vec::<i64>()
            .map_err(|e| TrainError::Unsupported(format!("{e:?}")))?;
        let expected = &self.tokens[self.answer..];
        Ok(likeliest[self.answer - 1..].iter().zip(expected).all(|(got, want)| *got == i64::from(*want)))
    }
}
