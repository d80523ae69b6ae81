//! Perplexity and divergence on a text.

use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::stage;
use anyhow::{Context as _, Result, bail};
use domain_types::{TokenId, TokenModel};
use inference::{EvalOptions, EvalProgress, EvalReport};
use qat_training::corpus::{Corpus, Split};
use std::path::Path;

/// Seed of the corpus text that evaluations use.
const EVAL_SEED: u64 = 0;
/// Samples of the corpus that make an evaluation text: some 60,000 tokens of `tiny`.
const EVAL_SAMPLES: usize = 1000;

/// A text to evaluate on.
pub(crate) enum Text {
    /// Plain text.
    Plain(String),
    /// Samples, each ended by the end-of-text token.
    Samples(Vec<String>),
}

impl Text {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        Ok(Self::Plain(text))
    }

    /// Held-out text of the built-in corpus.
    pub(crate) fn held_out_corpus() -> Self {
        let samples = Corpus::new(EVAL_SEED).mixed(Split::HeldOut).take(EVAL_SAMPLES);
        Self::Samples(samples.map(|s| s.text()).collect())
    }

    /// The text's tokens; the whole text is tokenized at once, after the start token where the model asks for one (as
    /// llama.cpp does: it decides where chunks begin).
    pub(crate) fn tokens(&self, model: &LoadedModel) -> Result<Vec<u32>> {
        let samples = match self {
            Self::Plain(text) => return model.prompt_tokens(text),
            Self::Samples(samples) => samples,
        };
        let Some(&end) = model.tokenizer.eos().first() else { bail!("the model has no end-of-text token") };
        let mut tokens = Vec::new();
        for sample in samples {
            tokens.extend(model.tokenizer.encode(sample, false)?);
            tokens.push(end);
        }
        Ok(tokens)
    }
}

/// Evaluates `chunks` chunks of `ctx` tokens (all where 0).
pub(crate) fn measure_text(
    context: &Context,
    model: &mut LoadedModel,
    reference: Option<&mut LoadedModel>,
    text: &Text,
    ctx: usize,
    chunks: usize,
) -> Result<EvalReport> {
    let tokens = text.tokens(model)?;
    let options = protocol(model, [ctx, chunks]);
    watch_text(context, &mut model.transformer, reference, &tokens, &options, &mut |_| {})
}

/// `chunks` chunks of `ctx` tokens (all where 0), as the model wants them to begin.
pub(crate) fn protocol(model: &LoadedModel, [ctx, chunks]: [usize; 2]) -> EvalOptions {
    EvalOptions { ctx, chunks: (chunks > 0).then_some(chunks), bos: model.tokenizer.bos() }
}

/// Evaluates on tokens, calling `watch` after each chunk.
pub(crate) fn watch_text(
    context: &Context,
    model: &mut dyn TokenModel,
    reference: Option<&mut LoadedModel>,
    tokens: &[TokenId],
    options: &EvalOptions,
    watch: &mut dyn FnMut(&EvalProgress),
) -> Result<EvalReport> {
    let _span = stage::evaluate(options.ctx, options.chunks.unwrap_or(0)).entered();
    let bar = context.progress.bar("evaluate", 0);
    let report = inference::evaluate(
        model,
        reference.map(|r| &mut r.transformer as &mut dyn TokenModel),
        tokens,
        options,
        &*context.sink,
        &mut |progress| {
            bar.set_length(progress.chunks as u64);
            bar.set_position(progress.chunk as u64);
            bar.set_message(format!("perplexity {:.3}", progress.ppl));
            watch(progress);
        },
    )?;
    bar.finish_and_clear();
    Ok(report)
}
