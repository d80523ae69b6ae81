//! Products with packed weights on 8-bit activations.
//!
//! A group of 8 rows is k runs of bytes, whatever k is. Two neighbouring groups are taken together, one in each "row" of
//! the instruction set, 32 columns at a time ([`strip`]): a load of activations serves 16 rows.
//!
//! Sums of table entries are codes from 0 to 127 for the kernels, and what is the same for all columns is left to the
//! end: y = scale · (Σ codes·x − offset · Σx).

mod matmul;
mod matvec;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "sets with panels are of x86-64 so far"))]
mod panel;
mod strip;

use super::Trellis;
use super::codec::{TrellisCodec, decode_row};
use super::layout::Packed;
use crate::activations::ActivationBlock;
use crate::codec::check_format;
use crate::isa::dispatch;
use crate::linear::{rows_per_task, times_panels, transpose, wants_panels, with_activations};
use crate::parallel::for_each_row;
use domain_types::{Linear, PortError, QuantFormat, QuantTensor, TensorView, WeightCodec};
use matmul::UnitsTimesTokens;
use matvec::UnitsTimesVector;
use std::marker::PhantomData;
use strip::UNIT_ROWS;

/// Reads tensors like [`TrellisCodec`], and multiplies them packed.
pub(crate) struct FusedTrellisCodec<T>(PhantomData<T>);

impl<T> FusedTrellisCodec<T> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<T: Trellis> WeightCodec for FusedTrellisCodec<T> {
    fn format(&self) -> QuantFormat {
        T::FORMAT
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        TrellisCodec::<T>::NEW.decode(tensor, out)
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        check_format(T::FORMAT, &tensor.view())?;
        Ok(Box::new(FusedTrellis::<T> { tensor, code: PhantomData }))
    }
}

/// A weight matrix that stays packed; several matrices are one below the other.
struct FusedTrellis<T> {
    tensor: QuantTensor,
    code: PhantomData<T>,
}

impl<T: Trellis> Linear for FusedTrellis<T> {
    fn in_features(&self) -> usize {
        self.tensor.shape().row_len()
    }

    fn out_features(&self) -> usize {
        self.tensor.shape().rows()
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        let row_len = self.in_features();
        assert_eq!((x.len(), y.len()), (row_len, self.out_features()));
        let (tensor, rows_per_task) = (self.tensor.view(), rows_per_task(y.len(), row_len));
        with_activations(x, row_len, |x| {
            for_each_row(y, rows_per_task, |task, y| {
                let units = Units::<T>::new(&tensor, task * rows_per_task);
                dispatch(UnitsTimesVector { units, x, y });
            });
        });
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        let (row_len, rows) = (self.in_features(), self.out_features());
        assert_eq!((x.len(), y.len()), (tokens * row_len, tokens * rows));
        if tokens == 1 {
            return self.matvec(x, y);
        }
        let tensor = self.tensor.view();
        // Each unit of rows writes its own contiguous part of the transposed output.
        let mut transposed = vec![0.0; tokens * rows];
        with_activations(x, row_len, |x| {
            if wants_panels(tokens) {
                return times_panels(x, row_len, &mut transposed, |first, _| Units::<T>::new(&tensor, first));
            }
            for_each_row(&mut transposed, UNIT_ROWS * tokens, |index, y| {
                let units = Units::<T>::new(&tensor, index * UNIT_ROWS);
                dispatch(UnitsTimesTokens { units, x, y });
            });
        });
        transpose(&transposed, tokens, y);
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.in_features());
        decode_row::<T>(&self.tensor.view(), index, out);
    }

    fn weight_bytes(&self) -> usize {
        self.tensor.bytes().len()
    }
}

/// Rows of a tensor from a certain one on, [`UNIT_ROWS`] at a time. Matrices have a multiple of that.
struct Units<'a, T> {
    tensor: &'a TensorView<'a>,
    first: usize,
    code: PhantomData<T>,
}

impl<'a, T: Trellis> Units<'a, T> {
    fn new(tensor: &'a TensorView<'a>, first: usize) -> Self {
        Self { tensor, first, code: PhantomData }
    }

    /// The matrix of the `index`th unit, and the unit's first row there.
    #[inline(always)]
    fn get(&self, index: usize) -> (Packed<'a, T>, usize) {
        Packed::of_row(self.tensor, self.first + index * UNIT_ROWS)
    }
}

/// What a product with codes is too large by: offset · Σx.
#[inline(always)]
fn offset_of<T: Trellis>(x: &[ActivationBlock]) -> f32 {
    let mut sum = 0.0;
    for block in x {
        sum += block.scale * block.sum as f32;
    }
    sum * T::OFFSET
}

#[cfg(test)]
mod tests;
