//! A random rotation of any width.

use super::hartley::{Hartley, MAX_ORDER};
use super::signs::random_signs;
use crate::QuantError;
use crate::hadamard::transform;
use domain_types::OrthogonalTransform;

/// The rotation R = (C ⊗ H)·S that [`RotationSpec`](domain_types::RotationSpec) defines for vectors of n = m·2^p entries,
/// m odd: random signs, the Hadamard transform of each block of 2^p, and a Hartley matrix that mixes the m blocks.
///
/// A vector costs n·(p + m) multiply–adds at most, where a matrix would cost n².
#[derive(Debug, Clone)]
pub struct Rotation {
    /// 2^p.
    block: usize,
    signs: Vec<f32>,
    /// `None` where the width is a power of two.
    mixer: Option<Hartley>,
}

impl Rotation {
    /// The rotation of vectors of `width` entries for a seed; fails where the odd factor of the width is above 512.
    pub fn new(width: usize, seed: u64) -> Result<Self, QuantError> {
        let factor = width >> width.checked_ilog2().map_or(0, |_| width.trailing_zeros());
        if factor == 0 || factor > MAX_ORDER {
            return Err(QuantError::RotationWidth { width, factor, largest: MAX_ORDER });
        }
        let mixer = (factor > 1).then(|| Hartley::new(factor));
        Ok(Self { block: width / factor, signs: random_signs(seed, width), mixer })
    }

    fn rows<'a>(&self, rows: &'a mut [f32]) -> impl Iterator<Item = &'a mut [f32]> {
        let (len, width) = (rows.len(), self.width());
        assert!(len.is_multiple_of(width), "{len} numbers are no whole vectors of {width}");
        rows.chunks_exact_mut(width)
    }

    fn flip(&self, row: &mut [f32]) {
        row.iter_mut().zip(&self.signs).for_each(|(x, sign)| *x *= sign);
    }
}

impl OrthogonalTransform for Rotation {
    fn width(&self) -> usize {
        self.signs.len()
    }

    fn apply(&self, rows: &mut [f32]) {
        for row in self.rows(rows) {
            self.flip(row);
            transform(row, self.block);
            if let Some(mixer) = &self.mixer {
                mixer.mix(row);
            }
        }
    }

    fn invert(&self, rows: &mut [f32]) {
        for row in self.rows(rows) {
            if let Some(mixer) = &self.mixer {
                mixer.mix(row);
            }
            transform(row, self.block);
            self.flip(row);
        }
    }
}
