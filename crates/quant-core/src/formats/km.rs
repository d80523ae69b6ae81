//! KM2 and KM3: learned centroids, the 4 or 8 values that k-means finds in each block of 256 weights (Han et al. 2016,
//! arXiv:1510.00149; weighted by importance as in SqueezeLLM, Kim et al. 2024, arXiv:2306.07629).
//!
//! The freest scalar code of its width, and what every grid here can be measured against: blocks of no grid have less
//! error with as many levels. The centroids cost 0.25 and 0.5 bits per weight, for which [trellis codes](super::trellis)
//! give more.

mod cluster;

use crate::block::{BlockEncoder, BlockFormat};
use crate::formats::{read_f16, write_f16};
use crate::planes::{code_bytes, read_codes, write_codes};
use cluster::centroids;
use domain_types::{QuantFormat, RowRule};

/// Weights in a full block.
const BLOCK: usize = 256;

/// Rows are whole granules of this many weights; the last block of a row may be short.
const GRANULE: usize = 32;

/// Layout: 2^`BITS` centroids in ascending order as F16, then planes of codes.
pub(crate) struct Km<const BITS: usize>;

pub(crate) type Km2 = Km<2>;
pub(crate) type Km3 = Km<3>;

impl<const BITS: usize> Km<BITS> {
    const ID: &'static str = if BITS == 2 { "km2" } else { "km3" };
    const CENTROIDS: usize = 1 << BITS;
    const HEADER: usize = 2 * Self::CENTROIDS;
}

/// The most centroids.
const MOST: usize = 8;

impl<const BITS: usize> BlockFormat for Km<BITS> {
    const FORMAT: QuantFormat = QuantFormat::new(
        Self::ID,
        BLOCK,
        Self::HEADER + code_bytes(BITS, BLOCK),
        RowRule::ShortTail {
            granule: GRANULE,
            granule_bytes: code_bytes(BITS, GRANULE),
            header_bytes: Self::HEADER,
        },
    );

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let (header, packed) = bytes.split_at(Self::HEADER);
        let mut values = [0.0; MOST];
        for (value, half) in values.iter_mut().zip(header.chunks_exact(2)) {
            *value = read_f16(half);
        }
        let mut codes = [0; BLOCK];
        let codes = &mut codes[..out.len()];
        read_codes(BITS, packed, codes);
        for (out, code) in out.iter_mut().zip(codes) {
            *out = values[usize::from(*code) % MOST];
        }
    }
}

impl<const BITS: usize> Default for KmEncoder<BITS> {
    fn default() -> Self {
        Self
    }
}

/// The encoder: centroids of least squared error, found exactly.
#[derive(Clone)]
pub(crate) struct KmEncoder<const BITS: usize>;

impl<const BITS: usize> BlockEncoder for KmEncoder<BITS> {
    type Format = Km<BITS>;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let (header, packed) = bytes.split_at_mut(Km::<BITS>::HEADER);
        let mut values = [0.0; MOST];
        let values = &mut values[..Km::<BITS>::CENTROIDS];
        centroids(weights, importance, values);
        for (value, half) in values.iter_mut().zip(header.chunks_exact_mut(2)) {
            *value = write_f16(half, *value);
        }
        let mut codes = [0; BLOCK];
        let codes = &mut codes[..weights.len()];
        for pair in values.windows(2) {
            let threshold = 0.5 * (pair[0] + pair[1]);
            for (code, w) in codes.iter_mut().zip(weights) {
                *code += u8::from(*w > threshold);
            }
        }
        write_codes(BITS, codes, packed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{GridEncoder, ScaleRule, Statistic};
    use crate::testing::{codec_suites, normal, normal_mse};
    use crate::{StepSearch, formats::piq};

    #[test]
    fn conformance() {
        codec_suites::<Km2, _>(&KmEncoder::<2>, 0.12);
        codec_suites::<Km3, _>(&KmEncoder::<3>, 0.035);
    }

    /// Lloyd and Max: no fixed levels have less error than 0.1175 and 0.0345 on normal weights. Levels fitted to 256 weights
    /// have a little less.
    #[test]
    fn no_grid_has_less_error() {
        let fitted = GridEncoder::<piq::PiQ2>::new(ScaleRule::from_option(
            StepSearch::Mse,
            (Statistic::LargestMagnitude, 1.0),
        ));
        let (two, three) = (normal_mse(&KmEncoder::<2>, None), normal_mse(&KmEncoder::<3>, None));
        println!("normal weights: km2 {two:.5}, km3 {three:.5}");
        assert!(two < 0.1175 && two > 0.105 && two < normal_mse(&fitted, None), "{two}");
        assert!(three < 0.0345 && three > 0.028, "{three}");
    }

    #[test]
    fn importance_moves_centroids() {
        let weights = normal(BLOCK);
        let importance: Vec<f32> = weights.iter().map(|w| if *w > 1.0 { 100.0 } else { 0.0 }).collect();
        let error = |importance: Option<&[f32]>| {
            let (mut bytes, mut decoded) = (vec![0; Km2::FORMAT.block_bytes()], vec![0.0; BLOCK]);
            KmEncoder::<2>.encode_block(&weights, importance, &mut bytes);
            Km2::decode_block(&bytes, &mut decoded);
            let large = weights.iter().zip(&decoded).filter(|(w, _)| **w > 1.0);
            large.map(|(w, d)| (w - d).powi(2)).sum::<f32>()
        };
        assert!(error(Some(&importance)) < 0.3 * error(None));
        // Where nothing counts, everything counts the same.
        assert_eq!(error(Some(&[0.0; BLOCK])), error(None));
    }
}
