#![doc = include_str!("rounding/README.md")]

mod damped;
mod format;
mod ldlq;
mod matrix;
mod proxy;
mod quantizer;
mod refine;
mod scales;
#[cfg(all(test, feature = "ldlq"))]
mod tests;

#[cfg(feature = "ldlq")]
pub(crate) use damped::factorise;
pub(crate) use format::{ColumnRounder, ScaledFormat};
pub(crate) use matrix::Rounded;
pub use proxy::proxy_loss;
pub(crate) use quantizer::HessianQuantizer;

use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// How weights become codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// Round to nearest: each weight (trellis codes: each column) for itself.
    #[default]
    Rtn,
    /// Column by column, each making up for the errors of those before it as the layer's inputs correlate (LDLQ of
    /// QuIP, Chee et al. 2023, arXiv:2307.13304; the same as GPTQ). Requests must carry a Hessian. Needs feature
    /// `ldlq`.
    Ldlq,
    /// LDLQ, then passes that round each column again with all others fixed (QuIP's greedy updates).
    LdlqRefine,
}

impl Display for Rounding {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rtn => "rtn",
            Self::Ldlq => "ldlq",
            Self::LdlqRefine => "ldlq+refine",
        })
    }
}

impl FromStr for Rounding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Rtn, Self::Ldlq, Self::LdlqRefine]
            .into_iter()
            .find(|rounding| rounding.to_string() == text)
            .ok_or_else(|| format!("rounding {text:?} is not known; choose rtn, ldlq or ldlq+refine"))
    }
}
