//! The port [`Quantizer`] for rounding with a Hessian.

use super::damped::Damped;
use super::ldlq::ldlq;
use super::matrix::{Column, Rounded, transpose};
use super::refine::refine;
use super::scales::tune;
use super::{Rounding, ScaledFormat};
use crate::{QuantError, QuantizeOptions, StepSearch};
use domain_types::{Hessian, PortError, QuantFormat, QuantTensor, QuantizeRequest, Quantizer};

/// The most passes of refinement. The first gains half of what there is to gain.
const PASSES: usize = 4;

/// Rounds the columns of any format that has scales.
pub(crate) struct HessianQuantizer {
    format: Box<dyn ScaledFormat>,
    options: QuantizeOptions,
}

impl HessianQuantizer {
    pub(crate) fn new(format: Box<dyn ScaledFormat>, options: QuantizeOptions) -> Result<Self, QuantError> {
        let reason = if cfg!(not(feature = "ldlq")) {
            let rounding = options.rounding;
            format!(
                "this build has no rounding {rounding}; build quant-core with feature ldlq, or choose rtn"
            )
        } else if !options.damping.is_finite() || options.damping < 0.0 {
            format!("damping {} is out of range; choose 0 or more, as a rule 0.01", options.damping)
        } else {
            return Ok(Self { format, options });
        };
        Err(QuantError::BadOption { format: format.format().id().into(), reason })
    }

    fn hessian<'a>(&self, request: &QuantizeRequest<'a>) -> Result<&'a Hessian, QuantError> {
        request.hessian().ok_or_else(|| QuantError::BadOption {
            format: self.format.format().id().into(),
            reason: format!(
                "rounding {} needs the Hessian of the layer's inputs; calibrate the model first, or choose rtn",
                self.options.rounding
            ),
        })
    }

    /// Rounds one matrix.
    fn round(&self, damped: &Damped, weights: &[f32], importance: &[f32]) -> Rounded {
        let columns = transpose(weights, damped.width());
        let mut matrix = Rounded::new(&*self.format, weights, importance);
        let mut rounder = self.format.rounder();
        let mut found = Column::new(matrix.rows());
        ldlq(damped, &columns, |column, targets, decoded| {
            matrix.round(&mut *rounder, column, targets, &mut found);
            matrix.keep(column, &found);
            decoded.copy_from_slice(&found.decoded);
        });
        self.tune(damped, weights, &mut matrix);
        if self.options.rounding == Rounding::LdlqRefine {
            for _ in 0..PASSES {
                if refine(damped, &columns, &mut matrix, &mut *rounder) == 0 {
                    break;
                }
                self.tune(damped, weights, &mut matrix);
            }
        }
        matrix
    }

    /// Fits the scales to the codes, unless the options ask for closed forms.
    fn tune(&self, damped: &Damped, weights: &[f32], matrix: &mut Rounded) {
        if self.options.step != StepSearch::Rms {
            tune(damped, weights, matrix);
        }
    }
}

impl Quantizer for HessianQuantizer {
    fn format(&self) -> QuantFormat {
        self.format.format()
    }

    fn quantize(&self, request: &QuantizeRequest<'_>) -> Result<QuantTensor, PortError> {
        let (format, shape) = (self.format(), request.shape());
        let mut bytes = vec![0; format.byte_len(&shape)?];
        let hessian = self.hessian(request)?;
        let damped = Damped::new(hessian, self.options.damping)?;
        let importance: Vec<f32> = hessian.diagonal().collect();
        let weights = shape.matrix_rows() * shape.row_len();
        let size = bytes.len() / (shape.elements() / weights);
        for (weights, bytes) in request.weights().chunks_exact(weights).zip(bytes.chunks_exact_mut(size)) {
            let matrix = self.round(&damped, weights, &importance);
            self.format.pack(&matrix, bytes);
        }
        Ok(QuantTensor::new(format, shape, bytes)?)
    }
}
