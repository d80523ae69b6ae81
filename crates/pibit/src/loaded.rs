//! A model that is ready to run: source, tokenizer and network, wired.

use crate::adapter::AdapterFile;
use crate::compute::Compute;
use crate::context::Context;
use crate::experts::{ExpertArgs, ExpertWatch, WiredExperts};
use crate::model_ref::ModelRef;
use crate::stage;
use anyhow::{Context as _, Result};
use domain_types::{CodecSet, TensorSource, TokenId, Tokenizer};
use inference::{Adapter, LoadOptions, Transformer};
use observability::{ActivationWatch, WatchedCodecs};
use quant_core::{Activations, Codecs};
use std::path::Path;
use std::sync::Arc;

/// A model that is ready to run.
pub(crate) struct LoadedModel {
    pub(crate) source: Box<dyn TensorSource>,
    pub(crate) tokenizer: Box<dyn Tokenizer>,
    pub(crate) transformer: Transformer,
    pub(crate) experts: ExpertWatch,
    /// Counts what goes through linear layers, where that was asked for.
    pub(crate) activations: Option<ActivationWatch>,
}

/// What a model has beside its weights.
enum Beside {
    Nothing,
    Experts(WiredExperts),
    Adapter(Adapter),
}

/// What makes linear layers, and what reads their counts where they count.
type Layers = (Box<dyn CodecSet>, Option<ActivationWatch>);

impl LoadedModel {
    /// A model with room for `context_length` tokens that computes exactly: for measuring what weights are worth.
    pub(crate) fn exact(context: &Context, model: &ModelRef, context_length: usize) -> Result<Self> {
        let options = LoadOptions::default().with_context_length(context_length);
        Self::load(context, model, options, Activations::F32)
    }

    /// Loads a model with an adapter beside its packed weights.
    pub(crate) fn adapted(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        compute: Compute,
        lora: &Path,
    ) -> Result<Self> {
        let adapter = AdapterFile::of_model(context, lora, model)?;
        let beside = |source: &dyn TensorSource| Ok(Beside::Adapter(adapter.for_weights_of(source)?));
        Self::wire(model, plain(compute.activations), options, || compute.open(context, model), beside)
    }

    /// Opens and loads a model whose linear layers compute with such activations.
    pub(crate) fn load(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        activations: Activations,
    ) -> Result<Self> {
        Self::wire(model, plain(activations), options, || model.open(context), |_| Ok(Beside::Nothing))
    }

    /// The same, with experts as a command's options say.
    pub(crate) fn with_experts(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        activations: Activations,
        experts: &ExpertArgs,
    ) -> Result<Self> {
        let beside = |source: &dyn TensorSource| {
            let wired = experts.wire(context, model, source, activations)?;
            Ok(wired.map_or(Beside::Nothing, Beside::Experts))
        };
        Self::wire(model, plain(activations), options, || model.open(context), beside)
    }

    /// The same, with linear layers that count their activations; those of paged experts do not.
    pub(crate) fn watched(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        activations: Activations,
        experts: &ExpertArgs,
    ) -> Result<Self> {
        let beside = |source: &dyn TensorSource| {
            let wired = experts.wire(context, model, source, activations)?;
            Ok(wired.map_or(Beside::Nothing, Beside::Experts))
        };
        Self::wire(model, counting(activations), options, || model.open(context), beside)
    }

    /// Loads a model to run it fast.
    pub(crate) fn fast(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        compute: Compute,
    ) -> Result<Self> {
        let open = || compute.open(context, model);
        Self::wire(model, plain(compute.activations), options, open, |_| Ok(Beside::Nothing))
    }

    fn wire(
        model: &ModelRef,
        layers: impl FnOnce(&dyn TensorSource) -> Layers,
        options: LoadOptions,
        open: impl FnOnce() -> Result<Box<dyn TensorSource>>,
        beside: impl FnOnce(&dyn TensorSource) -> Result<Beside>,
    ) -> Result<Self> {
        let _span = stage::load(&model.to_string()).entered();
        let source = open()?;
        let tokenizer =
            model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {model}"))?;
        let (codecs, activations) = layers(&*source);
        let (transformer, experts) = match beside(&*source)? {
            Beside::Nothing => (Transformer::load(&*source, &*codecs, options), ExpertWatch::default()),
            Beside::Adapter(adapter) => {
                let adapted = Transformer::load_adapted(&*source, &*codecs, options, &adapter);
                (adapted, ExpertWatch::default())
            }
            Beside::Experts(wired) => {
                let (ports, watch) = wired.watch();
                (Transformer::load_with_experts(&*source, &*codecs, options, ports), watch)
            }
        };
        let transformer = transformer.with_context(|| format!("could not load {model}"))?;
        Ok(Self { source, tokenizer: Box::new(tokenizer), transformer, experts, activations })
    }

    /// Says where the key–value cache takes twice the memory that was asked for.
    pub(crate) fn tell_of_wide_cache(&self, context: &Context) {
        if self.transformer.kv_widened() {
            context.progress.note(
                "keys or values exceed the range of F16: for the heads concerned the key–value cache is in F32",
            );
        }
    }

    /// Tokens of a text to continue, after the start token where the model asks for one.
    pub(crate) fn prompt_tokens(&self, text: &str) -> Result<Vec<TokenId>> {
        let mut tokens: Vec<_> = self.tokenizer.bos().into_iter().collect();
        tokens.extend(self.tokenizer.encode(text, false)?);
        Ok(tokens)
    }
}

fn plain(activations: Activations) -> impl FnOnce(&dyn TensorSource) -> Layers {
    move |_| (Box::new(Codecs::new(activations)), None)
}

fn counting(activations: Activations) -> impl FnOnce(&dyn TensorSource) -> Layers {
    move |source| {
        let formats = source.tensors().iter().map(|info| info.format);
        let watched = WatchedCodecs::new(Arc::new(Codecs::new(activations)), formats);
        let watch = watched.watch();
        (Box::new(watched), Some(watch))
    }
}
