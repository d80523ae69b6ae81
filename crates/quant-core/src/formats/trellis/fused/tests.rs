//! Every instruction set against the reference, and the integer path against F32.

use super::super::*;
use super::*;
use crate::activations::{TokenPanel, blocks, quantize_rows};
use crate::isa::{Level, PANEL_TOKENS};
use crate::kernel::{PANEL_TILE, TileTimesPanels, fill_panels};
use crate::testing::{normal, test_everywhere};
use domain_types::Shape;

/// A tensor of a pattern of bytes and scales from 0.5 to 1.
fn sample<T: Trellis>(rows: usize, columns: usize, pattern: impl Fn(usize) -> u8) -> QuantTensor {
    let shape = Shape::matrix(rows, columns).unwrap();
    let codes = rows * columns * T::BITS / 8;
    let mut bytes: Vec<u8> = (0..codes).map(pattern).collect();
    let scales = (0..rows).flat_map(|row| (0x3800 + row as u16 * 37 % 1024).to_le_bytes());
    bytes.extend(scales);
    QuantTensor::new(T::FORMAT, shape, bytes).unwrap()
}

/// Bytes without a pattern.
fn mixed(index: usize) -> u8 {
    ((index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8
}

fn activations(x: &[f32], row_len: usize) -> Vec<ActivationBlock> {
    let mut out = vec![ActivationBlock::ZERO; x.len() / row_len * blocks(row_len)];
    quantize_rows(x, row_len, &mut out);
    out
}

fn matvec<T: Trellis>(level: Level, tensor: &QuantTensor, x: &[ActivationBlock]) -> Vec<f32> {
    let mut y = vec![f32::NAN; tensor.shape().rows()];
    level.eval(UnitsTimesVector { units: Units::<T>::new(&tensor.view(), 0), x, y: &mut y });
    y
}

/// rows × tokens.
fn matmul<T: Trellis>(level: Level, tensor: &QuantTensor, x: &[ActivationBlock], tokens: usize) -> Vec<f32> {
    let mut y = vec![f32::NAN; tensor.shape().rows() * tokens];
    let tensor = tensor.view();
    for (index, y) in y.chunks_mut(UNIT_ROWS * tokens).enumerate() {
        let units = Units::<T>::new(&tensor, index * UNIT_ROWS);
        level.eval(UnitsTimesTokens { units, x, y });
    }
    y
}

/// rows × tokens, with tokens in lanes.
fn panels<T: Trellis>(level: Level, tensor: &QuantTensor, x: &[ActivationBlock], tokens: usize) -> Vec<f32> {
    let (per_token, row_len) = (x.len() / tokens, tensor.shape().row_len());
    let mut panels = vec![TokenPanel::ZERO; tokens.div_ceil(PANEL_TOKENS) * per_token];
    fill_panels(x, per_token, &mut panels);
    let mut y = vec![f32::NAN; tensor.shape().rows() * tokens];
    let tensor = tensor.view();
    for (tile, y) in y.chunks_mut(PANEL_TILE * tokens).enumerate() {
        let rows = Units::<T>::new(&tensor, tile * PANEL_TILE);
        level.eval_panel(TileTimesPanels { rows, row_len, x: &panels, y, tokens });
    }
    y
}

/// Products with the decoded weights in F64, and Σ|w|·step of each: the documented bound.
fn exact<T: Trellis>(tensor: &QuantTensor, x: &[f32]) -> Vec<(f64, f64)> {
    let mut weights = vec![0.0; tensor.shape().elements()];
    TrellisCodec::<T>::NEW.decode(tensor.view(), &mut weights).unwrap();
    let largest = |x: &[f32]| x.iter().fold(0.0_f64, |m, x| m.max(f64::from(x.abs())));
    let product = |row: &[f32]| {
        let mut sums = (0.0, 0.0);
        for (w, x) in row.chunks(256).zip(x.chunks(256)) {
            let of_block = largest(x) / 255.0;
            for (w, x) in w.chunks(32).zip(x.chunks(32)) {
                let half_step = (largest(x) + of_block) / 254.0;
                sums.0 += w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
                sums.1 += w.iter().map(|w| f64::from(w.abs())).sum::<f64>() * half_step;
            }
        }
        sums
    };
    weights.chunks(x.len()).map(product).collect()
}

/// Of F32 additions: products with codes are up to twice [`Trellis::OFFSET`].
fn rounding<T: Trellis>(x: &[f32]) -> f64 {
    1e-6 * f64::from(T::OFFSET) * x.iter().map(|x| f64::from(x.abs())).sum::<f64>()
}

fn close(actual: f32, expected: f64, bound: f64, what: &str) {
    assert!((f64::from(actual) - expected).abs() <= bound, "{what}: {actual}, expected {expected} ± {bound}");
}

fn same_everywhere<T: Trellis>() {
    for (rows, columns, tokens) in
        [(32, 32, 5), (96, 64, 70), (64, 256, 2), (32, 288, 35), (64, 576, 33), (32, 2048, 3)]
    {
        let tensor = sample::<T>(rows, columns, mixed);
        let x = normal(columns * tokens);
        let all = activations(&x, columns);
        let first = &all[..blocks(columns)];
        let reference = matmul::<T>(Level::available()[0], &tensor, &all, tokens);
        let vector = matvec::<T>(Level::available()[0], &tensor, first);
        let bound = rounding::<T>(&x[..columns]);
        for level in Level::available() {
            let what = format!("{} {rows} × {columns}, {}", T::ID, level.name());
            assert_eq!(matmul::<T>(level, &tensor, &all, tokens), reference, "{what}");
            assert_eq!(matvec::<T>(level, &tensor, first), vector, "{what}");
            if level.has_panels() {
                for (a, e) in panels::<T>(level, &tensor, &all, tokens).iter().zip(&reference) {
                    close(*a, f64::from(*e), 2.0 * bound, &format!("{what}, panels"));
                }
            }
        }
        for (a, e) in vector.iter().zip(reference.chunks(tokens)) {
            close(*a, f64::from(e[0]), bound, T::ID);
        }
    }
}

fn within_the_bound<T: Trellis>() {
    for (rows, columns) in [(32, 32), (64, 288), (96, 576), (32, 2048)] {
        let tensor = sample::<T>(rows, columns, mixed);
        let x = normal(columns);
        for level in Level::available() {
            let y = matvec::<T>(level, &tensor, &activations(&x, columns));
            for (actual, (expected, bound)) in y.iter().zip(exact::<T>(&tensor, &x)) {
                close(*actual, expected, bound + rounding::<T>(&x), T::ID);
            }
        }
    }
}

/// Any bytes at all: integer sums must not overflow.
fn extreme_bytes<T: Trellis>() {
    for (pattern, sign) in [0x00, 0xFF, 0xA5, 0x5A].into_iter().flat_map(|p| [(p, 1.0), (p, -1.0)]) {
        let tensor = sample::<T>(32, 2080, |_| pattern);
        let x = vec![sign * 3.0; 2080];
        for level in Level::available() {
            let y = matvec::<T>(level, &tensor, &activations(&x, 2080));
            for (actual, (expected, bound)) in y.iter().zip(exact::<T>(&tensor, &x)) {
                close(*actual, expected, bound, &format!("{} of {pattern:#x}, {}", T::ID, level.name()));
            }
        }
    }
}

/// What is not finite stays so.
fn not_finite<T: Trellis>() {
    let tensor = sample::<T>(32, 288, mixed);
    let mut x = normal(288);
    x[270] = f32::INFINITY;
    for level in Level::available() {
        assert!(matvec::<T>(level, &tensor, &activations(&x, 288)).iter().all(|y| y.is_nan()));
    }
}

/// The port: tasks, transposition, and several matrices one below the other, each with rings of its own.
fn layer<T: Trellis>() {
    let (matrices, rows, columns) = (3, 32, 576);
    let parts: Vec<_> = (0..matrices).map(|m| sample::<T>(rows, columns, |i| mixed(i + 1000 * m))).collect();
    let bytes: Vec<u8> = parts.iter().flat_map(QuantTensor::bytes).copied().collect();
    let all = QuantTensor::new(T::FORMAT, Shape::new(&[matrices, rows, columns]).unwrap(), bytes).unwrap();
    let layer = FusedTrellisCodec::<T>::NEW.linear(all).unwrap();
    let (mut row, mut decoded) = (vec![0.0; columns], vec![0.0; rows * columns]);
    FusedTrellisCodec::<T>::NEW.decode(parts[1].view(), &mut decoded).unwrap();
    layer.row(rows + 5, &mut row);
    assert_eq!(row, decoded[5 * columns..][..columns]);
    let x = normal(2 * columns);
    let (mut one, mut two) = (vec![0.0; matrices * rows], vec![0.0; 2 * matrices * rows]);
    layer.matvec(&x[..columns], &mut one);
    layer.matmul(&x, 2, &mut two);
    let expected: Vec<_> = parts.iter().flat_map(|part| exact::<T>(part, &x[..columns])).collect();
    for (i, (expected, bound)) in expected.into_iter().enumerate() {
        close(one[i], expected, bound + rounding::<T>(&x), T::ID);
        close(two[i], expected, bound + rounding::<T>(&x), T::ID);
    }
}

macro_rules! batteries {
    ($($name:ident: $code:ty;)*) => {
        $(mod $name {
            use super::*;

            #[test_everywhere]
            fn same_everywhere() {
                super::same_everywhere::<$code>();
            }

            #[test_everywhere]
            fn within_the_bound() {
                super::within_the_bound::<$code>();
            }

            #[test_everywhere]
            fn extreme_bytes() {
                super::extreme_bytes::<$code>();
            }

            #[test_everywhere]
            fn not_finite() {
                super::not_finite::<$code>();
            }

            #[test_everywhere]
            fn layer() {
                super::layer::<$code>();
            }
        })*
    };
}

batteries! {
    t1: T1;
    t2: T2;
    t2_l8: T2L8;
    t2_l12: T2L12;
    t3: T3;
    t3_l10: T3L10;
    t3_l12: T3L12;
    t4: T4;
    t4_l12: T4L12;
}
