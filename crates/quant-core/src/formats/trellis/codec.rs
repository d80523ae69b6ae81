//! Reads tensors of a trellis code.

use super::Trellis;
use super::layout::Packed;
use crate::codec::{RowCodec, check_format, decode_rows};
use crate::linear::PackedLinear;
use domain_types::{Linear, PortError, QuantFormat, QuantTensor, TensorView, WeightCodec};
use std::marker::PhantomData;
use std::ops::Range;

/// Reads tensors of trellis code `T`.
pub(crate) struct TrellisCodec<T>(PhantomData<T>);

impl<T> TrellisCodec<T> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

/// Decodes row `index`. The runs of bytes that hold a row's windows are in order of columns, so this costs no more
/// than a row that lies together.
pub(super) fn decode_row<T: Trellis>(tensor: &TensorView<'_>, index: usize, out: &mut [f32]) {
    let (matrix, row) = Packed::<T>::of_row(tensor, index);
    let scale = matrix.scale(row);
    matrix.values(row, |column, value| out[column] = scale * value);
}

impl<T: Trellis> WeightCodec for TrellisCodec<T> {
    fn format(&self) -> QuantFormat {
        T::FORMAT
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        decode_rows(self, &tensor, out)
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        check_format(T::FORMAT, &tensor.view())?;
        Ok(Box::new(PackedLinear::new(tensor, decode_row::<T>)))
    }
}

impl<T: Trellis> RowCodec for TrellisCodec<T> {
    fn levels(&self) -> Option<&'static [f32]> {
        None
    }

    fn decode_row(&self, tensor: &TensorView<'_>, index: usize, out: &mut [f32]) {
        decode_row::<T>(tensor, index, out);
    }

    fn block_steps(
        &self,
        tensor: &TensorView<'_>,
        _: usize,
        found: &mut dyn FnMut(Range<usize>, Option<f32>),
    ) {
        found(0..tensor.shape().row_len(), None);
    }
}
