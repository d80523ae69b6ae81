//! What a caller may choose when quantizing.

/// How the step of a grid is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepSearch {
    /// Closed form from the block's root mean square: no search.
    Rms,
    /// The step of least squared error.
    #[default]
    Mse,
    /// The step of least squared error weighted by the importance of each column (imatrix).
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
/// With a free α the choice changes nothing but the starting point of a search: every such grid is uniform. The
/// options exist so that this can be shown, not because it is in doubt.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QuantizeOptions {
    /// How the step is found.
    pub step: StepSearch,
    /// The constant of the grid.
    pub constant: GridConstant,
    /// The divisor k ∈ {2, 3, 4, 5}; the format's default where `None`.
    pub k: Option<u8>,
}
