//! A model that is really run, token by token, with its experts in a budget.

use crate::context::Context;
use crate::experts::{GateMass, PagingArgs, SharedWriter, cache_prior, eviction, recorded};
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result, bail};
use domain_types::{ExpertRouter, LogitRows, ModelSpec, TensorSource, TokenId, TokenModel};
use inference::{ExpertPorts, LoadOptions, ResidentExperts, Transformer};
use moe_routing::StandIns;
use moe_routing::cache::CacheStats;
use moe_routing::routing::{MemoryAwareRouter, StandardRouter};
use moe_routing::simulate::{Contender, StorageModel};
use moe_routing::trace::{RoutingTrace, read_trace};
use qat_training::corpus::{Corpus, Domain, Split};
use quant_core::{Activations, Codecs};
use std::sync::Arc;

/// Seed of the corpus text, which training never sees.
const SEED: u64 = 0;

/// A model, a text of interleaved domains, and what the model says with all experts in memory.
pub(super) struct Subject<'a> {
    context: &'a Context,
    model: &'a ModelRef,
    paging: PagingArgs,
    pub(super) source: Box<dyn TensorSource>,
    pub(super) spec: ModelSpec,
    /// Tokens, and the domain of each.
    text: Vec<(TokenId, Domain)>,
    /// What its gates said of the text.
    pub(super) trace: RoutingTrace,
    reference: Outcome,
}

/// What a model made of the text.
#[derive(Default)]
struct Outcome {
    /// Of all positions but each window's last.
    logits: Vec<f32>,
    nll: Vec<f64>,
}

/// One contender on the text.
pub(super) struct Measured {
    pub(super) hit_rate: f64,
    pub(super) ppl_ratio: f64,
    pub(super) kld_mean: f64,
    pub(super) gate_mass: f64,
    pub(super) bytes_per_token: f64,
    /// Hits among uses of each token, 0 to 1.
    pub(super) token_hit_rates: Vec<f64>,
    /// Seconds of each token by the storage model.
    pub(super) seconds: Vec<f64>,
    /// Tokens per second on this machine, files read without the page cache.
    pub(super) wall_tokens_per_s: f64,
    /// Seconds of each token on this machine.
    pub(super) wall_seconds: Vec<f64>,
    pub(super) stats: CacheStats,
    pub(super) stand_ins: StandIns,
}

impl<'a> Subject<'a> {
    /// Runs the model on so many tokens with all experts in memory. `paging` is how contenders will page.
    pub(super) fn new(
        context: &'a Context,
        model: &'a ModelRef,
        tokens: usize,
        paging: PagingArgs,
    ) -> Result<Self> {
        // Not mapped: mapped pages stay in the page cache, and contenders are to read from storage.
        let source = model.load(context)?;
        let spec = source.spec()?;
        if spec.experts.is_none() {
            bail!("{model} is not a mixture of experts");
        }
        let text = interleaved(&*source, tokens)?;
        let out = SharedWriter::new(Vec::new());
        let router = recorded(&spec, &*source, None, out.clone())?;
        let provider = Arc::new(ResidentExperts::load(&*source, &Codecs::new(Activations::F32))?);
        let mut network = load(&*source, ExpertPorts { router, provider })?;
        let reference = read(&mut network, &text, &mut || {})?;
        let recorded = out.with(|bytes| read_trace(&bytes[..]))?;
        let mut trace = RoutingTrace::new(*recorded.header());
        for (token, (_, domain)) in text.iter().enumerate() {
            let layers = 0..recorded.size().layers();
            let logits: Vec<f32> = layers.flat_map(|layer| recorded.logits(token, layer).to_vec()).collect();
            trace.push(domain.name(), &logits)?;
        }
        Ok(Self { context, model, paging, source, spec, text, trace, reference })
    }

