//! The ports [`WeightCodec`] and [`Quantizer`] for any block format.

use crate::QuantError;
use crate::block::{BlockEncoder, BlockFormat, encode_row};
use crate::kernel::BlockKernel;
use crate::linear::{FusedLinear, PackedLinear};
use crate::parallel::for_each_row;
use domain_types::{
    Linear, PortError, QuantFormat, QuantTensor, QuantizeRequest, Quantizer, TensorView, WeightCodec,
};
use std::marker::PhantomData;
use std::ops::Range;

/// Reads tensors of block format `F`.
pub(crate) struct BlockCodec<F>(PhantomData<F>);

impl<F> BlockCodec<F> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

/// Fails for tensors of another format than the codec's.
pub(crate) fn check_format(codec: QuantFormat, tensor: &TensorView<'_>) -> Result<(), QuantError> {
    if *tensor.format() == codec {
        return Ok(());
    }
    Err(QuantError::WrongFormat { codec: codec.id(), tensor: tensor.format().id() })
}

/// [`WeightCodec::decode`], row by row.
pub(crate) fn decode_rows(
    codec: &dyn RowCodec,
    tensor: &TensorView<'_>,
    out: &mut [f32],
) -> Result<(), PortError> {
    check_format(codec.format(), tensor)?;
    let expected = tensor.shape().elements();
    if out.len() != expected {
        return Err(QuantError::OutputLength { expected, actual: out.len() }.into());
    }
    for_each_row(out, tensor.shape().row_len(), |index, out| codec.decode_row(tensor, index, out));
    Ok(())
}

/// [`WeightCodec::rescale`] for blocks that are one scale times levels.
fn rescale_blocks(
    codec: &dyn RowCodec,
    tensor: &TensorView<'_>,
    factors: &[f32],
    rescale: fn(&mut [u8], f32),
) -> Result<QuantTensor, PortError> {
    let (shape, format) = (*tensor.shape(), codec.format());
    check_format(format, tensor)?;
    if codec.levels().is_none() {
        let id = format.id();
        return Err(PortError::invalid(format!("blocks of {id} are not one scale times levels")));
    }
    let expected = shape.rows() * shape.row_len().div_ceil(format.block_len());
    if factors.len() != expected {
        return Err(QuantError::OutputLength { expected, actual: factors.len() }.into());
    }
    let mut bytes = tensor.bytes().to_vec();
    let rows = bytes.chunks_exact_mut(tensor.row_stride());
    let blocks = rows.flat_map(|row| row.chunks_mut(format.block_bytes()));
    blocks.zip(factors).for_each(|(block, factor)| rescale(block, *factor));
    Ok(QuantTensor::new(format, shape, bytes)?)
}

/// A codec as this crate's own row-wise work sees it.
pub(crate) trait RowCodec: WeightCodec {
    /// Levels of the format's grid, where its blocks are one grid each.
    fn levels(&self) -> Option<&'static [f32]>;

    /// Decodes row `index`.
    fn decode_row(&self, tensor: &TensorView<'_>, index: usize, out: &mut [f32]);

    /// The step at the weights of each block of row `index` where the format knows it: `found` gets the block's range
    /// and its step.
    fn block_steps(
        &self,
        tensor: &TensorView<'_>,
        index: usize,
        found: &mut dyn FnMut(Range<usize>, Option<f32>),
    );
}

impl<F: BlockFormat> RowCodec for BlockCodec<F> {
    fn levels(&self) -> Option<&'static [f32]> {
        F::LEVELS
    }

    fn decode_row(&self, tensor: &TensorView<'_>, index: usize, out: &mut [f32]) {
        F::decode_row(tensor.row(index), out);
    }

    fn block_steps(
        &self,
        tensor: &TensorView<'_>,
        index: usize,
        found: &mut dyn FnMut(Range<usize>, Option<f32>),
    ) {
        let row_len = tensor.shape().row_len();
        let starts = (0..row_len).step_by(F::FORMAT.block_len());
        for (start, block) in starts.zip(tensor.row(index).chunks(F::FORMAT.block_bytes())) {
            found(start..row_len.min(start + F::FORMAT.block_len()), F::block_step(block));
        }
    }
}

impl<F: BlockFormat> WeightCodec for BlockCodec<F> {
    fn format(&self) -> QuantFormat {
        F::FORMAT
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        decode_rows(self, &tensor, out)
    }

    fn rescale(&self, tensor: TensorView<'_>, factors: &[f32]) -> Result<QuantTensor, PortError> {
        rescale_blocks(self, &tensor, factors, F::rescale_block)
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        check_format(F::FORMAT, &tensor.view())?;
        Ok(Box::new(PackedLinear::new(tensor, |tensor, index, out| F::decode_row(tensor.row(index), out))))
    }
}

/// Reads tensors like [`BlockCodec`], and multiplies them by kernel `K`, on 8-bit activations.
pub(crate) struct FusedCodec<K>(PhantomData<K>);

impl<K> FusedCodec<K> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<K: BlockKernel> WeightCodec for FusedCodec<K> {
    fn format(&self) -> QuantFormat {
        K::Format::FORMAT
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        BlockCodec::<K::Format>::NEW.decode(tensor, out)
    }

    fn rescale(&self, tensor: TensorView<'_>, factors: &[f32]) -> Result<QuantTensor, PortError> {
        BlockCodec::<K::Format>::NEW.rescale(tensor, factors)
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        check_format(K::Format::FORMAT, &tensor.view())?;
        Ok(Box::new(FusedLinear::<K>::new(tensor)))
    }
}

/// Makes tensors with block encoder `E`.
pub(crate) struct BlockQuantizer<E>(pub(crate) E);

impl<E: BlockEncoder> Quantizer for BlockQuantizer<E> {
    fn format(&self) -> QuantFormat {
        <E::Format as BlockFormat>::FORMAT
    }

    fn quantize(&self, request: &QuantizeRequest<'_>) -> Result<QuantTensor, PortError> {
        if self.0.needs_importance() && request.importance().is_none() {
            return Err(QuantError::needs_importance(self.format()).into());
        }
        encode_rows(self.format(), request, &|row, out| encode_row(&self.0, row, request.importance(), out))
    }
}

/// A tensor of rows that `encode` makes, each from its weights.
fn encode_rows(
    format: QuantFormat,
    request: &QuantizeRequest<'_>,
    encode: &(dyn Fn(&[f32], &mut [u8]) + Sync),
) -> Result<QuantTensor, PortError> {
    let shape = request.shape();
    let mut bytes = vec![0; format.byte_len(&shape)?];
    let row_bytes = format.row_bytes(shape.row_len())?;
    for_each_row(&mut bytes, row_bytes, |index, out| {
        let start = index * shape.row_len();
        encode(&request.weights()[start..start + shape.row_len()], out);
    });
    Ok(QuantTensor::new(format, shape, bytes)?)
}
