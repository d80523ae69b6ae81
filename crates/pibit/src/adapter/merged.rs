//! A model with an adapter's additions in its matrices.

use super::AdapterFile;
use super::file::Factors;
use crate::floats;
use crate::plain::PlainSource;
use anyhow::{Result, bail};
use domain_types::{Metadata, ModelSpec, PortError, QuantTensor, TensorInfo, TensorSource};
use quant_core::Codecs;
use std::collections::HashMap;

/// W + (α/r)·B·A for every matrix that an adapter adds to: all in F32, in the network's own basis.
pub(crate) struct MergedSource<'a> {
    base: PlainSource<'a>,
    additions: HashMap<String, Factors>,
}

impl<'a> MergedSource<'a> {
    /// Fails where the adapter adds to what the base does not have.
    pub(crate) fn new(base: &'a dyn TensorSource, codecs: &'a Codecs, adapter: &AdapterFile) -> Result<Self> {
        let base = PlainSource::new(base, codecs)?;
        let mut additions = HashMap::new();
        for matrix in adapter.matrices()? {
            let factors = adapter.factors(matrix)?;
            let shape = base.info(matrix).map(|info| info.shape);
            let fits = shape.filter(|shape| {
                [factors.a.len(), factors.b.len()]
                    == [factors.rank * shape.row_len(), shape.rows() * factors.rank]
            });
            if fits.is_none() {
                bail!("the adapter adds to {matrix}, which the model does not have in that shape");
            }
            additions.insert(matrix.to_owned(), factors);
        }
        Ok(Self { base, additions })
    }
}

impl TensorSource for MergedSource<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        self.base.tensors()
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        let tensor = self.base.tensor(name)?;
        let Some(Factors { a, b, rank }) = self.additions.get(name) else { return Ok(tensor) };
        let shape = *tensor.shape();
        let mut weights = floats::values(&tensor)
            .ok_or_else(|| PortError::invalid(format!("tensor {name} was not decoded")))?;
        for (row, b) in weights.chunks_exact_mut(shape.row_len()).zip(b.chunks_exact(*rank)) {
            for (a, b) in a.chunks_exact(shape.row_len()).zip(b) {
                row.iter_mut().zip(a).for_each(|(w, a)| *w += b * a);
            }
        }
        Ok(floats::tensor(shape, &weights)?)
    }

    fn metadata(&self) -> &Metadata {
        self.base.metadata()
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        self.base.spec()
    }
}
