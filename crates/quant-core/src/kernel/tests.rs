//! Every instruction set against the reference, and the integer path against F32.

use super::one_scale::OneScaleKernel;
use super::small_blocks::SmallBlocksKernel;
use super::sub_scales::SubScalesKernel;
use super::{
    BlockKernel, BlockRows, PANEL_TILE, ROW_TILE, RowsTimesVector, TileTimesPanels, TileTimesTokens,
    fill_panels,
};
use crate::QuantizeOptions;
use crate::activations::{ActivationBlock, TokenPanel, blocks, quantize_rows};
use crate::block::BlockFormat;
use crate::formats;
use crate::isa::{Level, PANEL_TOKENS};
use crate::registry::quantizer;
use crate::testing::{normal, test_everywhere};
use domain_types::{QuantizeRequest, Shape};
use std::marker::PhantomData;

/// Packed rows and how long they are.
struct Sample {
    bytes: Vec<u8>,
    rows: usize,
    row_len: usize,
}

fn format<K: BlockKernel>() -> domain_types::QuantFormat {
    <K::Format as BlockFormat>::FORMAT
}

fn activations(x: &[f32], row_len: usize) -> Vec<ActivationBlock> {
    let mut out = vec![ActivationBlock::ZERO; x.len() / row_len * blocks(row_len)];
    quantize_rows(x, row_len, &mut out);
    out
}

fn matvec<K: BlockKernel>(level: Level, sample: &Sample, x: &[ActivationBlock]) -> Vec<f32> {
    let mut y = vec![f32::NAN; sample.rows];
    let (rows, row_len) = (&sample.bytes[..], sample.row_len);
    level.eval(RowsTimesVector::<K> { rows, row_len, x, y: &mut y, kernel: PhantomData });
    y
}

/// rows × tokens.
fn matmul<K: BlockKernel>(level: Level, sample: &Sample, x: &[ActivationBlock], tokens: usize) -> Vec<f32> {
    let mut y = vec![f32::NAN; sample.rows * tokens];
    let stride = sample.bytes.len() / sample.rows;
    for (rows, y) in sample.bytes.chunks(ROW_TILE * stride).zip(y.chunks_mut(ROW_TILE * tokens)) {
        level.eval(TileTimesTokens::<K> { rows, row_len: sample.row_len, x, y, kernel: PhantomData });
    }
    y
}

/// rows × tokens, with tokens in lanes.
fn panels<K: BlockKernel>(level: Level, sample: &Sample, x: &[ActivationBlock], tokens: usize) -> Vec<f32> {
    let per_token = x.len() / tokens;
    let mut panels = vec![TokenPanel::ZERO; tokens.div_ceil(PANEL_TOKENS) * per_token];
    fill_panels(x, per_token, &mut panels);
    let (row_len, mut y) = (sample.row_len, vec![f32::NAN; sample.rows * tokens]);
    let stride = sample.bytes.len() / sample.rows;
    for (rows, y) in sample.bytes.chunks(PANEL_TILE * stride).zip(y.chunks_mut(PANEL_TILE * tokens)) {
        let rows = BlockRows::<K> { bytes: rows, stride, row_len, kernel: PhantomData };
        level.eval_panel(TileTimesPanels { rows, row_len, x: &panels, y, tokens });
    }
    y
}

/// Row lengths from one block to 40, and every tail.
fn row_lengths<K: BlockKernel>() -> impl Iterator<Item = usize> {
    let (block, step) = (format::<K>().block_len(), format::<K>().row_multiple());
    let tails = (1..=3 * 256 / step).map(move |n| n * step);
    tails.chain([7, 13, 40].map(|blocks| blocks * block)).chain([40 * 256 + step % 256])
}

