//! What files say against what the network computes: from config.json or GGUF metadata to logits.
//!
//! Contexts that are right one by one can be wrong together, so these tests go the whole way.

#[path = "meaning/every_key.rs"]
mod every_key;
#[path = "meaning/model.rs"]
mod model;

use domain_types::TensorSource;
use model::{Case, TOLERANCE, difference, golden};

#[test]
fn logits_are_those_of_transformers() {
    let golden = golden();
    for (name, case) in &golden.cases {
        let spread = case.logits.iter().flatten().fold(0.0_f32, |most, x| most.max(x.abs()));
        assert!(spread > 1.0, "{name}: logits of size {spread} would hide errors");
        let worst = case.folder().and_then(|folder| golden.logits(&folder)).map(|found| {
            difference(&found, &case.logits)
        });
        assert!(worst.as_ref().is_ok_and(|&worst| worst < TOLERANCE), "{name}: {worst:?}");
    }
}

/// Every feature changes something here: a case that equals its base would not notice if it were ignored.
#[test]
fn every_case_differs_from_its_base() {
    let golden = golden();
    let same = ["llama type of old", "llama both types", "gemma3 tied by default", "gemma3 local base absent"];
    let mut seen: Vec<(&String, &Case)> = Vec::new();
    for (name, case) in &golden.cases {
        let twin = seen.iter().find(|(_, other)| {
            other.tensors == case.tensors && difference(&other.logits, &case.logits) < 10.0 * TOLERANCE
        });
        let expected = same.contains(&name.as_str()) || twin.is_none_or(|(other, _)| same.contains(&other.as_str()));
        assert!(expected, "{name} is as {}", twin.expect("there is one").0);
        seen.push((name, case));
    }
}

/// The same through a GGUF file: all that matters is in its metadata and tensors.
#[test]
fn a_gguf_file_says_the_same() {
    let golden = golden();
    for (name, case) in &golden.cases {
        let folder = case.folder().expect("it is a model");
        let gguf = model::as_gguf(&folder, folder.metadata().clone());
        let found = gguf.and_then(|gguf| golden.logits(&gguf)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let worst = difference(&found, &case.logits);
        assert!(worst < TOLERANCE, "{name}: off by {worst}");
    }
}
