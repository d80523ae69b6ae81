//! Perplexity of a model, and its divergence from a reference, as llama.cpp's perplexity tool measures them.

mod options;
mod report;
mod row;
mod tally;

pub use options::EvalOptions;
pub use report::{EvalProgress, EvalReport};

use crate::{InferenceError, parallel};
use domain_types::{DomainEvent, EventSink, LogitRows, TokenId, TokenModel};
use row::RowScore;
use std::ops::Range;
use tally::Tally;

/// Most logits that a call asks for at once (64 MiB per model), so that large vocabularies do not fill the memory.
const MOST_LOGITS: usize = 1 << 24;

/// Evaluates `model` on `tokens`, against `reference` where there is one.
///
/// The text is cut into chunks of `ctx` tokens. Each starts from an empty cache (with BOS in place of its first token
/// where `options` name one), and its second half is scored: positions ctx/2 to ctx − 2 predict ctx/2 + 1 to ctx − 1.
/// Perplexity is exp(mean negative log-likelihood); the divergence is the mean of KL(reference ‖ model) over the
/// scored positions, in nats, over the whole vocabulary.
///
/// After each chunk `sink` gets [`DomainEvent::EvalChunkComplete`] and `progress` is called. Both models' caches are
/// empty afterwards.
///
/// Fails where the text is shorter than a chunk, the models do not fit the options or each other, or logits are not
/// finite.
pub fn evaluate(
    model: &mut dyn TokenModel,
    mut reference: Option<&mut dyn TokenModel>,
    tokens: &[TokenId],
    options: &EvalOptions,
    sink: &dyn EventSink,
    progress: &mut dyn FnMut(&EvalProgress),
) -> Result<EvalReport, InferenceError> {
    options.check(model, reference.as_deref(), tokens.len())?;
    let mut tally = Tally::new(reference.is_some());
    let mut buffers = Buffers::default();
    let chunks = options.chunks_of(tokens.len());
    for (index, chunk) in tokens.chunks_exact(options.ctx).take(chunks).enumerate() {
        buffers.load(chunk, options);
        let before = tally.sums();
        let reference = reference.as_mut().map(|r| &mut **r as &mut dyn TokenModel);
        score_chunk(model, reference, &mut buffers, options, &mut tally)?;
        let so_far = tally.report(index + 1);
        sink.record(&DomainEvent::EvalChunkComplete {
            chunk: index + 1,
            ppl: so_far.ppl,
            kld_mean: so_far.kld_mean,
        });
        let (chunk_nll, chunk_top1) = tally.means_since(before);
        let (chunk, ppl, kld_mean) = (index + 1, so_far.ppl, so_far.kld_mean);
        progress(&EvalProgress { chunk, chunks, ppl, kld_mean, chunk_nll, chunk_top1 });
    }
    model.reset();
    if let Some(reference) = reference {
        reference.reset();
    }
    Ok(tally.report(chunks))
}

/// The mean over rows of logits of KL(reference ‖ model), in nats. Rows are `vocab` long.
///
/// Fails where logits are not finite.
///
/// # Panics
/// If both do not hold the same number of whole rows.
pub fn mean_divergence(reference: &[f32], logits: &[f32], vocab: usize) -> Result<f64, InferenceError> {
    assert!(reference.len() == logits.len() && logits.len().is_multiple_of(vocab), "rows must be pairs");
    let mut scores = vec![RowScore::default(); logits.len() / vocab];
    parallel::for_each(&mut scores, logits.len(), |i, score| {
        let row = i * vocab..(i + 1) * vocab;
        *score = RowScore::new(&logits[row.clone()], 0, Some(&reference[row]));
    });
    let mean = scores.iter().map(|score| score.kld).sum::<f64>() / scores.len().max(1) as f64;
    if mean.is_finite() { Ok(mean) } else { Err(InferenceError::NoFiniteLogit) }
}

/// What a chunk needs, kept between chunks.
#[derive(Default)]
struct Buffers {
    chunk: Vec<TokenId>,
    logits: Vec<f32>,
    reference: Vec<f32>,
    scores: Vec<RowScore>,
}

impl Buffers {
    fn load(&mut self, chunk: &[TokenId], options: &EvalOptions) {
        self.chunk.clear();
        self.chunk.extend_from_slice(chunk);
        if let Some(bos) = options.bos {
            self.chunk[0] = bos;
        }
    }
}

/// Runs a chunk through both models, a slice of scored positions at a time.
fn score_chunk(
    model: &mut dyn TokenModel,
    mut reference: Option<&mut dyn TokenModel>,
    buffers: &mut Buffers,
    options: &EvalOptions,
    tally: &mut Tally,
) -> Result<(), InferenceError> {
    let scored = options.scored();
    let step = (MOST_LOGITS / model.vocab_size()).max(1);
    model.reset();
    if let Some(reference) = reference.as_deref_mut() {
        reference.reset();
    }
    let mut start = 0;
    for first in scored.clone().step_by(step) {
        let end = scored.end.min(first + step);
        let (input, rows) = (&buffers.chunk[start..end], LogitRows::From(first - start));
        model.forward(input, rows, &mut buffers.logits)?;
        if let Some(reference) = reference.as_deref_mut() {
            reference.forward(input, rows, &mut buffers.reference)?;
        }
        score_rows(buffers, first..end, model.vocab_size(), reference.is_some(), tally)?;
        start = end;
    }
    Ok(())
}

/// Scores the rows of logits that belong to `positions`.
fn score_rows(
    buffers: &mut Buffers,
    positions: Range<usize>,
    vocab: usize,
    with_reference: bool,
    tally: &mut Tally,
) -> Result<(), InferenceError> {
    let Buffers { chunk, logits, reference, scores } = buffers;
    scores.clear();
    scores.resize(positions.len(), RowScore::default());
    parallel::for_each(scores, logits.len(), |i, score| {
        let row = i * vocab..(i + 1) * vocab;
        let target = chunk[positions.start + i + 1] as usize;
        let against = with_reference.then(|| &reference[row.clone()]);
        *score = RowScore::new(&logits[row], target, against);
    });
    if scores.iter().any(|s| !s.is_finite()) {
        return Err(InferenceError::NoFiniteLogit);
    }
    tally.add(scores);
    Ok(())
}
