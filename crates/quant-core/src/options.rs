//! What a caller may choose when quantizing.

use crate::{QuantError, Rounding};

/// How the step of a grid is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepSearch {
    /// Closed form from a figure of the block (its root mean square; for ternary the mean magnitude, for NormalFloat
    /// the largest): no search.
    Rms,
    /// The step of least squared error.
    #[default]
    Mse,
    /// The step of least squared error weighted by the importance of each column (imatrix). Requests without
    /// importance are refused. Rounding with a Hessian takes its diagonal.
    Imatrix,
}

impl std::str::FromStr for StepSearch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rms" => Ok(Self::Rms),
            "mse" => Ok(Self::Mse),
            "imatrix" => Ok(Self::Imatrix),
            _ => Err(format!("step search {text:?} is not known; choose rms, mse or imatrix")),
        }
    }
}

/// The constant c of a grid with step α·c/k.
///
/// It matters for [`StepSearch::Rms`], where α is the block's root mean square. A searched step is the best one
/// whatever c and k are: with a free α every such grid is uniform. The options exist so that this can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the variants are the constants they are named after")]
pub enum GridConstant {
    #[default]
    Pi,
    E,
    Phi,
    Sqrt2,
    Ln2,
}

impl GridConstant {
    /// The number.
    pub fn value(self) -> f32 {
        match self {
            Self::Pi => std::f32::consts::PI,
            Self::E => std::f32::consts::E,
            Self::Phi => 1.618_034,
            Self::Sqrt2 => std::f32::consts::SQRT_2,
            Self::Ln2 => std::f32::consts::LN_2,
        }
    }
}

impl std::fmt::Display for GridConstant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pi => "pi",
            Self::E => "e",
            Self::Phi => "phi",
            Self::Sqrt2 => "sqrt2",
            Self::Ln2 => "ln2",
        })
    }
}

/// Whether a format's grid has the divisor k and the constant c of [`QuantizeOptions`].
pub fn has_divisor(format: &str) -> bool {
    matches!(format, "piq2" | "piq3" | "pit")
}

impl std::str::FromStr for GridConstant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pi" => Ok(Self::Pi),
            "e" => Ok(Self::E),
            "phi" => Ok(Self::Phi),
            "sqrt2" => Ok(Self::Sqrt2),
            "ln2" => Ok(Self::Ln2),
            _ => Err(format!("constant {text:?} is not known; choose pi, e, phi, sqrt2 or ln2")),
        }
    }
}

/// Choices for one tensor. Formats without a searched step ignore `step`, `constant` and `k`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct QuantizeOptions {
    /// How the step is found.
    pub step: StepSearch,
    /// The constant of the grid.
    pub constant: GridConstant,
    /// The divisor k ∈ {2, 3, 4, 5}; the format's default where `None`.
    pub k: Option<u8>,
    /// How weights become codes.
    pub rounding: Rounding,
    /// What is added to the Hessian's diagonal before it is factorised, as a share of the diagonal's mean. Rounding to
    /// nearest ignores it.
    pub damping: f32,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            step: StepSearch::default(),
            constant: GridConstant::default(),
            k: None,
            rounding: Rounding::default(),
            damping: 0.01,
        }
    }
}

impl QuantizeOptions {
    /// The same with another step search.
    #[must_use]
    pub fn with_step(mut self, step: StepSearch) -> Self {
        self.step = step;
        self
    }

    /// The same with another constant.
    #[must_use]
    pub fn with_constant(mut self, constant: GridConstant) -> Self {
        self.constant = constant;
        self
    }

    /// The same with a divisor, or the format's default where `None`.
    #[must_use]
    pub fn with_k(mut self, k: Option<u8>) -> Self {
        self.k = k;
        self
    }

    /// The same with another rounding.
    #[must_use]
    pub fn with_rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// The same with another damping, finite and not negative.
    #[must_use]
    pub fn with_damping(mut self, damping: f32) -> Self {
        self.damping = damping;
        self
    }
}

impl QuantizeOptions {
    /// c/k, the closed-form step for α = 1.
    pub(crate) fn grid_factor(self, format: &str, default_k: u8) -> Result<f32, QuantError> {
        match self.k.unwrap_or(default_k) {
            k @ 2..=5 => Ok(self.constant.value() / f32::from(k)),
            k => Err(QuantError::BadOption {
                format: format.into(),
                reason: format!("k = {k} is out of range; choose 2, 3, 4 or 5"),
            }),
        }
    }
}
