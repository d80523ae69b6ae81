//! What the K-quants share (llama.cpp, pull request 1684): super-blocks of 256 weights, cut into sub-blocks whose scales
//! are integers times the super-block's F16 scale.
//!
//! Q2_K, Q4_K and Q5_K are affine (a scale and a minimum per sub-block), Q3_K and Q6_K symmetric (a signed scale).

mod affine;
pub(crate) mod nibbles;
mod packed_scales;
mod symmetric;

pub(crate) use affine::{AffineBlock, AffineLimits};
pub(crate) use packed_scales::PackedScales;
pub(crate) use symmetric::{SymmetricBlock, SymmetricLimits};

/// Sub-blocks of the formats with the shortest ones, of 16 weights. Arrays have this length; formats with longer
/// sub-blocks use a part.
pub(crate) const MAX_SUBS: usize = 16;

/// How often the super-block's scales are fitted again to the chosen codes.
const ROUNDS: usize = 3;
