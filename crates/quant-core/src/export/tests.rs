use super::*;
use crate::{Codecs, QuantizeOptions, catalogue, quantizer};
use domain_types::{CodecSet, QuantizeRequest, Shape};
use proptest::prelude::*;

fn decode(tensor: &QuantTensor) -> Vec<u32> {
    let mut out = vec![0.0; tensor.shape().elements()];
    Codecs::default().require(tensor.format()).unwrap().decode(tensor.view(), &mut out).unwrap();
    out.into_iter().map(f32::to_bits).collect()
}

fn tensor_of(id: &str, row_len: usize, rows: Vec<u8>) -> QuantTensor {
    let format = *catalogue().by_id(id).unwrap();
    let count = rows.len() / format.row_bytes(row_len).unwrap();
    QuantTensor::new(format, Shape::matrix(count, row_len).unwrap(), rows).unwrap()
}

/// One block for every F16 step from zero to `largest` and its negative, all codes in each.
fn all_steps(id: &str, largest: f32) -> QuantTensor {
    let block_bytes = catalogue().by_id(id).unwrap().block_bytes();
    let positive = (0..=u16::MAX).map(half::f16::from_bits).filter(|s| s.to_f32().abs() <= largest);
    let mut bytes = Vec::new();
    for step in positive {
        bytes.extend(step.to_le_bytes());
        bytes.extend((2..block_bytes).map(|i| (i as u8).wrapping_mul(0x9D)));
    }
    tensor_of(id, 256, bytes)
}

#[test]
fn every_step_and_code_survives_bit_for_bit() {
    for (id, target, largest) in [
        ("piq2", "q2_k", 32752.0),
        ("uq2", "q2_k", 32752.0),
        ("piq3", "q3_k", 65504.0),
        ("pit", "tq2_0", 65504.0),
    ] {
        let tensor = all_steps(id, largest);
        let exported = export_tensor(&tensor).unwrap();
        assert_eq!(exported.format().id(), target);
        assert!(decode(&tensor) == decode(&exported), "{id}");
    }
}

proptest! {
    #[test]
    fn random_blocks_survive(
        id in prop::sample::select(vec!["piq2", "piq3", "pit", "uq2", "uq3"]),
        codes in prop::collection::vec(any::<u8>(), 96),
        magnitude in 0_u16..0x7800,
        negative: bool,
    ) {
        let step = magnitude | (u16::from(negative) << 15);
        let block_bytes = catalogue().by_id(id).unwrap().block_bytes();
        let bytes = [step.to_le_bytes().as_slice(), &codes[..block_bytes - 2]].concat();
        let tensor = tensor_of(id, 256, bytes);
        prop_assert_eq!(decode(&tensor), decode(&export_tensor(&tensor).unwrap()));
    }
}

fn refusal(tensor: &QuantTensor) -> String {
    export_tensor(tensor).expect_err("not exact").to_string()
}

#[test]
fn what_cannot_be_exact_is_refused() {
    let short = tensor_of("piq3", 576, vec![0; 2 * (2 * 98 + 2 + 24)]);
    assert!(refusal(&short).contains("multiple of 256"), "{}", refusal(&short));
    let nf4 = tensor_of("nf4", 256, vec![0; 4 * 34]);
    assert!(refusal(&nf4).contains("no ggml format"), "{}", refusal(&nf4));
    for step in [40000.0, f32::INFINITY, f32::NAN] {
        let mut bytes = vec![0; 66];
        bytes[..2].copy_from_slice(&half::f16::from_f32(step).to_le_bytes());
        let huge = tensor_of("piq2", 256, bytes);
        assert!(refusal(&huge).contains("block 0"), "{}", refusal(&huge));
    }
}

#[test]
fn formats_of_ggml_pass_through() {
    let shape = Shape::matrix(1, 256).unwrap();
    let q8 = quantizer("q8_0", &QuantizeOptions::default()).unwrap();
    let tensor = q8.quantize(&QuantizeRequest::new(&[0.5; 256], shape).unwrap()).unwrap();
    assert_eq!(export_tensor(&tensor).unwrap().bytes(), tensor.bytes());
}
