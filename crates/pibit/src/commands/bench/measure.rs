//! Timing a network.

use super::spread::Spread;
use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use anyhow::Result;
use domain_types::{LogitRows, TokenModel};
use inference::Transformer;
use serde::Serialize;

/// What to time.
pub(crate) struct Workload {
    /// Lengths of prompts, each above zero.
    pub(crate) prompts: Vec<usize>,
    /// Tokens to decode one by one.
    pub(crate) tokens: usize,
    /// Times that each is repeated, above zero.
    pub(crate) repetitions: usize,
}

impl Workload {
    /// Positions that the context must have room for; `None` where there is nothing to time.
    pub(crate) fn longest(&self) -> Option<usize> {
        self.prompts.iter().copied().chain([self.tokens]).max().filter(|&n| n > 0)
    }
}

/// The result of `pibit bench`.
#[derive(Serialize)]
pub(crate) struct Speed {
    pub(crate) model: String,
    pub(crate) threads: usize,
    /// Instructions that integer kernels use.
    pub(crate) isa: &'static str,
    /// Bytes of weights that a decoded token reads: all but an embedding that is only looked up.
    pub(crate) weight_bytes: usize,
    /// Median tokens per second of the first prompt.
    pub(crate) prefill_tps: Option<f64>,
    /// Median tokens per second of decoding.
    pub(crate) decode_tps: Option<f64>,
    pub(crate) prefill: Vec<TokenSpeed>,
    pub(crate) decode: Option<TokenSpeed>,
}

/// Tokens per second over the repetitions.
#[derive(Serialize)]
pub(crate) struct TokenSpeed {
    pub(crate) tokens: usize,
    #[serde(flatten)]
    pub(crate) spread: Spread,
}

/// Times each prompt and decoding, every time from an empty context.
pub(crate) fn measure(
    context: &Context,
    name: &ModelRef,
    model: &mut LoadedModel,
    work: &Workload,
) -> Result<Speed> {
    let network = &mut model.transformer;
    // Any tokens will do: the work does not depend on which they are.
    let vocab = network.vocab_size() as u32;
    let length = work.longest().unwrap_or(0) as u32;
    let ids: Vec<u32> = (0..length).map(|i| i.wrapping_mul(2_654_435_761) % vocab).collect();
    let mut run = Run { context, network, repetitions: work.repetitions, logits: Vec::new() };
    let prefill = work.prompts.iter().map(|&n| run.prefill(&ids[..n])).collect::<Result<Vec<_>>>()?;
    let decode = if work.tokens > 0 { Some(run.decode(&ids[..work.tokens])?) } else { None };
    Ok(Speed {
        model: name.to_string(),
        threads: rayon::current_num_threads(),
        isa: quant_core::instruction_set(),
        weight_bytes: network.weight_bytes(),
        prefill_tps: prefill.first().map(|p| p.spread.median),
        decode_tps: decode.as_ref().map(|d| d.spread.median),
        prefill,
        decode,
    })
}

struct Run<'a> {
    context: &'a Context,
    network: &'a mut Transformer,
    repetitions: usize,
    logits: Vec<f32>,
}

impl Run<'_> {
    /// All tokens in one call, logits of the last one.
    fn prefill(&mut self, ids: &[u32]) -> Result<TokenSpeed> {
        self.forward(ids)?;
        self.repeat(ids, |run| run.forward(ids))
    }

    /// One token per call, with logits.
    fn decode(&mut self, ids: &[u32]) -> Result<TokenSpeed> {
        self.forward(&ids[..1])?;
        self.repeat(ids, |run| ids.chunks(1).try_for_each(|id| run.forward(id)))
    }

    fn forward(&mut self, ids: &[u32]) -> Result<()> {
        Ok(self.network.forward(ids, LogitRows::Last, &mut self.logits)?)
    }

    fn repeat(&mut self, ids: &[u32], mut work: impl FnMut(&mut Self) -> Result<()>) -> Result<TokenSpeed> {
        let tokens = ids.len();
        let mut speeds = Vec::with_capacity(self.repetitions);
        for _ in 0..self.repetitions {
            self.network.reset();
            let context = self.context;
            let ((), seconds) = context.timed(|| work(self))?;
            speeds.push(tokens as f64 / seconds);
        }
        self.network.reset();
        Ok(TokenSpeed { tokens, spread: Spread::of(speeds) })
    }
}
