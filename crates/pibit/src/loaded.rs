//! A model that is ready to run: source, tokenizer and network, wired.

use crate::compute::Compute;
use crate::context::Context;
use crate::experts::{ExpertArgs, ExpertWatch, WiredExperts};
use crate::model_ref::ModelRef;
use crate::stage;
use anyhow::{Context as _, Result};
use domain_types::{TensorSource, TokenId, Tokenizer};
use inference::{LoadOptions, Transformer};
use quant_core::{Activations, Codecs};

/// A model that is ready to run.
pub(crate) struct LoadedModel {
    pub(crate) source: Box<dyn TensorSource>,
    pub(crate) tokenizer: Box<dyn Tokenizer>,
    pub(crate) transformer: Transformer,
    pub(crate) experts: ExpertWatch,
}

impl LoadedModel {
    /// A model with room for `context_length` tokens that computes exactly: for measuring what weights are worth.
    pub(crate) fn exact(context: &Context, model: &ModelRef, context_length: usize) -> Result<Self> {
        let options = LoadOptions::default().with_context_length(context_length);
        Self::load(context, model, options, Activations::F32)
    }

    /// Opens and loads a model whose linear layers compute with such activations.
    pub(crate) fn load(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        activations: Activations,
    ) -> Result<Self> {
        Self::wire(model, activations, options, || model.open(context), |_| Ok(None))
    }

    /// The same, with experts as a command's options say.
    pub(crate) fn with_experts(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        activations: Activations,
        experts: &ExpertArgs,
    ) -> Result<Self> {
        let wire = |source: &dyn TensorSource| experts.wire(context, model, source, activations);
        Self::wire(model, activations, options, || model.open(context), wire)
    }

    /// Loads a model to run it fast.
    pub(crate) fn fast(
        context: &Context,
        model: &ModelRef,
        options: LoadOptions,
        compute: Compute,
    ) -> Result<Self> {
        Self::wire(model, compute.activations, options, || compute.open(context, model), |_| Ok(None))
    }

    fn wire(
        model: &ModelRef,
        activations: Activations,
        options: LoadOptions,
        open: impl FnOnce() -> Result<Box<dyn TensorSource>>,
        experts: impl FnOnce(&dyn TensorSource) -> Result<Option<WiredExperts>>,
    ) -> Result<Self> {
        let _span = stage::load(&model.to_string()).entered();
        let source = open()?;
        let tokenizer =
            model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {model}"))?;
        let codecs = Codecs::new(activations);
        let (transformer, experts) = match experts(&*source)? {
            None => (Transformer::load(&*source, &codecs, options), ExpertWatch::default()),
            Some(wired) => {
                let (ports, watch) = wired.watch();
                (Transformer::load_with_experts(&*source, &codecs, options, ports), watch)
            }
        };
        let transformer = transformer.with_context(|| format!("could not load {model}"))?;
        Ok(Self { source, tokenizer: Box::new(tokenizer), transformer, experts })
    }

    /// Tokens of a text to continue, after the start token where the model asks for one.
    pub(crate) fn prompt_tokens(&self, text: &str) -> Result<Vec<TokenId>> {
        let mut tokens: Vec<_> = self.tokenizer.bos().into_iter().collect();
        tokens.extend(self.tokenizer.encode(text, false)?);
        Ok(tokens)
    }
}
