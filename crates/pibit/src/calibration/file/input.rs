//! The tensors of an input in a calibration file.

use super::{counts_name, hessian_name, sums_name};
use crate::floats;
use anyhow::{Context as _, Result};
use domain_types::{Hessian, QuantTensor, Shape};
use quant_core::LayerMoments;

/// The tensors, in the order of the file. Fails where activations were not finite.
pub(crate) fn input_tensors(moments: &LayerMoments) -> Result<Vec<(String, QuantTensor)>> {
    let owner = &moments.tensors()[0];
    let hessian = moments.hessian().with_context(|| {
        format!(
            "the activations that {owner} reads are not finite numbers: the model is damaged or overflows"
        )
    })?;
    let mut tensors = vec![(hessian_name(owner), vector(&upper_triangle(&hessian))?)];
    let sums: Vec<f32> = moments.sums_of_squares().iter().map(|&sum| sum as f32).collect();
    for tensor in moments.tensors() {
        tensors.push((sums_name(tensor), vector(&sums)?));
        tensors.push((counts_name(tensor), vector(&[moments.tokens() as f32])?));
    }
    Ok(tensors)
}

fn vector(values: &[f32]) -> Result<QuantTensor> {
    Ok(floats::tensor(Shape::vector(values.len())?, values)?)
}

fn upper_triangle(hessian: &Hessian) -> Vec<f32> {
    let rows = hessian.values().chunks_exact(hessian.width()).enumerate();
    rows.flat_map(|(row, values)| values[row..].iter().copied()).collect()
}
