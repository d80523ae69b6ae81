//! Unquantized element types, as one-weight formats.

mod half_precision;

pub use half_precision::f16_to_f32;

use super::{QuantFormat, RowRule};

const fn scalar(id: &'static str, bytes: usize, ggml_type: u32) -> QuantFormat {
    QuantFormat::new(id, 1, bytes, RowRule::WholeBlocks).with_ggml_type(ggml_type)
}

/// IEEE 754 single precision.
pub const F32: QuantFormat = scalar("f32", 4, 0);
/// IEEE 754 half precision.
pub const F16: QuantFormat = scalar("f16", 2, 1);
/// 8-bit integers: also the payload type of formats that ggml does not know.
pub const I8: QuantFormat = scalar("i8", 1, 24);
/// 16-bit integers.
pub const I16: QuantFormat = scalar("i16", 2, 25);
/// 32-bit integers.
pub const I32: QuantFormat = scalar("i32", 4, 26);
/// 64-bit integers.
pub const I64: QuantFormat = scalar("i64", 8, 27);
/// IEEE 754 double precision.
pub const F64: QuantFormat = scalar("f64", 8, 28);
/// The upper half of an F32.
pub const BF16: QuantFormat = scalar("bf16", 2, 30);

/// All of them.
pub const ALL: [QuantFormat; 8] = [F32, F16, BF16, I8, I16, I32, I64, F64];
