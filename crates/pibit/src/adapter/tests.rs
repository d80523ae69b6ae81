//! Adapters beside packed, rotated weights against the same adapters merged into plain ones.

use super::{AdapterFile, MergedSource, key};
use crate::floats;
use crate::frequent::SplitEmbedding;
use crate::plain::PlainSource;
use crate::rotate::RotatedSource;
use domain_types::testing::{CollectingSink, gaussian_like, tensor_source_conformance};
use domain_types::{
    FrequentTokens, LogitRows, Metadata, QuantTensor, RotationSpec, Shape, TensorInfo, TensorSource,
    TokenModel,
};
use inference::{KvFormat, KvOptions, LoadOptions, Transformer};
use model_store::GgufWriter;
use quant_core::{Activations, Codecs};
use std::path::{Path, PathBuf};

const RANK: usize = 3;
const ALPHA: f32 = 6.0;
const EXACT: Codecs = Codecs::new(Activations::F32);

fn tiny() -> Box<dyn TensorSource> {
    model_store::open_model(Path::new("models/tiny.gguf"), &quant_core::catalogue()).expect("tiny is there")
}

/// tiny with everything that a file of ours can have: rotations, and rows of the embedding apart.
fn disguised(rotation: RotationSpec, sink: &CollectingSink) -> RotatedSource<'_> {
    let tokens = FrequentTokens::new(vec![3, 17, 200], 512).expect("sound");
    let split = SplitEmbedding::new(tiny(), tokens, &EXACT).expect("splits");
    RotatedSource::new(Box::new(split), rotation, &EXACT, sink).expect("rotates")
}

/// Factors of some matrices, of a size that moves logits.
fn factors() -> Vec<(String, QuantTensor)> {
    let source = tiny();
    let parts = ["attn_q", "attn_v", "attn_output", "ffn_gate", "ffn_down"];
    let matrices = parts.iter().map(|part| format!("blk.1.{part}.weight"));
    let mut tensors = Vec::new();
    for (seed, matrix) in (10..).step_by(2).zip(matrices) {
        let shape = source.info(&matrix).expect("tiny has it").shape;
        for (seed, name, dims) in
            [(seed, "lora_a", [RANK, shape.row_len()]), (seed + 1, "lora_b", [shape.rows(), RANK])]
        {
            let values: Vec<f32> = gaussian_like(seed, dims[0] * dims[1]).iter().map(|x| 0.3 * x).collect();
            let shape = Shape::new(&dims).expect("usable");
            tensors.push((format!("{matrix}.{name}"), floats::tensor(shape, &values).expect("fits")));
        }
    }
    tensors
}

fn file(folder: &Path, tensors: &[(String, QuantTensor)], change: impl Fn(&mut Metadata)) -> PathBuf {
    let path = folder.join("adapter.gguf");
    let mut metadata = Metadata::new();
    metadata.set(key::TYPE, key::ADAPTER);
    metadata.set(key::KIND, key::LORA);
    metadata.set(key::ALPHA, ALPHA);
    change(&mut metadata);
    let infos = tensors.iter().map(|(name, t)| TensorInfo::new(name, *t.format(), *t.shape()).expect("fits"));
    let mut writer = GgufWriter::create(&path, metadata, infos.collect(), None).expect("starts");
    for (name, tensor) in tensors {
        writer.push(name, tensor).expect("in order");
    }
    writer.finish().expect("complete");
    path
}

fn open(path: &Path) -> anyhow::Result<AdapterFile> {
    AdapterFile::open(&quant_core::catalogue(), path)
}

fn logits(model: &mut Transformer) -> Vec<f32> {
    let mut logits = Vec::new();
    model.forward(&[3, 1, 4, 1, 5, 9, 2, 6, 17, 200], LogitRows::From(0), &mut logits).expect("fits");
    logits
}

fn options() -> LoadOptions {
    LoadOptions::default().with_kv(KvOptions::new(KvFormat::F32))
}

