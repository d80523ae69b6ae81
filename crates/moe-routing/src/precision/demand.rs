//! What is known of an expert when its format is chosen.

use crate::MoeError;

/// A format that an expert could have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FormatOption {
    /// Bytes of the expert in this format.
    pub bytes: u64,
    /// Bits per weight.
    pub bits: f64,
    /// What using it in this format costs per token that does, in any unit that is the same for all experts: measured
    /// sensitivity, such as the squared error of the layer's output.
    pub error: f64,
}

/// How often an expert is used and what formats it could have, from the fewest bytes to the most.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpertDemand {
    frequency: f64,
    options: Vec<FormatOption>,
}

impl ExpertDemand {
    /// An expert that a share `frequency` of tokens use. Sorts the options by bytes; `expert` is named in errors.
    pub fn new(expert: usize, frequency: f64, mut options: Vec<FormatOption>) -> Result<Self, MoeError> {
        let fail = |problem| Err(MoeError::BadDemand { expert, problem });
        if !(frequency.is_finite() && frequency >= 0.0) {
            return fail("its frequency must be finite and not negative");
        }
        if options.is_empty() || options.len() > 64 {
            return fail("it needs 1 to 64 formats to choose from");
        }
        if options.iter().any(|o| !(o.error.is_finite() && o.error >= 0.0 && o.bits.is_finite())) {
            return fail("errors and bits of its formats must be finite and not negative");
        }
        options.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(a.error.total_cmp(&b.error)));
        Ok(Self { frequency, options })
    }

    /// Share of tokens that use it.
    pub fn frequency(&self) -> f64 {
        self.frequency
    }

    /// Its formats, fewest bytes first.
    pub fn options(&self) -> &[FormatOption] {
        &self.options
    }

    /// What an option costs per token of the model.
    pub(super) fn cost(&self, option: usize) -> f64 {
        self.frequency * self.options[option].error
    }
}

/// Bytes of all experts in their smallest formats; an error where the budget is less.
pub(super) fn least_bytes(experts: &[ExpertDemand], budget: u64) -> Result<u64, MoeError> {
    let least = experts.iter().map(|e| e.options[0].bytes);
    let bytes = least.fold(0, u64::saturating_add);
    if bytes > budget { Err(MoeError::PrecisionBudget { bytes, budget }) } else { Ok(bytes) }
}
