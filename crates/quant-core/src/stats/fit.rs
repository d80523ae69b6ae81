//! What searching a grid's step gained.

use super::compare;
use crate::registry::row_codec;
use crate::{QuantizeOptions, Rounding, StepSearch, quantizer};
use domain_types::{PortError, QuantTensor, QuantizeRequest};

/// A grid that was fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridFit {
    /// Number of levels.
    pub levels: usize,
    /// Reduction of the (unweighted) mean squared error against the closed-form step, in percent.
    pub improvement_pct: f64,
}

/// Compares a fitted tensor with what the closed form, [`StepSearch::Rms`], makes of the same request and options.
/// `None` where nothing was fitted: the format has no grid or the step was not searched. `None` too for rounding with a
/// Hessian, which does not aim at the least squared error.
pub fn grid_fit(
    request: &QuantizeRequest<'_>,
    options: &QuantizeOptions,
    fitted: &QuantTensor,
) -> Result<Option<GridFit>, PortError> {
    if options.rounding != Rounding::Rtn {
        return Ok(None);
    }
    let Some(levels) = row_codec(fitted.format()).and_then(crate::codec::RowCodec::levels) else {
        return Ok(None);
    };
    let closed_form = QuantizeOptions { step: StepSearch::Rms, ..*options };
    let start = quantizer(fitted.format().id(), &closed_form)?.quantize(request)?;
    if start.bytes() == fitted.bytes() {
        return Ok(None);
    }
    let mse = |tensor| compare(request.weights(), tensor).map(|c| c.quality().mse);
    let (before, after) = (mse(&start)?, mse(fitted)?);
    let improvement_pct = if before > 0.0 { 100.0 * (1.0 - after / before) } else { 0.0 };
    Ok(Some(GridFit { levels: levels.len(), improvement_pct }))
}
