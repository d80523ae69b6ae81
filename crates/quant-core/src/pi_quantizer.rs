//! PiQ without the table of formats: programs that need no other format stay small.

use crate::block::{BlockEncoder, BlockFormat, encode_row};
use crate::formats::piq::{self, PiQ2, PiQ3};
use crate::formats::read_f16;
use crate::grid::{GridEncoder, GridFormat};
use crate::{QuantError, QuantizeOptions};
use domain_types::QuantFormat;

/// PiQ2 or PiQ3 on single rows.
///
/// The bytes are those that [`quantizer`](crate::quantizer) makes of the same row. Other formats are not linked, which a
/// page that quantizes a handful of weights has no use for.
pub struct PiQuantizer(Encoder);

enum Encoder {
    Two(GridEncoder<PiQ2>),
    Three(GridEncoder<PiQ3>),
}

/// Runs an expression with the encoder, whichever format it is of.
macro_rules! with_encoder {
    ($quantizer:expr, $encoder:ident => $work:expr) => {
        match &$quantizer.0 {
            Encoder::Two($encoder) => $work,
            Encoder::Three($encoder) => $work,
        }
    };
}

impl PiQuantizer {
    /// PiQ2 or PiQ3, with step search, constant and k of the options. Fails for other numbers of bits, and for k
    /// outside 2 to 5.
    pub fn new(bits: u8, options: QuantizeOptions) -> Result<Self, QuantError> {
        match bits {
            2 => Ok(Self(Encoder::Two(piq::encoder(options)?))),
            3 => Ok(Self(Encoder::Three(piq::encoder(options)?))),
            _ => Err(QuantError::BadOption {
                format: "piq".into(),
                reason: format!("there are no {bits}-bit codes; choose 2 or 3"),
            }),
        }
    }

    /// The format.
    pub fn format(&self) -> QuantFormat {
        with_encoder!(self, encoder => format_of(encoder))
    }

    /// A row's blocks. Fails where a weight is not finite, or the row is empty or no multiple of 32.
    pub fn encode(&self, weights: &[f32]) -> Result<Vec<u8>, QuantError> {
        if !weights.iter().all(|w| w.is_finite()) {
            return Err(QuantError::NotFinite { which: "original", row: 0 });
        }
        let mut bytes = vec![0; self.row_bytes(weights.len())?];
        with_encoder!(self, encoder => encode_row(encoder, weights, None, &mut bytes));
        Ok(bytes)
    }

    /// The weights of a row's blocks. Fails where `bytes` is not what [`encode`](Self::encode) makes of so many.
    pub fn decode(&self, bytes: &[u8], weights: usize) -> Result<Vec<f32>, QuantError> {
        let expected = self.row_bytes(weights)?;
        if bytes.len() != expected {
            let reason = format!("{weights} weights take {expected} bytes, {} were given", bytes.len());
            return Err(self.refuse(reason));
        }
        let mut row = vec![0.0; weights];
        with_encoder!(self, encoder => decode_row(encoder, bytes, &mut row));
        Ok(row)
    }

    /// How many weights these bytes hold, where they are whole blocks and perhaps a short one.
    pub fn weights_in(&self, bytes: usize) -> Result<usize, QuantError> {
        let format = self.format();
        let full = bytes / format.block_bytes() * format.block_len();
        // A short block has fewer than eight granules.
        let lengths = (full..full + format.block_len()).step_by(format.row_multiple());
        let fits = |&n: &usize| n > 0 && format.row_bytes(n).is_ok_and(|needed| needed == bytes);
        lengths.clone().find(fits).ok_or_else(|| self.refuse(format!("{bytes} bytes are no whole row of it")))
    }

    /// The step of each block, negative where the block is mirrored.
    pub fn steps(&self, bytes: &[u8]) -> Vec<f32> {
        bytes.chunks(self.format().block_bytes()).filter(|block| block.len() > 1).map(read_f16).collect()
    }

    /// The levels, in steps, in ascending order.
    pub fn levels(&self) -> &'static [f32] {
        with_encoder!(self, encoder => levels_of(encoder))
    }

    fn row_bytes(&self, weights: usize) -> Result<usize, QuantError> {
        let format = self.format();
        let wrong = || self.refuse(format!("a row of {weights} weights; give a multiple of 32"));
        if weights == 0 {
            return Err(wrong());
        }
        format.row_bytes(weights).map_err(|_| wrong())
    }

    fn refuse(&self, reason: String) -> QuantError {
        QuantError::BadOption { format: self.format().id().into(), reason }
    }
}

fn format_of<E: BlockEncoder>(_: &E) -> QuantFormat {
    E::Format::FORMAT
}

fn decode_row<F: GridFormat>(_: &GridEncoder<F>, bytes: &[u8], out: &mut [f32]) {
    F::decode_row(bytes, out);
}

fn levels_of<F: GridFormat>(_: &GridEncoder<F>) -> &'static [f32] {
    F::LEVELS.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codecs, quantizer};
    use domain_types::testing::gaussian_like;
    use domain_types::{CodecSet, QuantizeRequest, Shape};

    #[test]
    fn rows_are_those_of_the_table_of_formats() {
        for (bits, id) in [(2, "piq2"), (3, "piq3")] {
            for n in [32, 256, 288, 1024 + 96] {
                let weights = gaussian_like(bits.into(), n);
                let shape = Shape::vector(n).unwrap();
                let request = QuantizeRequest::new(&weights, shape).unwrap();
                let options = QuantizeOptions::default();
                let expected = quantizer(id, &options).unwrap().quantize(&request).unwrap();
                let alone = PiQuantizer::new(bits, options).unwrap();
                let bytes = alone.encode(&weights).unwrap();
                assert_eq!(bytes, expected.bytes().to_vec());
                let mut decoded = vec![0.0; n];
                let codec = Codecs::default();
                codec.require(expected.format()).unwrap().decode(expected.view(), &mut decoded).unwrap();
                assert_eq!(alone.decode(&bytes, n).unwrap(), decoded);
                assert_eq!(alone.weights_in(bytes.len()).unwrap(), n);
                assert_eq!(alone.steps(&bytes).len(), n.div_ceil(256));
            }
        }
    }

    #[test]
    fn what_cannot_be_a_row_is_refused() {
        let options = QuantizeOptions::default();
        assert!(PiQuantizer::new(4, options).is_err());
        assert!(PiQuantizer::new(2, options.with_k(Some(9))).is_err());
        let piq3 = PiQuantizer::new(3, options).unwrap();
        assert!(piq3.encode(&[]).is_err());
        assert!(piq3.encode(&[0.5; 33]).is_err());
        assert!(piq3.encode(&[f32::NAN; 32]).is_err());
        assert!(piq3.decode(&[0; 13], 32).is_err());
        assert!(piq3.weights_in(0).is_err() && piq3.weights_in(1).is_err() && piq3.weights_in(13).is_err());
    }
}
