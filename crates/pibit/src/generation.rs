//! Continuing a text, and telling how long that took.

use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::stage;
use anyhow::Result;
use domain_types::{DomainEvent, TokenId};
use inference::{GenerateOptions, Generation, Sampler, generate};
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

/// Generates at most `most` tokens and writes text to `out` as it comes.
pub(crate) fn stream(
    context: &Context,
    model: &mut LoadedModel,
    prompt: &[TokenId],
    sampler: &mut Sampler,
    most: usize,
    out: &mut dyn Write,
) -> Result<Generation> {
    let _span = stage::generate(prompt.len()).entered();
    let options = GenerateOptions { max_tokens: most, ..GenerateOptions::default() };
    // What was printed before is seen while the prompt is read. Where that fails, so will the first text.
    let _ = out.flush();
    let mut phases = Phases::start(context);
    let (transformer, tokenizer) = (&mut model.transformer, &*model.tokenizer);
    let generation = generate(transformer, tokenizer, prompt, sampler, &options, &mut |text: &str| {
        phases.text(context);
        // Where nobody reads any more (a closed pipe), there is no need to go on.
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    phases.end(context, prompt.len(), generation.tokens.len());
    model.tell_of_wide_cache(context);
    Ok(generation)
}

/// Where a generation is: before its first text, or after it.
struct Phases {
    start: Duration,
    first: Option<Duration>,
    span: Option<tracing::span::EnteredSpan>,
}

impl Phases {
    fn start(context: &Context) -> Self {
        Self { start: context.clock.monotonic(), first: None, span: Some(stage::prefill().entered()) }
    }

    fn text(&mut self, context: &Context) {
        if self.first.is_none() {
            self.first = Some(context.clock.monotonic());
            // The one must end before the other begins, or it would lie inside it.
            drop(self.span.take());
            self.span = Some(stage::decode().entered());
        }
    }

    fn end(mut self, context: &Context, prompt_tokens: usize, output_tokens: usize) {
        drop(self.span.take());
        if !context.sink.enabled() {
            return;
        }
        let now = context.clock.monotonic();
        let since = |time: Duration| time.saturating_sub(self.start).as_secs_f64();
        context.sink.record(&DomainEvent::TextGenerated {
            prompt_tokens,
            output_tokens,
            first_token_seconds: since(self.first.unwrap_or(now)),
            seconds: since(now),
        });
    }
}
