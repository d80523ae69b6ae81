//! Incoherence: rotating weights so that no entry is large.
//!
//! A grid of few levels is only as good as its worst entries let it be. With orthogonal matrices U and V,
//! (V·W·Uᵀ)·(U·x) = V·(W·x), so a network can compute in a rotated basis; seen in a random one, a trained matrix has no
//! outliers and its entries are close to normal (QuIP, Chee et al. 2023, arXiv:2307.13304). Where the rotations lie in a
//! network is QuaRot's choice (Ashkboos et al. 2024, arXiv:2404.00456); which tensor takes part in what is the caller's
//! to say.
//!
//! ```
//! use domain_types::OrthogonalTransform;
//! use quant_core::incoherence::{Rotation, mu, rotate_columns, rotate_rows};
//!
//! let mut weights = vec![0.01; 6 * 96];
//! weights[40] = 1.0;
//! let before = mu(&weights);
//! rotate_rows(&mut weights, &Rotation::new(96, 1)?);
//! rotate_columns(&mut weights, 96, &Rotation::new(6, 2)?);
//! assert!(mu(&weights) < before / 2.0);
//! # Ok::<(), quant_core::QuantError>(())
//! ```

mod hartley;
mod matrix;
mod rotation;
mod signs;
#[cfg(test)]
mod tests;

pub use matrix::{mu, restore_columns, restore_rows, rotate_columns, rotate_rows, scale_columns};
pub use rotation::Rotation;
