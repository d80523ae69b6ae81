//! A linear layer on packed weights.

/// y = W·x without a copy of W in floats. Object-safe; a call works on a whole matrix.
pub trait Linear: Send + Sync {
    /// Length of an input: the row length of W.
    fn in_features(&self) -> usize;

    /// Length of an output: the number of rows of W.
    fn out_features(&self) -> usize;

    /// One token: `y[o] = Σ_i W[o][i]·x[i]`.
    ///
    /// # Panics
    /// If `x` or `y` have other lengths than [`in_features`](Self::in_features) and
    /// [`out_features`](Self::out_features).
    fn matvec(&self, x: &[f32], y: &mut [f32]);

    /// `tokens` inputs, row after row (`tokens × in_features`), to as many outputs (`tokens × out_features`).
    ///
    /// # Panics
    /// If a length does not fit.
    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]);

    /// Decodes row `index` of W: an embedding look-up.
    ///
    /// # Panics
    /// If there is no such row, or `out` is not `in_features` long.
    fn row(&self, index: usize, out: &mut [f32]);

    /// Bytes of packed weights that a matvec reads.
    fn weight_bytes(&self) -> usize;
}