    /// Runs a contender that knows no future.
    pub(super) fn measure(
        &self,
        contender: Contender,
        budget: u64,
        [lambda, always_kept]: [f32; 2],
        storage: &StorageModel,
    ) -> Result<Measured> {
        let (model, budget) = ((self.model, &*self.source), (budget, eviction(contender)?));
        let experts = Arc::new(self.paging.open(self.context, model, Activations::F32, budget)?);
        let (gate_mass, mean_share) =
            GateMass::around(self.router(contender, lambda, always_kept as usize)?);
        let ports = ExpertPorts { router: Box::new(gate_mass), provider: Arc::clone(&experts) as _ };
        let mut network = load(&*self.source, ports)?;
        let (mut seconds, mut wall_seconds) = (Vec::new(), Vec::new());
        let (mut before, mut started) = (CacheStats::default(), self.context.clock.monotonic());
        let mut token_hit_rates = Vec::with_capacity(self.text.len());
        let uses = (self.spec.layers * self.trace.header().gating().top_k()) as f64;
        let (outcome, wall) = self.context.timed(|| {
            read(&mut network, &self.text, &mut || {
                let now = self.context.clock.monotonic();
                wall_seconds.push(now.saturating_sub(started).as_secs_f64());
                let stats = experts.cache().stats();
                let loads = stats.loads + stats.prefetches - before.loads - before.prefetches;
                let bytes = (stats.bytes_loaded - before.bytes_loaded) / loads.max(1);
                seconds.push(storage.token_seconds(loads, bytes));
                token_hit_rates.push(1.0 - (stats.misses - before.misses) as f64 / uses);
                (before, started) = (stats, now);
            })
        })?;
        let stats = experts.cache().stats();
        let (ppl_ratio, kld_mean) = self.against_reference(&outcome)?;
        Ok(Measured {
            hit_rate: stats.hit_rate(),
            ppl_ratio,
            kld_mean,
            gate_mass: mean_share.get(),
            bytes_per_token: stats.bytes_loaded as f64 / self.text.len() as f64,
            token_hit_rates,
            wall_tokens_per_s: self.text.len() as f64 / wall.max(1e-9),
            wall_seconds,
            seconds,
            stats,
            stand_ins: experts.stand_ins(),
        })
    }

    /// What changing the weights does: the perplexity of `source`, which has the experts of the model with other weights,
    /// over the model's, and its divergence from the model in nats per token.
    pub(super) fn compare(&self, source: &dyn TensorSource) -> Result<(f64, f64)> {
        let experts = self.spec.experts.context("the model is not a mixture of experts")?;
        let provider = Arc::new(ResidentExperts::load(source, &Codecs::new(Activations::F32))?);
        let router = Box::new(StandardRouter::new(experts.gating));
        let outcome = read(&mut load(source, ExpertPorts { router, provider })?, &self.text, &mut || {})?;
        self.against_reference(&outcome)
    }

    /// Ratio of perplexities, and mean divergence.
    fn against_reference(&self, outcome: &Outcome) -> Result<(f64, f64)> {
        let mean = |nll: &[f64]| nll.iter().sum::<f64>() / nll.len().max(1) as f64;
        let divergence =
            inference::mean_divergence(&self.reference.logits, &outcome.logits, self.spec.vocab_size)?;
        Ok(((mean(&outcome.nll) - mean(&self.reference.nll)).exp(), divergence))
    }

    fn router(&self, contender: Contender, lambda: f32, always_kept: usize) -> Result<Box<dyn ExpertRouter>> {
        let experts = self.spec.experts.context("the model is not a mixture of experts")?;
        Ok(match contender {
            Contender::MemoryAware => {
                let options = cache_prior(lambda, always_kept);
                Box::new(MemoryAwareRouter::new(experts.gating, self.spec.layers, options)?)
            }
            _ => Box::new(StandardRouter::new(experts.gating)),
        })
    }
}

fn load(source: &dyn TensorSource, ports: ExpertPorts) -> Result<Transformer> {
    let codecs = Codecs::new(Activations::F32);
    Ok(Transformer::load_with_experts(source, &codecs, LoadOptions::default(), ports)?)
}

/// Feeds the text token by token, window by window, each from an empty cache, as decoding would.
fn read(
    network: &mut Transformer,
    text: &[(TokenId, Domain)],
    after_token: &mut dyn FnMut(),
) -> Result<Outcome> {
    let (mut outcome, mut logits) = (Outcome::default(), Vec::new());
    for window in text.chunks(network.context_length()) {
        network.reset();
        for (i, &(token, _)) in window.iter().enumerate() {
            network.forward(&[token], LogitRows::Last, &mut logits)?;
            after_token();
            let Some(&(next, _)) = window.get(i + 1) else { continue };
            outcome.nll.push(surprise(&logits, next as usize));
            outcome.logits.extend_from_slice(&logits);
        }
    }
    Ok(outcome)
}

/// −ln softmax(logits)[target].
fn surprise(logits: &[f32], target: usize) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|x| f64::from(x - max).exp()).sum();
    sum.ln() - f64::from(logits[target] - max)
}

/// Held-out samples, a domain after the other, until there are `count` tokens.
fn interleaved(source: &dyn TensorSource, count: usize) -> Result<Vec<(TokenId, Domain)>> {
    use domain_types::Tokenizer as _;
    let tokenizer = model_store::load_tokenizer(source)?;
    let corpus = Corpus::new(SEED);
    let mut text = Vec::with_capacity(count);
    for (round, domain) in (0..).flat_map(|round| Domain::ALL.map(|domain| (round, domain))) {
        if text.len() >= count {
            break;
        }
        let sample = corpus.sample(domain, Split::HeldOut, round);
        text.extend(tokenizer.encode(&sample.text(), false)?.into_iter().map(|token| (token, domain)));
        text.extend(tokenizer.eos().first().map(|&end| (end, domain)));
    }
    text.truncate(count);
    Ok(text)
}
