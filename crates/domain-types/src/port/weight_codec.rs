//! Packed weights to floats and to linear layers.

use crate::{Linear, OrthogonalTransform, PortError, QuantFormat, QuantTensor, TensorView};
use alloc::boxed::Box;
use alloc::format;

/// Reads one format.
pub trait WeightCodec: Send + Sync {
    /// The format it reads.
    fn format(&self) -> QuantFormat;

    /// Decodes a whole tensor into `out`, row after row. Total over bytes: any bit pattern decodes to some numbers
    /// (perhaps not finite ones), never to a panic.
    ///
    /// Errors where the tensor has another format or `out` another length than the tensor has weights.
    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError>;

    /// The same codes with every block's scale multiplied by a factor and rounded as the format stores scales; `factors` has
    /// one per block, row after row.
    ///
    /// Errors where the format's blocks are not one scale times levels, which is what this says of a format unless it
    /// says otherwise, or where there are more or fewer factors than blocks.
    fn rescale(&self, tensor: TensorView<'_>, factors: &[f32]) -> Result<QuantTensor, PortError> {
        let _ = (tensor, factors);
        let id = self.format();
        Err(PortError::invalid(format!("blocks of {} are not one scale times levels", id.id())))
    }

    /// A linear layer that works on the packed bytes. Takes matrices only.
    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError>;
}

/// Finds what a file's weights need to be computed with: codecs by format, and rotations.
pub trait CodecSet: Send + Sync {
    /// The codec for a format, if there is one.
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec>;

    /// The codec for a format, or an error that names it.
    fn require(&self, format: &QuantFormat) -> Result<&dyn WeightCodec, PortError> {
        self.codec(format).ok_or_else(|| PortError::not_found("codec for format", format.id()))
    }

    /// The rotation of vectors of `width` that a [`RotationSpec`](crate::RotationSpec) means; an error where there is
    /// none of this width.
    fn rotation(&self, width: usize, seed: u64) -> Result<Box<dyn OrthogonalTransform>, PortError>;
}
