//! Files whose experts have formats of their own: what is planned is written, and what is written is what runs.

#[path = "support/program.rs"]
mod program;

use domain_types::testing::MemorySource;
use domain_types::{
    CodecSet, ExpertTensor, LogitRows, QuantTensor, QuantizeRequest, Shape, TensorSource, TokenModel,
};
use inference::{LoadOptions, Transformer};
use model_store::GgufFile;
use program::{json, ok, path, pibit};
use quant_core::{Activations, Codecs, QuantizeOptions, StepSearch, quantizer};
use serde_json::Value;

const TINY_MOE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/tiny-moe.gguf");
const SIZE: [usize; 2] = [3, 16];

/// Writes `tiny-moe` with a fifth of its experts' bytes; the format planned for each expert, in order.
fn planned(file: &str) -> (Value, Vec<String>) {
    let ask = ["moe", "precision", "tiny-moe", "--budget", "20%", "--tokens", "300", "--json", "-o", file];
    let report = json(&ask);
    let plan = report["plan"].as_array().expect("a plan");
    let formats = plan.iter().map(|expert| expert["format"].as_str().expect("a format").to_owned());
    let formats = formats.collect();
    (report, formats)
}

fn open(file: &str) -> GgufFile {
    GgufFile::open(file, &quant_core::catalogue()).expect("the file is sound")
}

fn decoded(tensor: &QuantTensor) -> Vec<f32> {
    let mut weights = vec![0.0; tensor.shape().elements()];
    let codecs = Codecs::default();
    codecs.require(tensor.format()).unwrap().decode(tensor.view(), &mut weights).unwrap();
    weights
}

/// The model with every expert rounded by itself to its planned format and decoded again: stacks of F32.
fn by_hand(original: &GgufFile, plan: &[String]) -> MemorySource {
    let options = QuantizeOptions::default().with_step(StepSearch::Mse);
    let start = MemorySource::new(original.spec().unwrap()).with_metadata(original.metadata().clone());
    original.tensors().iter().fold(start, |source, info| {
        let tensor = original.tensor(&info.name).unwrap();
        let Some(ExpertTensor::Stack { layer, .. }) = ExpertTensor::parse(&info.name) else {
            return source.with(&info.name, tensor);
        };
        let [experts, rows, row_len] = info.shape.dims().try_into().expect("a stack");
        let shape = Shape::matrix(rows, row_len).unwrap();
        let weights = decoded(&tensor);
        let experts: Vec<&[f32]> = weights.chunks_exact(weights.len() / experts).collect();
        let rounded = experts.iter().zip(&plan[layer * SIZE[1]..]).flat_map(|(weights, format)| {
            let request = QuantizeRequest::new(weights, shape).unwrap();
            decoded(&quantizer(format, &options).unwrap().quantize(&request).unwrap())
        });
        source.with_f32(&info.name, info.shape.dims(), &rounded.collect::<Vec<_>>())
    })
}

fn logits(source: &dyn TensorSource) -> Vec<f32> {
    let codecs = Codecs::new(Activations::F32);
    let mut model = Transformer::load(source, &codecs, LoadOptions::default()).expect("the model loads");
    let (tokens, mut logits): (Vec<u32>, _) = ((0..60).map(|i| i * 37 % 500 + 3).collect(), Vec::new());
    model.forward(&tokens, LogitRows::From(0), &mut logits).expect("the model runs");
    logits
}

#[test]
fn a_file_computes_what_decoding_each_expert_at_its_precision_gives() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "mixed.gguf");
    let (report, plan) = planned(&file);
    let mixed = open(&file);
    let kinds: std::collections::BTreeSet<&String> = plan.iter().collect();
    assert!(kinds.len() >= 2 && plan.len() == SIZE[0] * SIZE[1], "{plan:?}");
    let mut of_experts = 0;
    for info in mixed.tensors() {
        let at = match ExpertTensor::parse(&info.name) {
            Some(ExpertTensor::Single { id, .. }) => id.index(SIZE[1])..id.index(SIZE[1]) + 1,
            Some(ExpertTensor::Stack { layer, .. }) => layer * SIZE[1]..(layer + 1) * SIZE[1],
            None => continue,
        };
        assert!(plan[at].iter().all(|format| format == info.format.id()), "{}: {plan:?}", info.name);
        of_experts += info.format.byte_len(&info.shape).unwrap();
    }
    let knapsack = &report["rules"][0];
    assert_eq!((&knapsack["rule"], &knapsack["bytes"]), (&"knapsack".into(), &of_experts.into()));
    assert_eq!(report["written"]["bytes"], std::fs::metadata(&file).unwrap().len());

    let original = open(TINY_MOE);
    let (found, expected) = (logits(&mixed), logits(&by_hand(&original, &plan)));
    let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-3, "logits differ by {far}");
    let moved = found.iter().zip(logits(&original)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(moved > 20.0 * far, "rounding moves logits by {moved}, the comparison by {far}");
}

#[test]
fn every_command_understands_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "mixed.gguf");
    planned(&file);
    assert_eq!(json(&["verify", &file, "--json"])["status"], "intact");
    let inspected = json(&["inspect", &file, "--json"]);
    assert!(inspected["spec_error"].is_null(), "{inspected:#}");
    assert_eq!(inspected["weights"], json(&["inspect", "tiny-moe", "--json"])["weights"]);

    let ask = ["run", &file, "-p", "Tom has 12 apples.", "-n", "60", "--json"];
    let resident = json(&ask);
    for budget in ["15%", "300kB"] {
        let paged = json(&[&ask[..], &["--expert-budget", budget, "--expert-policy", "lru"]].concat());
        assert_eq!(paged["text"], resident["text"], "{budget}");
        let [peak, limit] = ["peak_bytes", "budget_bytes"].map(|key| paged["experts"][key].as_u64().unwrap());
        assert!(peak > 0 && peak <= limit, "{paged:#}");
    }
    let text = ["eval", &file, "--reference", "tiny-moe", "--corpus", "--chunks", "2", "--json"];
    let eval = json(&text);
    let divergence = eval["kld_mean"].as_f64().unwrap_or_else(|| panic!("{eval:#}"));
    assert!(divergence > 0.0 && divergence < 0.1, "{eval:#}");

    let export = pibit(&["export", &file, "-o", &path(folder.path(), "x.gguf")]);
    let text = String::from_utf8_lossy(&export.stderr);
    assert!(!export.status.success() && text.contains("formats of their own"), "{text}");
    let simulated =
        json(&["moe", "simulate", "--model", &file, "--budget", "25%", "--tokens", "60", "--json"]);
    assert_eq!(simulated["experts"], 16, "{simulated:#}");
}

#[test]
fn the_rest_is_rounded_afterwards_and_experts_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (file, small) = (path(folder.path(), "mixed.gguf"), path(folder.path(), "small.gguf"));
    planned(&file);
    ok(&["quantize", &file, "-f", "q8_0", "--keep", "*ffn_*=source", "-o", &small]);
    let (mixed, small) = (open(&file), open(&small));
    for info in mixed.tensors() {
        let format = small.info(&info.name).expect("nothing is lost").format;
        match info.name.as_str() {
            name if name.contains("ffn_") => assert_eq!(format, info.format, "{name}"),
            name if name.contains("attn_q") => assert_eq!(format.id(), "q8_0", "{name}"),
            _ => {}
        }
    }
}
