//! Keeping the embedding's rows of frequent tokens apart, see [`FrequentTokens`].

use crate::floats;
use anyhow::Result;
use domain_types::{
    CodecSet, FrequentTokens, Metadata, ModelSpec, PortError, QuantTensor, Shape, TensorInfo, TensorSource,
    TokenId, scalar,
};
use std::collections::HashMap;

/// The tensor that rows are taken out of.
const EMBEDDING: &str = "token_embd.weight";

/// Tokens of the vocabulary for each whose row is kept apart, where nothing else is asked for. On SmolLM2 2,048 rows in
/// Q8_0 take 1.25 MB and leave a third of a 4-bit embedding's divergence.
pub(crate) const VOCAB_PER_ROW: usize = 24;

/// The `count` most frequent tokens of texts, fewer where fewer occur.
pub(crate) fn most_frequent(texts: &[Vec<TokenId>], count: usize) -> Vec<TokenId> {
    let mut counts = HashMap::<TokenId, usize>::new();
    for token in texts.iter().flatten() {
        *counts.entry(*token).or_default() += 1;
    }
    let mut tokens: Vec<_> = counts.into_iter().collect();
    tokens.sort_by_key(|(token, count)| (std::cmp::Reverse(*count), *token));
    let mut tokens: Vec<_> = tokens.into_iter().take(count).map(|(token, _)| token).collect();
    tokens.sort_unstable();
    tokens
}

/// Another source whose embedding is in two tensors. The model is the same.
pub(crate) struct SplitEmbedding<'a> {
    original: Box<dyn TensorSource + 'a>,
    codecs: &'a dyn CodecSet,
    tokens: FrequentTokens,
    metadata: Metadata,
    infos: Vec<TensorInfo>,
}

impl<'a> SplitEmbedding<'a> {
    /// Takes the rows of these tokens out. Fails where they are no tokens of the model.
    pub(crate) fn new(
        original: Box<dyn TensorSource + 'a>,
        tokens: FrequentTokens,
        codecs: &'a dyn CodecSet,
    ) -> Result<Self> {
        let width = original.spec()?.width;
        let (mut metadata, mut infos) = (original.metadata().clone(), original.tensors().to_vec());
        tokens.write(&mut metadata);
        for info in infos.iter_mut().filter(|info| info.name == EMBEDDING) {
            info.format = scalar::F32;
        }
        let shape = Shape::matrix(tokens.tokens().len(), width)?;
        infos.push(TensorInfo::new(FrequentTokens::TENSOR, scalar::F32, shape)?);
        Ok(Self { original, codecs, tokens, metadata, infos })
    }

    /// The rows of frequent tokens, and all others with zeros in their places.
    fn split(&self) -> Result<[QuantTensor; 2], PortError> {
        let embedding = self.original.tensor(EMBEDDING)?;
        let (shape, width) = (*embedding.shape(), embedding.shape().row_len());
        let mut rest = vec![0.0; shape.elements()];
        self.codecs.require(embedding.format())?.decode(embedding.view(), &mut rest)?;
        let mut frequent = Vec::with_capacity(self.tokens.tokens().len() * width);
        for &token in self.tokens.tokens() {
            let row = rest.chunks_exact_mut(width).nth(token as usize);
            let row = row.ok_or_else(|| PortError::invalid(format!("{EMBEDDING} has no row {token}")))?;
            frequent.extend_from_slice(row);
            row.fill(0.0);
        }
        let rows = Shape::matrix(self.tokens.tokens().len(), width)?;
        Ok([floats::tensor(rows, &frequent)?, floats::tensor(shape, &rest)?])
    }
}

impl TensorSource for SplitEmbedding<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        match name {
            FrequentTokens::TENSOR => self.split().map(|[frequent, _]| frequent),
            EMBEDDING => self.split().map(|[_, rest]| rest),
            _ => self.original.tensor(name),
        }
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        self.original.spec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_tokens_ascend() {
        let texts = [vec![7, 3, 3, 9], vec![9, 9, 1]];
        assert_eq!(most_frequent(&texts, 2), [3, 9]);
        assert_eq!(most_frequent(&texts, 3), [1, 3, 9], "of equals the first");
        assert_eq!(most_frequent(&texts, 99), [1, 3, 7, 9]);
    }
}
