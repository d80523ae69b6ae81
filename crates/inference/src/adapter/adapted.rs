//! A linear layer with a low-rank addition.

use super::{LowRank, MAX_RANK};
use crate::parallel;
use domain_types::Linear;

/// W·x + B·A·x. The packed weights stay as they are.
pub(crate) struct AdaptedLinear {
    base: Box<dyn Linear>,
    addition: LowRank,
}

impl AdaptedLinear {
    /// `None` where the addition does not fit the layer.
    pub(crate) fn new(base: Box<dyn Linear>, addition: LowRank) -> Option<Self> {
        let fits =
            (base.in_features(), base.out_features()) == (addition.in_features(), addition.out_features());
        fits.then_some(Self { base, addition })
    }
}

impl LowRank {
    /// y += B·A·x, without allocating.
    pub(crate) fn add(&self, x: &[f32], y: &mut [f32]) {
        let mut inner = [0.0_f32; MAX_RANK];
        for (inner, row) in inner.iter_mut().zip(self.a.chunks_exact(x.len())) {
            *inner = dot(row, x);
        }
        for (inner, column) in inner.iter().zip(self.b.chunks_exact(y.len())) {
            y.iter_mut().zip(column).for_each(|(y, b)| *y += inner * b);
        }
    }
}

/// Eight sums side by side, for which compilers have instructions.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

impl Linear for AdaptedLinear {
    fn in_features(&self) -> usize {
        self.base.in_features()
    }

    fn out_features(&self) -> usize {
        self.base.out_features()
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        self.base.matvec(x, y);
        self.addition.add(x, y);
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        self.base.matmul(x, tokens, y);
        let width = self.in_features();
        parallel::for_each_row(y, self.out_features(), |token, row| {
            self.addition.add(&x[token * width..(token + 1) * width], row);
        });
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        self.base.row(index, out);
        let LowRank { a, b, .. } = &self.addition;
        for (a, b) in a.chunks_exact(out.len()).zip(b.chunks_exact(self.out_features())) {
            out.iter_mut().zip(a).for_each(|(w, a)| *w += b[index] * a);
        }
    }

    fn weight_bytes(&self) -> usize {
        self.base.weight_bytes() + size_of_val(&*self.addition.a) + size_of_val(&*self.addition.b)
    }
}