fn sample<K: BlockKernel>(rows: usize, row_len: usize) -> (Sample, Vec<f32>) {
    let shape = Shape::matrix(rows, row_len).unwrap();
    let weights = normal(shape.elements());
    let request = QuantizeRequest::new(&weights, shape).unwrap();
    let tensor =
        quantizer(format::<K>().id(), &QuantizeOptions::default()).unwrap().quantize(&request).unwrap();
    let mut decoded = vec![0.0; weights.len()];
    for (row, out) in decoded.chunks_mut(row_len).enumerate() {
        K::Format::decode_row(tensor.view().row(row), out);
    }
    (Sample { bytes: tensor.bytes().to_vec(), rows, row_len }, decoded)
}

/// Products of a row with a token in F64: the sum, the sum of magnitudes.
fn exact(weights: &[f32], x: &[f32]) -> (f64, f64) {
    let terms = weights.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

fn close(actual: f32, expected: f64, bound: f64, what: &str) {
    assert!((f64::from(actual) - expected).abs() <= bound, "{what}: {actual}, expected {expected} ± {bound}");
}

/// Rows with lanes for columns give the same bits everywhere. With tokens in lanes, F32 additions are in another order.
fn same_everywhere<K: BlockKernel>() {
    let rows = 11;
    for row_len in row_lengths::<K>() {
        let (sample, _) = sample::<K>(rows, row_len);
        let tokens = if row_len > 1024 { 9 } else { 147 };
        let x = normal(row_len * tokens);
        let blocks_of_all = activations(&x, row_len);
        let first = &blocks_of_all[..blocks(row_len)];
        let [reference, other @ ..] = &Level::available()[..] else { unreachable!("scalar is always there") };
        let (vector, matrix) = (
            matvec::<K>(*reference, &sample, first),
            matmul::<K>(*reference, &sample, &blocks_of_all, tokens),
        );
        let bound = 2e-5 * (row_len as f64).sqrt() * 4.0 + 2e-6 * row_len as f64;
        for level in other {
            let what = format!("{} rows of {row_len}, {}", format::<K>(), level.name());
            assert_eq!(matvec::<K>(*level, &sample, first), vector, "{what}");
            assert_eq!(matmul::<K>(*level, &sample, &blocks_of_all, tokens), matrix, "{what}");
            if level.has_panels() {
                for (a, e) in panels::<K>(*level, &sample, &blocks_of_all, tokens).iter().zip(&matrix) {
                    close(*a, f64::from(*e), bound, &format!("{what}, panels"));
                }
            }
        }
        for (row, e) in vector.iter().enumerate() {
            close(matrix[row * tokens], f64::from(*e), bound, "matrix and vector products agree");
        }
    }
}

/// The documented bound: each activation is off by at most half a step of its group, 1/254 of the group's largest
/// (and a rounding of the multiplier, 1/255 of the block's), so a product by at most that share of Σ|w|·max|x|; `table` is the error of weights as bytes.
fn within_the_bound<K: BlockKernel>(table: f64) {
    for row_len in [256, 576, 1536]
        .map(|n| n / format::<K>().row_multiple().max(32) * format::<K>().row_multiple().max(32))
    {
        let (sample, weights) = sample::<K>(8, row_len);
        let x = normal(row_len);
        let y = matvec::<K>(Level::selected(), &sample, &activations(&x, row_len));
        for (row, actual) in y.iter().enumerate() {
            let weights = &weights[row * row_len..][..row_len];
            let (expected, size) = exact(weights, &x);
            let groups = weights.chunks(32).zip(x.chunks(32)).map(|(w, x)| {
                let largest = x.iter().fold(0.0_f64, |m, x| m.max(f64::from(x.abs())));
                w.iter().map(|w| f64::from(w.abs())).sum::<f64>() * (largest + 5.0 / 255.0) / 254.0
            });
            let bound =
                groups.sum::<f64>() + table * size.max(weights.iter().map(|w| f64::from(w.abs())).sum());
            close(*actual, expected, bound + 1e-4, format::<K>().id());
        }
    }
}

/// Any bytes at all: integer sums must not overflow, whatever codes and scales say.
fn extreme_bytes<K: BlockKernel>() {
    let row_len = 512;
    let stride = format::<K>().row_bytes(row_len).unwrap();
    for pattern in [0xFF_u8, 0x7F, 0x80, 0x00, 0x3C] {
        let sample = Sample { bytes: vec![pattern; 2 * stride], rows: 2, row_len };
        let mut weights = vec![0.0; row_len];
        K::Format::decode_row(&sample.bytes[..stride], &mut weights);
        for sign in [1.0, -1.0] {
            let x = vec![sign; row_len];
            let (expected, size) = exact(&weights, &x);
            for level in Level::available() {
                let y = matvec::<K>(level, &sample, &activations(&x, row_len));
                let what = format!("{} of {pattern:#x}, {}", format::<K>(), level.name());
                let with_panels =
                    level.has_panels().then(|| panels::<K>(level, &sample, &activations(&x, row_len), 1)[1]);
                for y in [y[1]].into_iter().chain(with_panels) {
                    if expected.is_finite() {
                        close(y, expected, 0.02 * size + 1e-6, &what);
                    } else {
                        assert!(!y.is_finite(), "{what}: {y} for {expected}");
                    }
                }
            }
        }
    }
}

macro_rules! batteries {
    ($($name:ident: $kernel:ty, $table:expr;)*) => {
        $(mod $name {
            use super::*;

            #[test_everywhere]
            fn same_everywhere() {
                super::same_everywhere::<$kernel>();
            }

            #[test_everywhere]
            fn within_the_bound() {
                super::within_the_bound::<$kernel>($table);
            }

            #[test_everywhere]
            fn extreme_bytes() {
                super::extreme_bytes::<$kernel>();
            }
        })*

        /// No kernel without these tests.
        #[test_everywhere]
        fn all_fused_formats_are_tested() {
            let tested = [$(format::<$kernel>().id()),*];
            let elsewhere = ["t1", "t2", "t2_l8", "t2_l12", "t3", "t3_l10", "t3_l12", "t4", "t4_l12"]; // formats/trellis/fused
            for entry in crate::entries().iter().filter(|entry| entry.is_fused()) {
                let id = entry.format().id();
                assert!(tested.contains(&id) || elsewhere.contains(&id), "{id} has no kernel tests");
            }
        }
    };
}

batteries! {
    piq2: OneScaleKernel<formats::piq::PiQ2>, 0.0;
    piq3: OneScaleKernel<formats::piq::PiQ3>, 0.0;
    uq2: OneScaleKernel<formats::uq::Uq2>, 0.0;
    uq3: OneScaleKernel<formats::uq::Uq3>, 0.0;
    pit: OneScaleKernel<formats::pit::PiT>, 0.0;
    tq2_0: OneScaleKernel<formats::tq2_0::Tq2_0>, 0.0;
    q2_k: SubScalesKernel<formats::q2_k::Q2K>, 0.0;
    q3_k: SubScalesKernel<formats::q3_k::Q3K>, 0.0;
    q4_k: SubScalesKernel<formats::q4_k::Q4K>, 0.0;
    q5_k: SubScalesKernel<formats::q5_k::Q5K>, 0.0;
    q6_k: SubScalesKernel<formats::q6_k::Q6K>, 0.0;
    q4_0: SmallBlocksKernel<formats::q4_0::Q4_0>, 0.0;
    q4_1: SmallBlocksKernel<formats::q4_1::Q4_1>, 0.0;
    q8_0: SmallBlocksKernel<formats::q8_0::Q8_0>, 0.0;
    iq4_nl: SmallBlocksKernel<formats::iq4_nl::Iq4Nl>, 0.0;
    nf2: SmallBlocksKernel<formats::nf::Nf2>, 0.004;
    nf3: SmallBlocksKernel<formats::nf::Nf3>, 0.004;
    nf4: SmallBlocksKernel<formats::nf::Nf4>, 0.004;
}
