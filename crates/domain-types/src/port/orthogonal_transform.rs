//! A change of basis.

/// x′ = R·x with an orthogonal matrix R that is faster to apply than to multiply with.
pub trait OrthogonalTransform: Send + Sync {
    /// Length of a vector.
    fn width(&self) -> usize;

    /// x ← R·x for each vector of `rows`, in place and without allocating.
    ///
    /// # Panics
    /// If the length is not a multiple of [`width`](Self::width).
    fn apply(&self, rows: &mut [f32]);

    /// x ← Rᵀ·x for each vector of `rows`: undoes [`apply`](Self::apply).
    ///
    /// # Panics
    /// If the length is not a multiple of [`width`](Self::width).
    fn invert(&self, rows: &mut [f32]);
}
