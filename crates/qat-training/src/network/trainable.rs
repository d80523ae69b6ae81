//! What can be trained on its own: the whole network, or one of its blocks.

use super::export::of_block;
use super::layer::Layer;
use super::{Block, Llama, Weight, Weights};
use burn::module::Module;
use burn::tensor::Device;

/// Weights with names, in a module that an optimizer changes.
pub(crate) trait Trainable: Sized {
    /// The module.
    type Weights: Module;

    fn weights(&self) -> &Self::Weights;

    /// The same with other weights.
    #[must_use]
    fn with_weights(self, weights: Self::Weights) -> Self;

    /// The same weights on a device that records no gradients.
    fn without_gradients(&self) -> Self;

    /// Every weight under its GGUF name, in the order of a file.
    fn named(&self) -> Vec<(String, Weight<'_>)>;

    fn device(&self) -> Device;
}

impl Trainable for Llama {
    type Weights = Weights;

    fn weights(&self) -> &Weights {
        &self.weights
    }

    fn with_weights(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }

    fn without_gradients(&self) -> Self {
        Self { spec: self.spec.clone(), weights: self.weights.clone().valid(), cache: self.cache.clone() }
    }

    fn named(&self) -> Vec<(String, Weight<'_>)> {
        let mut all = vec![("token_embd.weight".to_owned(), Weight::Matrix(&self.weights.embedding))];
        for (layer, block) in self.weights.blocks.iter().enumerate() {
            all.extend(of_block(layer, block));
        }
        all.push(("output_norm.weight".to_owned(), Weight::Vector(&self.weights.norm.weight)));
        all
    }

    fn device(&self) -> Device {
        self.weights.embedding.base().device()
    }
}

impl Trainable for Layer {
    type Weights = Block;

    fn weights(&self) -> &Block {
        &self.block
    }

    fn with_weights(self, block: Block) -> Self {
        Self { block, ..self }
    }

    fn without_gradients(&self) -> Self {
        Self { block: self.block.clone().valid(), ..self.clone() }
    }

    fn named(&self) -> Vec<(String, Weight<'_>)> {
        of_block(self.index, &self.block)
    }

    fn device(&self) -> Device {
        self.block.attn_norm.weight.base().device()
    }
}
