//! Mixtures of experts: from GGUF metadata to logits.

use crate::every_key::other_values;
use crate::model::{Golden, TOLERANCE, difference, weights};
use domain_types::{FormatCatalogue, MetaValue, Metadata, QuantTensor, Shape, TensorInfo, scalar};
use model_store::{GgufFile, GgufWriter};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Mixture {
    keys: Map<String, Value>,
    tensors: BTreeMap<String, Vec<usize>>,
    logits: Vec<Vec<f32>>,
}

impl Mixture {
    fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        for (key, value) in &self.keys {
            let value: MetaValue = match value {
                Value::String(s) => s.as_str().into(),
                Value::Bool(b) => (*b).into(),
                other => match other.as_u64() {
                    Some(n) => (n as u32).into(),
                    None => (other.as_f64().expect("a number") as f32).into(),
                },
            };
            metadata.set(key.as_str(), value);
        }
        metadata
    }

    fn gguf(&self, metadata: Metadata) -> GgufFile {
        let tensor = |(name, dims): (&String, &Vec<usize>)| {
            let bytes: Vec<u8> = weights(name, dims, false).into_iter().flat_map(f32::to_le_bytes).collect();
            let shape = Shape::new(dims).expect("a small shape");
            (name.clone(), QuantTensor::new(scalar::F32, shape, bytes).expect("as many weights"))
        };
        let tensors: Vec<_> = self.tensors.iter().map(tensor).collect();
        let infos = tensors.iter().map(|(name, t)| TensorInfo::new(name.as_str(), *t.format(), *t.shape()));
        let infos = infos.collect::<Result<_, _>>().expect("sound names");
        let mut writer = GgufWriter::in_memory(metadata, infos, None).expect("a sound header");
        for (name, tensor) in &tensors {
            writer.push(name, tensor).expect("in order");
        }
        let bytes = writer.finish().expect("it is whole");
        GgufFile::from_bytes(bytes, &FormatCatalogue::scalars()).expect("it was written so")
    }
}

fn mixtures() -> Golden<Mixture> {
    serde_json::from_str(include_str!("mixtures.json")).expect("valid JSON")
}

#[test]
fn logits_of_mixtures_are_those_of_transformers() {
    let golden = mixtures();
    for (name, case) in &golden.cases {
        let found = golden.logits(&case.gguf(case.metadata())).unwrap_or_else(|e| panic!("{name}: {e}"));
        let worst = difference(&found, &case.logits);
        assert!(worst < TOLERANCE, "{name}: off by {worst}");
    }
}

#[test]
fn every_key_of_a_mixture_counts() {
    let golden = mixtures();
    for (name, case) in &golden.cases {
        let metadata = case.metadata();
        for (key, value) in metadata.iter().filter(|(key, _)| !key.starts_with("general.")) {
            // The width of a dense layer: no block has one where experts have a width of their own.
            let dense = key.ends_with(".feed_forward_length")
                && case.keys.keys().any(|key| key.ends_with(".expert_feed_forward_length"));
            let harmless = dense || key.ends_with(".context_length");
            for other in other_values(value) {
                let mut changed = metadata.clone();
                changed.set(key, other.clone());
                let found = golden.logits(&case.gguf(changed));
                let same = found.is_ok_and(|found| difference(&found, &case.logits) < TOLERANCE);
                assert_eq!(same, harmless, "{name}: {key} = {other:?}");
            }
        }
    }
}
