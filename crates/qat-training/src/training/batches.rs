//! Rows of tokens: whole samples, packed so that little is left over.

use crate::TrainError;
use crate::corpus::{Domain, Sample};
use crate::random::Rng;
use domain_types::{TokenId, Tokenizer};

/// Samples among which the packer looks for one that fits.
const POOL: usize = 64;
/// Least weight of a story's tokens before its last sentence.
const STORY_WEIGHT: f32 = 0.5;

/// A sample as tokens. `weights[i]` is the weight of `tokens[i]` as a target, `reasoning[i]` is 1 inside a step of the
/// answer and 0 elsewhere.
struct Document {
    tokens: Vec<TokenId>,
    weights: Vec<f32>,
    reasoning: Vec<f32>,
}

/// Rows of equal length. Input `i` of a row predicts target `i`.
pub(crate) struct Batch {
    pub(crate) inputs: Vec<Vec<TokenId>>,
    pub(crate) targets: Vec<TokenId>,
    pub(crate) weights: Vec<f32>,
    pub(crate) reasoning: Vec<f32>,
}

/// An endless stream of batches.
pub(crate) struct Batches<'a> {
    tokenizer: &'a dyn Tokenizer,
    end: TokenId,
    samples: Box<dyn Iterator<Item = Sample>>,
    prompt_weight: f32,
    pool: Vec<Document>,
    rng: Rng,
}

impl<'a> Batches<'a> {
    /// Batches of `samples`, which must not end.
    pub(crate) fn new(
        samples: impl Iterator<Item = Sample> + 'static,
        seed: u64,
        tokenizer: &'a dyn Tokenizer,
        prompt_weight: f32,
    ) -> Result<Self, TrainError> {
        let end = tokenizer.eos().first().copied();
        let end = end.ok_or_else(|| TrainError::Tokenizer("there is no token that ends a text".into()))?;
        let rng = Rng::new(&[seed, 0x7061_636b]);
        Ok(Self { tokenizer, end, samples: Box::new(samples), prompt_weight, pool: Vec::new(), rng })
    }

    /// The next batch. The target of a row's last input is the end of the text.
    pub(crate) fn next(&mut self, rows: usize, length: usize) -> Result<Batch, TrainError> {
        let mut batch =
            Batch { inputs: Vec::new(), targets: Vec::new(), weights: Vec::new(), reasoning: Vec::new() };
        for _ in 0..rows {
            let mut row = self.row(length + 1)?;
            batch.targets.extend_from_slice(&row.tokens[1..]);
            batch.weights.extend_from_slice(&row.weights[1..]);
            batch.reasoning.extend_from_slice(&row.reasoning[1..]);
            row.tokens.pop();
            batch.inputs.push(row.tokens);
        }
        Ok(batch)
    }

    /// Whole documents that fit `length` tokens together, and padding of no weight. A row starts as every text does
    /// after another: with an end of text.
    fn row(&mut self, length: usize) -> Result<Document, TrainError> {
        let mut row = Document { tokens: vec![self.end], weights: vec![0.0], reasoning: vec![0.0] };
        loop {
            // Documents longer than a row wait for the longer rows to come and must not fill the pool.
            while self.pool.iter().filter(|d| d.tokens.len() < length).count() < POOL {
                let document = self.document()?;
                self.pool.push(document);
            }
            let free = length - row.tokens.len();
            // The oldest that fits, so that no sample waits for ever.
            let Some(fitting) = self.pool.iter().position(|d| d.tokens.len() <= free) else { break };
            let document = self.pool.remove(fitting);
            row.tokens.extend(document.tokens);
            row.weights.extend(document.weights);
            row.reasoning.extend(document.reasoning);
        }
        row.tokens.resize(length, self.end);
        row.weights.resize(length, 0.0);
        row.reasoning.resize(length, 0.0);
        Ok(row)
    }

    fn document(&mut self) -> Result<Document, TrainError> {
        let Some(sample) = self.samples.next() else {
            return Err(TrainError::Config("the corpus has no samples".into()));
        };
        // Stories are there for the language itself.
        let story = sample.domain() == Domain::Language;
        let prompt_weight = if story { self.prompt_weight.max(STORY_WEIGHT) } else { self.prompt_weight };
        let mut tokens = self.tokenizer.encode(&format!("{}\n", sample.prompt()), true)?;
        let prompt_tokens = tokens.len();
        let answer = self.tokenizer.encode(sample.answer(), true)?;
        let mut reasoning = vec![0.0; prompt_tokens];
        reasoning.extend(self.inside_steps(&sample, &answer)?);
        tokens.extend(answer);
        // Plain text files separate samples by blank lines: the model should know those as well.
        if self.rng.chance(1, 8) {
            tokens.extend(self.tokenizer.encode("\n\n", true)?);
        } else {
            tokens.push(self.end);
        }
        reasoning.resize(tokens.len(), 0.0);
        let weight = |i| if i < prompt_tokens { prompt_weight } else { 1.0 };
        Ok(Document { weights: (0..tokens.len()).map(weight).collect(), reasoning, tokens })
    }

    /// For each token of an answer, 1 where it begins inside a step.
    fn inside_steps(&self, sample: &Sample, answer: &[TokenId]) -> Result<Vec<f32>, TrainError> {
        let mut at = 0;
        let flag = |token: &TokenId| {
            let inside = sample.step_ranges().iter().any(|step| step.contains(&at));
            at += self.tokenizer.decode(&[*token])?.len();
            Ok(f32::from(inside))
        };
        answer.iter().map(flag).collect()
    }
}
