//! Reads tensors of a trellis code.

use super::Trellis;
use super::layout::Packed;
use crate::QuantError;
use crate::codec::RowCodec;
use crate::linear::PackedLinear;
use crate::parallel::for_each_row;
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

pub(super) fn check_format<T: Trellis>(tensor: &TensorView<'_>) -> Result<(), QuantError> {
    if *tensor.format() == T::FORMAT {
        return Ok(());
    }
    Err(QuantError::WrongFormat { codec: T::ID, tensor: tensor.format().id() })
}

impl<T: Trellis> WeightCodec for TrellisCodec<T> {
    fn format(&self) -> QuantFormat {
        T::FORMAT
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        check_format::<T>(&tensor)?;
        let expected = tensor.shape().elements();
        if out.len() != expected {
            return Err(QuantError::OutputLength { expected, actual: out.len() }.into());
        }
        for_each_row(out, tensor.shape().row_len(), |index, out| decode_row::<T>(&tensor, index, out));
        Ok(())
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        check_format::<T>(&tensor.view())?;
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
