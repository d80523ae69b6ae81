//! Calibration files: GGUF that llama.cpp reads as an importance matrix, and Hessians besides.
//!
//! `NAME.in_sum2` and `NAME.counts` of each linear layer are llama.cpp's. `NAME.hessian` is the upper triangle of the
//! mean of x·xᵀ in F32, row after row, once for all layers that read the same inputs. docs/calibration.md lists the
//! metadata.

mod input;
mod key;
mod read;
mod write;

pub(crate) use input::input_tensors;
pub(crate) use read::Calibration;
pub(crate) use write::{CalibrationWriter, Provenance};

/// Name of the tensor that holds a layer's Hessian.
fn hessian_name(tensor: &str) -> String {
    format!("{tensor}.hessian")
}

fn sums_name(tensor: &str) -> String {
    format!("{tensor}.in_sum2")
}

fn counts_name(tensor: &str) -> String {
    format!("{tensor}.counts")
}

/// Entries of the upper triangle of a `width` × `width` matrix; `None` where they cannot be counted.
fn triangle(width: usize) -> Option<usize> {
    Some(width.checked_mul(width.checked_add(1)?)? / 2)
}
