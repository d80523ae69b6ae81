//! A model seen in a rotated basis (QuaRot, arXiv:2404.00456): which tensor takes part in which rotation.

mod basis;
mod rotations;
#[cfg(test)]
mod tests;
mod treatment;

pub(crate) use basis::Basis;
pub(crate) use rotations::Rotations;

use crate::floats;
use anyhow::{Result, bail};
use domain_types::{
    CodecSet, DomainEvent, EventSink, Hessian, Metadata, ModelSpec, OrthogonalTransform, PortError,
    QuantTensor, RotationSpec, TensorInfo, TensorSource, scalar,
};
use quant_core::incoherence::{Rotation, mu, rotate_columns, rotate_rows, scale_columns};
use std::sync::atomic::{AtomicBool, Ordering};
use treatment::Treatment;

/// Another source, rotated. Tensors that a rotation concerns are rotated when they are asked for, to F32; all others stay
/// as they are.
pub(crate) struct RotatedSource<'a> {
    original: Box<dyn TensorSource + 'a>,
    codecs: &'a dyn CodecSet,
    sink: &'a dyn EventSink,
    spec: ModelSpec,
    metadata: Metadata,
    infos: Vec<TensorInfo>,
    /// Of which tensors there was an event already.
    reported: Vec<AtomicBool>,
    rotations: Rotations,
}

impl<'a> RotatedSource<'a> {
    /// Rotates what `rotation` says. Fails for models that have no equivalent in a rotated basis, and for widths that
    /// no rotation exists for.
    pub(crate) fn new(
        original: Box<dyn TensorSource + 'a>,
        rotation: RotationSpec,
        codecs: &'a dyn CodecSet,
        sink: &'a dyn EventSink,
    ) -> Result<Self> {
        let spec = original.spec()?;
        if spec.rotation.is_some() {
            bail!("this model is rotated already; rotate the model that it was made from");
        }
        if rotation.residual && rotation.inputs {
            bail!("the residual stream and the inputs behind its norms cannot both be rotated");
        }
        if rotation.residual && spec.post_norms {
            bail!(
                "{} models cannot be rotated: their norms after attention and feed-forward layers have gains that \
                 cannot move into another layer; quantize without --rotate",
                spec.architecture
            );
        }
        let mut metadata = original.metadata().clone();
        rotation.write(&mut metadata);
        let mut rotated = Self {
            codecs,
            sink,
            metadata,
            infos: Vec::new(),
            reported: original.tensors().iter().map(|_| AtomicBool::new(false)).collect(),
            rotations: Rotations::new(&spec, rotation)?,
            spec: ModelSpec { rotation: Some(rotation), ..spec },
            original,
        };
        rotated.infos =
            rotated.original.tensors().iter().map(|i| rotated.describe(i)).collect::<Result<_>>()?;
        Ok(rotated)
    }

    /// What is rotated.
    pub(crate) fn original(&self) -> &dyn TensorSource {
        &*self.original
    }

    /// The second moment of a layer's inputs in this basis, from that in the original one.
    pub(crate) fn carry(&self, name: &str, hessian: Hessian) -> Result<Hessian> {
        let Some(treatment) = self.rotations.treatment(name) else { return Ok(hessian) };
        if treatment.norm.is_some() {
            bail!("gains of a norm moved into {name}: what it reads now is not what was calibrated");
        }
        let Some(rotation) = treatment.input else { return Ok(hessian) };
        let (width, tokens) = (hessian.width(), hessian.tokens());
        let mut values = hessian.values().to_vec();
        rotate_rows(&mut values, rotation);
        rotate_columns(&mut values, width, rotation);
        // Rounding errors of the two sides differ.
        for row in 0..width {
            for column in 0..row {
                values[row * width + column] = values[column * width + row];
            }
        }
        Ok(Hessian::new(width, tokens, values)?)
    }

    /// Weights of this basis in the original one.
    pub(crate) fn restore(&self, name: &str, weights: &mut [f32], row_len: usize) {
        self.rotations.restore(name, weights, row_len);
    }

    /// A tensor as it will be, after a check that the rotations fit it.
    fn describe(&self, info: &TensorInfo) -> Result<TensorInfo> {
        let Some(treatment) = self.rotations.treatment(&info.name) else { return Ok(info.clone()) };
        let dims = info.shape.dims();
        // A bias is a column: what a layer writes.
        let (rows, columns) = if dims.len() == 1 { (dims[0], 1) } else { (dims[0], info.shape.row_len()) };
        let fits =
            |n: usize, rotation: Option<&Rotation>| rotation.is_none_or(|r| n.is_multiple_of(r.width()));
        if dims.len() > 2 || !fits(columns, treatment.input) || !fits(rows, treatment.output) {
            bail!("tensor {} is {}, which does not fit the metadata's widths", info.name, info.shape);
        }
        Ok(TensorInfo::new(&info.name, scalar::F32, info.shape)?)
    }

    fn floats(&self, name: &str) -> Result<(QuantTensor, Vec<f32>), PortError> {
        let tensor = self.original.tensor(name)?;
        let mut values = vec![0.0; tensor.shape().elements()];
        self.codecs.require(tensor.format())?.decode(tensor.view(), &mut values)?;
        Ok((tensor, values))
    }

    /// The weights of a tensor in the rotated basis, and the tensor itself.
    fn rotated(&self, name: &str, treatment: &Treatment<'_>) -> Result<QuantTensor, PortError> {
        let (original, mut weights) = self.floats(name)?;
        let shape = *original.shape();
        if treatment.is_norm {
            weights.fill(1.0);
            return Ok(floats::tensor(shape, &weights)?);
        }
        let before = mu(&weights);
        let row_len = if shape.dims().len() == 1 { 1 } else { shape.row_len() };
        if let Some(norm) = treatment.norm {
            let block = name.rsplitn(3, '.').nth(2).unwrap_or_default();
            let (_, gains) = self.floats(&format!("{block}.{norm}"))?;
            if gains.len() != row_len {
                return Err(PortError::invalid(format!("{block}.{norm} is not as long as rows of {name}")));
            }
            scale_columns(&mut weights, &gains);
        }
        if let Some(rotation) = treatment.input {
            rotate_rows(&mut weights, rotation);
        }
        if let Some(rotation) = treatment.output {
            rotate_columns(&mut weights, row_len, rotation);
        }
        self.report(name, treatment, before, &weights);
        Ok(floats::tensor(shape, &weights)?)
    }

    fn report(&self, name: &str, treatment: &Treatment<'_>, mu_before: f64, weights: &[f32]) {
        let index = self.infos.iter().position(|info| info.name == name);
        if !self.sink.enabled() || index.is_none_or(|i| self.reported[i].swap(true, Ordering::Relaxed)) {
            return;
        }
        let (layer, transform, mu_after) = (name.to_owned(), treatment.to_string(), mu(weights));
        self.sink.record(&DomainEvent::IncoherenceApplied { layer, transform, mu_before, mu_after });
    }
}

impl TensorSource for RotatedSource<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        match self.rotations.treatment(name) {
            None => self.original.tensor(name),
            Some(treatment) => self.rotated(name, &treatment),
        }
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        Ok(self.spec.clone())
    }
}
