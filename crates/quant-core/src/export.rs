//! Our formats as formats of ggml, exactly: every weight decodes to the same bits.
//!
//! | from | to | how |
//! |---|---|---|
//! | PiQ2, UQ2 | Q2_K | d = step, all scales 1, dmin = 2·step, all minima 1 |
//! | PiQ3, UQ3 | Q3_K | d = step, all scales 1 (stored 33) |
//! | PiT | TQ2_0 | d = γ |
//!
//! The step keeps its sign: ggml's scales are signed F16 too. All products are exact in F32 (11 bits times 3), and so
//! is the difference step·q − 2·step, so the only condition is that 2·step is an F16.

use crate::QuantError;
use crate::block::BlockFormat;
use crate::formats::ggml::SUPER_BLOCK;
use crate::formats::k_quant::{AffineBlock, MAX_SUBS, SymmetricBlock};
use crate::formats::{q2_k, q3_k, read_f16, tq2_0};
use crate::grid::codes_of;
use domain_types::{QuantFormat, QuantTensor};

/// Where a format goes, and how one block does.
struct Route {
    target: QuantFormat,
    bits: usize,
    /// The largest step whose block can be written.
    largest_step: f32,
    write: fn(f32, [u8; SUPER_BLOCK], &mut [u8]),
}

const LARGEST_F16: f32 = 65504.0;

fn route(id: &str) -> Option<Route> {
    Some(match id {
        "piq2" | "uq2" => {
            Route { target: q2_k::Q2K::FORMAT, bits: 2, largest_step: LARGEST_F16 / 2.0, write: write_q2_k }
        }
        "piq3" | "uq3" => {
            Route { target: q3_k::Q3K::FORMAT, bits: 3, largest_step: LARGEST_F16, write: write_q3_k }
        }
        "pit" => {
            Route { target: tq2_0::Tq2_0::FORMAT, bits: 2, largest_step: LARGEST_F16, write: write_tq2_0 }
        }
        _ => return None,
    })
}

/// The tensor in a format that every GGUF runtime reads, with the same decoded weights bit for bit. Tensors of ggml's
/// own formats come back as they are.
///
/// Errors where there is no such format (NF2, NF3, NF4), where rows are no multiple of 256, and where a step is
/// beyond what the target's F16 fields hold.
pub fn export_tensor(tensor: &QuantTensor) -> Result<QuantTensor, QuantError> {
    if tensor.format().ggml_type().is_some() {
        return Ok(tensor.clone());
    }
    let refuse = |reason: String| QuantError::NoExactExport {
        format: tensor.format().id(),
        shape: tensor.shape().to_string(),
        reason,
    };
    let Some(route) = route(tensor.format().id()) else {
        return Err(refuse("no ggml format has its levels; quantize to piq2, piq3 or pit instead".into()));
    };
    if !tensor.shape().row_len().is_multiple_of(SUPER_BLOCK) {
        return Err(refuse(format!("{} needs rows of a multiple of {SUPER_BLOCK}", route.target)));
    }
    let source = tensor.bytes().chunks_exact(tensor.format().block_bytes());
    let mut bytes = vec![0; source.len() * route.target.block_bytes()];
    for (index, (block, out)) in source.zip(bytes.chunks_exact_mut(route.target.block_bytes())).enumerate() {
        let step = read_f16(block);
        if step.is_nan() || step.abs() > route.largest_step {
            return Err(refuse(format!("block {index} has step {step}, beyond {}", route.largest_step)));
        }
        (route.write)(step, codes_of(route.bits, block), out);
    }
    Ok(QuantTensor::new(route.target, *tensor.shape(), bytes).expect("sized by the format"))
}

fn write_q2_k(step: f32, codes: [u8; SUPER_BLOCK], out: &mut [u8]) {
    let ones = [1; MAX_SUBS];
    q2_k::pack(&AffineBlock { d: step, dmin: 2.0 * step, scales: ones, mins: ones, codes }, out);
}

fn write_q3_k(step: f32, codes: [u8; SUPER_BLOCK], out: &mut [u8]) {
    let codes = codes.map(|code| code as i8 - 4);
    q3_k::pack(&SymmetricBlock { d: step, scales: [1; MAX_SUBS], codes }, out);
}

fn write_tq2_0(step: f32, codes: [u8; SUPER_BLOCK], out: &mut [u8]) {
    tq2_0::pack(step, &codes, out);
}

#[cfg(test)]
mod tests;
