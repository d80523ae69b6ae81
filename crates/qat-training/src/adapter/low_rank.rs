//! A parameter that reads as itself and a low-rank addition.

use crate::random::Rng;
use burn::module::{Module, Param, Reparameterization};
use burn::tensor::{Device, Tensor, TensorData};

/// Hangs on a matrix W `[out, in]`: its `val()` becomes W + scale·B·A.
#[derive(Module, Debug)]
pub(crate) struct LowRank {
    /// `[rank, in]`.
    pub(crate) a: Param<Tensor<2>>,
    /// `[out, rank]`.
    pub(crate) b: Param<Tensor<2>>,
    #[module(skip)]
    scale: f32,
}

impl LowRank {
    /// A normal of variance 1/in and B zero: nothing is added yet, and gradients of B are as large as those of W·x.
    pub(crate) fn zero(
        [out, inputs]: [usize; 2],
        rank: usize,
        scale: f32,
        rng: &mut Rng,
        device: &Device,
    ) -> Self {
        let deviation = (inputs as f32).sqrt().recip();
        let a = (0..rank * inputs).map(|_| rng.normal() * deviation).collect();
        Self::new([a, vec![0.0; out * rank]], [out, inputs], rank, scale, device)
    }

    /// From the values of A and B.
    pub(crate) fn new(
        [a, b]: [Vec<f32>; 2],
        [out, inputs]: [usize; 2],
        rank: usize,
        scale: f32,
        device: &Device,
    ) -> Self {
        let param = |values, dims: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, dims), device))
        };
        Self { a: param(a, [rank, inputs]), b: param(b, [out, rank]), scale }
    }

    /// scale·x·Aᵀ·Bᵀ, for `x` of `[positions, in]`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let inner = x.matmul(self.a.val().transpose()).mul_scalar(self.scale);
        inner.matmul(self.b.val().transpose())
    }
}

impl Reparameterization for LowRank {
    const NAME: &'static str = "low_rank";

    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        let added = self.b.val().matmul(self.a.val()).mul_scalar(self.scale);
        let dims = base.dims();
        base + added.reshape(dims)
    }
}
