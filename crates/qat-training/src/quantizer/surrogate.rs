//! Which gradients pass a rounding, whose true gradient is zero almost everywhere.

use super::LevelGrid;
use serde::{Deserialize, Serialize};

/// What stands for the gradient of rounding. Below, x = w/s is a weight in steps and l the level it is rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// Straight-through (Bengio et al. 2013, arXiv 1308.3432): ∂ŵ/∂w = 1. Steps stay as they are.
    Ste,
    /// Straight-through inside the range of levels, 0 outside. Steps stay as they are.
    ClippedSte,
    /// Learned step size (Esser et al. 2020, arXiv 1902.08153): clipped straight-through for weights; ∂ŵ/∂s = l − x
    /// inside the range of levels and l outside, scaled by 1/√(n·l_max) for n weights with the step.
    #[default]
    Lsq,
    /// Element-wise gradient scaling (Lee et al. 2021, arXiv 2104.00903): as [`Surrogate::Lsq`], and a gradient g that
    /// passes the rounding grows by a factor 1 + δ·sign(g)·(x − l), so that what is far from its level moves more.
    Ewgs(f32),
    /// Stretched elastic quantization (ParetoQ, Liu et al. 2025, arXiv 2502.02631): as [`Surrogate::Lsq`], but the
    /// range reaches to 0.99 of where the outermost cells end, not to the outermost levels.
    Seq,
}

/// Share of the half-width of a grid that [`Surrogate::Seq`] does not clip.
const STRETCH: f32 = 0.99;

impl Surrogate {
    /// Whether steps learn.
    pub(crate) fn trains_steps(self) -> bool {
        !matches!(self, Self::Ste | Self::ClippedSte)
    }

    /// The weights in steps, from and to, whose gradients pass.
    pub(crate) fn range(self, grid: &LevelGrid) -> (f32, f32) {
        match self {
            Self::Ste => (f32::NEG_INFINITY, f32::INFINITY),
            Self::ClippedSte | Self::Lsq | Self::Ewgs(_) => grid.ends(),
            Self::Seq => {
                let (low, high) = grid.edges();
                let (centre, half_width) = (0.5 * (low + high), 0.5 * (high - low) * STRETCH);
                (centre - half_width, centre + half_width)
            }
        }
    }

    /// The factor of a gradient whose sign in units of steps is `sign`, for a weight `residual` = x − l off its level.
    #[inline]
    pub(crate) fn scaling(self, sign: f32, residual: f32) -> f32 {
        match self {
            Self::Ewgs(delta) => 1.0 + delta * sign * residual,
            _ => 1.0,
        }
    }
}
