//! Models whose experts have formats of their own.

use crate::quantize::Overlay;
use anyhow::Result;
use domain_types::{ExpertId, ExpertPart, ExpertTensor, QuantTensor, Shape, TensorSource};

/// An expert's gate, up and down.
pub(crate) type Matrices = [QuantTensor; 3];

/// The model with other experts: `experts[layer][expert]`.
///
/// A block whose experts all have the same formats has stacks, which other programs can read. In any other, each expert has
/// tensors of its own, which lie next to each other.
pub(crate) fn with_experts<'a>(
    original: &'a dyn TensorSource,
    experts: &[Vec<Matrices>],
) -> Result<Overlay<'a>> {
    let mut overlay = Overlay::new(original);
    for (layer, experts) in experts.iter().enumerate() {
        let tensors = if alike(experts) { stacks(layer, experts)? } else { singles(layer, experts) };
        let of_layer = |name: &str| match ExpertTensor::parse(name) {
            Some(ExpertTensor::Stack { layer: of, .. }) => of == layer,
            Some(ExpertTensor::Single { id, .. }) => id.layer == layer,
            None => false,
        };
        overlay.substitute(of_layer, tensors);
    }
    Ok(overlay)
}

fn alike(experts: &[Matrices]) -> bool {
    let formats = |matrices: &Matrices| matrices.each_ref().map(|matrix| *matrix.format());
    experts.windows(2).all(|pair| formats(&pair[0]) == formats(&pair[1]))
}

fn stacks(layer: usize, experts: &[Matrices]) -> Result<Vec<(String, QuantTensor)>> {
    let stack = |part: ExpertPart| {
        let matrices = || experts.iter().map(|expert| &expert[part as usize]);
        let bytes: Vec<u8> = matrices().flat_map(|matrix| matrix.bytes().iter().copied()).collect();
        let first = &experts[0][part as usize];
        let shape = Shape::new(&[experts.len(), first.shape().rows(), first.shape().row_len()])?;
        let name = ExpertTensor::Stack { layer, part }.to_string();
        Ok((name, QuantTensor::new(*first.format(), shape, bytes)?))
    };
    ExpertPart::ALL.into_iter().map(stack).collect()
}

fn singles(layer: usize, experts: &[Matrices]) -> Vec<(String, QuantTensor)> {
    let of_expert = |(expert, matrices): (usize, &Matrices)| {
        let id = ExpertId::new(layer, expert);
        let name = |part| ExpertTensor::Single { id, part }.to_string();
        ExpertPart::ALL.map(|part| (name(part), matrices[part as usize].clone()))
    };
    experts.iter().enumerate().flat_map(of_expert).collect()
}
