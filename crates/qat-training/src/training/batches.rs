//! Rows of tokens: whole samples, packed so that little is left over.

use crate::corpus::{Corpus, Domain, Sample, Split};
use crate::random::Rng;
use crate::{TrainError, Vocabulary};
use domain_types::TokenId;

/// Samples among which the packer looks for one that fits.
const POOL: usize = 64;
/// Least weight of a story's tokens before its last sentence.
const STORY_WEIGHT: f32 = 0.5;

/// A sample as tokens. `weights[i]` is the weight of `tokens[i]` as a target.
struct Document {
    tokens: Vec<TokenId>,
    weights: Vec<f32>,
}

/// Rows of equal length. Input `i` of a row predicts target `i`.
pub(super) struct Batch {
    pub(super) inputs: Vec<Vec<TokenId>>,
    pub(super) targets: Vec<TokenId>,
    pub(super) weights: Vec<f32>,
}

/// An endless stream of batches from the training split.
pub(super) struct Batches<'a> {
    vocabulary: &'a Vocabulary,
    samples: Box<dyn Iterator<Item = Sample>>,
    prompt_weight: f32,
    pool: Vec<Document>,
    rng: Rng,
}

impl<'a> Batches<'a> {
    pub(super) fn new(corpus: Corpus, seed: u64, vocabulary: &'a Vocabulary, prompt_weight: f32) -> Self {
        let samples = Box::new(corpus.mixed(Split::Train));
        Self { vocabulary, samples, prompt_weight, pool: Vec::new(), rng: Rng::new(&[seed, 0x7061_636b]) }
    }

    /// The next batch. The target of a row's last input is the end of the text.
    pub(super) fn next(&mut self, rows: usize, length: usize) -> Result<Batch, TrainError> {
        let mut batch = Batch { inputs: Vec::with_capacity(rows), targets: Vec::new(), weights: Vec::new() };
        for _ in 0..rows {
            let mut row = self.row(length + 1)?;
            batch.targets.extend_from_slice(&row.tokens[1..]);
            batch.weights.extend_from_slice(&row.weights[1..]);
            row.tokens.pop();
            batch.inputs.push(row.tokens);
        }
        Ok(batch)
    }

    /// Whole documents that fit `length` tokens together, and padding of no weight. A row starts as every text does
    /// after another: with an end of text.
    fn row(&mut self, length: usize) -> Result<Document, TrainError> {
        let end = self.vocabulary.end_of_text();
        let mut row = Document { tokens: vec![end], weights: vec![0.0] };
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
        }
        row.tokens.resize(length, end);
        row.weights.resize(length, 0.0);
        Ok(row)
    }

    fn document(&mut self) -> Result<Document, TrainError> {
        let Some(sample) = self.samples.next() else {
            return Err(TrainError::Config("the corpus has no samples".into()));
        };
        // Stories are there for the language itself.
        let story = sample.domain() == Domain::Language;
        let prompt_weight = if story { self.prompt_weight.max(STORY_WEIGHT) } else { self.prompt_weight };
        let mut tokens = self.vocabulary.encode(&format!("{}\n", sample.prompt()))?;
        let prompt_tokens = tokens.len();
        tokens.extend(self.vocabulary.encode(sample.answer())?);
        // Plain text files separate samples by blank lines: the model should know those as well.
        if self.rng.chance(1, 8) {
            tokens.extend(self.vocabulary.encode("\n\n")?);
        } else {
            tokens.push(self.vocabulary.end_of_text());
        }
        let weight = |i| if i < prompt_tokens { prompt_weight } else { 1.0 };
        Ok(Document { weights: (0..tokens.len()).map(weight).collect(), tokens })
    }
}