fn run(source: &dyn TensorSource) -> Vec<f32> {
    logits(&mut Transformer::load(source, &EXACT, options()).expect("loads"))
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn rotations() -> [RotationSpec; 2] {
    [RotationSpec::full(5), RotationSpec { residual: true, inputs: false, ..RotationSpec::full(6) }]
}

#[test]
fn a_disguised_model_is_plain_again() {
    let want = run(&*tiny());
    for rotation in rotations() {
        let sink = CollectingSink::default();
        let disguised = disguised(rotation, &sink);
        let plain = PlainSource::new(&disguised, &EXACT).expect("reads");
        tensor_source_conformance(&plain);
        assert_eq!(plain.spec().expect("sound").rotation, None);
        assert!(plain.tensors().iter().all(|info| info.name != FrequentTokens::TENSOR));
        let off = distance(&run(&plain), &want);
        assert!(off < 1e-3, "{rotation:?}: logits are off by {off}");
    }
}

#[test]
fn an_adapter_does_the_same_beside_rotated_weights_as_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let adapter = open(&file(folder.path(), &factors(), |_| ())).expect("opens");
    let tiny = tiny();
    let merged = MergedSource::new(&*tiny, &EXACT, &adapter).expect("fits");
    tensor_source_conformance(&merged);
    let (want, without) = (run(&merged), run(&*tiny));
    assert!(distance(&want, &without) > 0.1, "the adapter changes something");
    let sink = CollectingSink::default();
    let [full, residual] = rotations().map(|rotation| disguised(rotation, &sink));
    for source in [&*tiny, &full] {
        let additions = adapter.for_weights_of(source).expect("fits");
        let mut adapted = Transformer::load_adapted(source, &EXACT, options(), &additions).expect("loads");
        let off = distance(&logits(&mut adapted), &want);
        assert!(off < 2e-3, "logits are off by {off}");
    }
    // There gains are in the matrices, so the same adapter means something else: what it means merged.
    let want = run(&MergedSource::new(&residual, &EXACT, &adapter).expect("fits"));
    let additions = adapter.for_weights_of(&residual).expect("fits");
    let mut adapted = Transformer::load_adapted(&residual, &EXACT, options(), &additions).expect("loads");
    let off = distance(&logits(&mut adapted), &want);
    assert!(off < 2e-3, "logits are off by {off}");
}

#[test]
fn the_addition_is_alpha_over_rank_times_b_times_a() {
    let folder = tempfile::tempdir().expect("a folder");
    let tensors = factors();
    let adapter = open(&file(folder.path(), &tensors, |_| ())).expect("opens");
    let tiny = tiny();
    let merged = MergedSource::new(&*tiny, &EXACT, &adapter).expect("fits");
    let plain = PlainSource::new(&*tiny, &EXACT).expect("reads");
    let values = |source: &dyn TensorSource| {
        floats::values(&source.tensor("blk.1.attn_v.weight").expect("there")).expect("F32")
    };
    let factor = |name: &str| {
        let name = format!("blk.1.attn_v.weight.{name}");
        floats::values(&tensors.iter().find(|(n, _)| *n == name).expect("there").1).expect("F32")
    };
    let (a, b, width) = (factor("lora_a"), factor("lora_b"), factor("lora_a").len() / RANK);
    for (at, (merged, plain)) in values(&merged).iter().zip(values(&plain)).enumerate() {
        let added: f32 = (0..RANK).map(|k| b[at / width * RANK + k] * a[k * width + at % width]).sum();
        let want = plain + ALPHA / RANK as f32 * added;
        assert!((merged - want).abs() < 1e-5, "{merged} is not {want}");
    }
}

#[test]
fn what_is_no_adapter_of_the_model_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |tensors: &[(String, QuantTensor)], change: fn(&mut Metadata)| {
        let adapter = open(&file(folder.path(), tensors, change));
        let fitted = adapter.and_then(|adapter| adapter.for_weights_of(&*tiny()).map(drop));
        format!("{:#}", fitted.expect_err("must be refused"))
    };
    let renamed = |from: &str, to: &str| {
        let rename = |(name, tensor): (String, QuantTensor)| (name.replace(from, to), tensor);
        factors().into_iter().map(rename).collect::<Vec<_>>()
    };
    assert!(refused(&factors(), |m| m.set(key::TYPE, "model")).contains("no LoRA adapter"));
    assert!(refused(&factors(), |m| drop(m.remove(key::ALPHA))).contains("α"));
    assert!(refused(&renamed("blk.1.", "blk.9."), |_| ()).contains("which the model has not"));
    assert!(refused(&renamed("attn_q", "attn_k"), |_| ()).contains("another shape"));
    assert!(refused(&renamed("lora_b", "lora_c"), |_| ()).contains("no factor"));
    assert!(refused(&factors()[1..], |_| ()).contains("no factor"), "B without A");
    assert!(refused(&factors()[..1], |_| ()).contains("lora_b"), "A without B");
    assert!(refused(&[], |_| ()).contains("no matrix"));
}
