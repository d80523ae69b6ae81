//! Rounding one tensor.

use super::Importance;
use super::convert::Tools;
use super::observed::Observed;
use super::plan::PlannedTensor;
use super::role::{ConstantRule, TensorRole};
use anyhow::{Result, bail};
use domain_types::{CodecSet, DomainEvent, Hessian, QuantFormat, QuantTensor, QuantizeRequest};
use quant_core::{Comparison, QuantizeOptions, StepSearch};

/// How tensors are rounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounding {
    /// By default [`StepSearch::Imatrix`] where the importance of inputs is known, [`StepSearch::Mse`] elsewhere.
    pub(crate) step: Option<StepSearch>,
    pub(crate) k: Option<u8>,
    pub(crate) constants: Vec<ConstantRule>,
    pub(crate) importance: Option<Importance>,
    /// Whether weights beyond a format's range become its largest number, rather than being an error.
    pub(crate) saturate: bool,
    /// How weights become codes where their inputs were observed and their format can.
    pub(crate) method: quant_core::Rounding,
}

/// A rounded tensor.
pub(super) struct RoundedTensor {
    pub(super) tensor: QuantTensor,
    /// Against the source's weights.
    pub(super) comparison: Comparison,
    /// tr(E·H·Eᵀ)/tr(W·H·Wᵀ) where the Hessian is known, W being what was to be rounded.
    pub(super) proxy_loss: Option<f64>,
}

pub(super) fn round(
    tools: Tools<'_>,
    original: &QuantTensor,
    planned: &PlannedTensor,
    rounding: &Rounding,
    observed: Option<&Observed>,
) -> Result<RoundedTensor> {
    let (name, shape) = (&planned.source.name, planned.source.shape);
    let mut weights = vec![0.0; shape.elements()];
    tools.codecs.require(original.format())?.decode(original.view(), &mut weights)?;
    let target = observed.map(|observed| observed.target(&weights)).transpose()?.flatten();
    let target = target.as_ref().unwrap_or(&weights);
    let hessian = observed.map(|observed| &observed.hessian);
    let mut request = QuantizeRequest::new(target, shape)?;
    if let Some(hessian) = hessian {
        request = request.with_hessian(hessian)?;
    }
    let method = match hessian {
        Some(_) if can_ldlq(&planned.format) => rounding.method,
        _ => quant_core::Rounding::Rtn,
    };
    // LDLQ reads importance off the Hessian.
    let importance = match method {
        quant_core::Rounding::Rtn => importance(name, rounding, hessian)?,
        _ => None,
    };
    if let Some(importance) = &importance {
        request = request.with_importance(importance)?;
    }
    let step = match rounding.step {
        None if importance.is_some() => StepSearch::Imatrix,
        None => StepSearch::Mse,
        // The embedding is looked up, not multiplied: nothing is known of it.
        Some(StepSearch::Imatrix) if importance.is_none() => StepSearch::Mse,
        Some(step) => step,
    };
    let constant = ConstantRule::choose(&rounding.constants, TensorRole::of(name));
    let options = QuantizeOptions::default().with_step(step).with_constant(constant).with_k(rounding.k);
    let options = options.with_rounding(method);
    let tensor = quant_core::quantizer(planned.format.id(), &options)?.quantize(&request)?;
    let comparison = quant_core::compare(&weights, &tensor)?;
    refuse_saturated(&comparison, planned, rounding)?;
    let proxy_loss = hessian.map(|hessian| proxy_loss(tools, target, &tensor, hessian)).transpose()?;
    report(tools, name, &tensor, &comparison);
    if tools.sink.enabled()
        && method == quant_core::Rounding::Rtn
        && let Some(fit) = quant_core::grid_fit(&request, &options, &tensor)?
    {
        let (layer, centroids, improvement_pct) = (name.clone(), fit.levels, fit.improvement_pct);
        tools.sink.record(&DomainEvent::GridOptimized { layer, centroids, improvement_pct });
    }
    Ok(RoundedTensor { tensor, comparison, proxy_loss })
}

/// Weights that a format cannot hold would become its largest number.
fn refuse_saturated(comparison: &Comparison, planned: &PlannedTensor, rounding: &Rounding) -> Result<()> {
    match comparison.saturated() {
        0 => Ok(()),
        _ if rounding.saturate => Ok(()),
        n => bail!(
            "{n} weights are beyond the range of {}; keep the tensor in bf16 or f32 (--keep '{}=f32'), or pass \
             --saturate to give them the largest number that there is",
            planned.format,
            planned.source.name
        ),
    }
}

/// Mean square of each input, from the imatrix or the Hessian.
fn importance(name: &str, rounding: &Rounding, hessian: Option<&Hessian>) -> Result<Option<Vec<f32>>> {
    if let Some(hessian) = hessian {
        return Ok(Some(hessian.diagonal().collect()));
    }
    let Some(all) = &rounding.importance else { return Ok(None) };
    match all.get(name) {
        Some(importance) => Ok(Some(importance.to_vec())),
        None if rounding.step == Some(StepSearch::Imatrix)
            && TensorRole::of(name) != TensorRole::Embedding =>
        {
            bail!("the imatrix has no entry for it; was it made for another model?")
        }
        None => Ok(None),
    }
}

fn report(tools: Tools<'_>, name: &str, tensor: &QuantTensor, comparison: &Comparison) {
    let quality = comparison.quality();
    tools.sink.record(&DomainEvent::WeightsQuantized {
        layer: name.to_owned(),
        format: tensor.format().id().to_owned(),
        mse: quality.mse,
        spectral_distortion_db: quality.spectral_distortion_db,
        bits_per_weight: tensor.bits_per_weight(),
    });
}

fn can_ldlq(format: &QuantFormat) -> bool {
    quant_core::entries().iter().any(|entry| entry.format() == *format && entry.can_ldlq())
}

fn proxy_loss(tools: Tools<'_>, weights: &[f32], tensor: &QuantTensor, hessian: &Hessian) -> Result<f64> {
    let mut decoded = vec![0.0; weights.len()];
    tools.codecs.require(tensor.format())?.decode(tensor.view(), &mut decoded)?;
    Ok(quant_core::proxy_loss(weights, &decoded, hessian)?)
}
