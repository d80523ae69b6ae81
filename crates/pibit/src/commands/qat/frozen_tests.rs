//! Training over frozen matrices: norms and adapters, with a real base.

use super::targets;
use crate::plain::PlainSource;
use crate::quantize::{Plan, PlanOptions};
use domain_types::port::NullSink;
use domain_types::testing::MemorySource;
use domain_types::{QuantTensor, QuantizeRequest, Quantizer, TensorSource};
use observability::SystemClock;
use qat_training::corpus::Domain;
use qat_training::{LoraInit, QatConfig, QatData, QatMode, QatModel, QatPoint, QatRun, TrainBackend};
use quant_core::{Codecs, QuantizeOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn config(mode: QatMode, steps: usize) -> QatConfig {
    let mut config = QatConfig::default();
    config.qat.mode = mode;
    config.qat.steps = steps;
    config.qat.batch_size = 2;
    config.qat.row_length = 64;
    config.qat.warmup = 2;
    config.qat.log_every = 1;
    config.qat.checkpoint_every = 2;
    config.qat.learning_rate = 2e-3;
    config.lora.rank = 4;
    config
}

fn tiny() -> Box<dyn TensorSource> {
    model_store::open_model(Path::new("models/tiny.gguf"), &quant_core::catalogue()).unwrap()
}

/// tiny with its blocks' matrices rounded to ternary: enough is lost that a few steps regain some of it.
fn base() -> MemorySource {
    let (source, options) = (tiny(), PlanOptions { format: "pit".into(), ..PlanOptions::default() });
    let plan = Plan::make(source.tensors(), &options, &quant_core::catalogue()).unwrap();
    let quantizer = quant_core::quantizer("pit", &QuantizeOptions::default()).unwrap();
    let rounded = targets::of_plan(Codecs::default(), &*source, &plan).unwrap();
    let memory = MemorySource::new(source.spec().unwrap()).with_metadata(source.metadata().clone());
    let codecs = Codecs::default();
    let plain = PlainSource::new(&*source, &codecs).unwrap();
    source.tensors().iter().fold(memory, |memory, info| {
        let tensor = source.tensor(&info.name).unwrap();
        let is_linear = info.name.starts_with("blk.") && rounded.contains_key(&info.name);
        memory.with(&info.name, if is_linear { round(&*quantizer, &plain, &info.name) } else { tensor })
    })
}

fn round(quantizer: &dyn Quantizer, source: &dyn TensorSource, name: &str) -> QuantTensor {
    let tensor = source.tensor(name).unwrap();
    let values = crate::floats::values(&tensor).unwrap();
    quantizer.quantize(&QuantizeRequest::new(&values, *tensor.shape()).unwrap()).unwrap()
}

fn train(
    config: &QatConfig,
    checkpoint: Option<&Path>,
    progress: &mut dyn FnMut(&QatPoint),
) -> anyhow::Result<QatModel> {
    let (base, original, codecs) = (base(), tiny(), Codecs::default());
    let (model, teacher) = (PlainSource::new(&base, &codecs)?, PlainSource::new(&*original, &codecs)?);
    let tokenizer = model_store::load_tokenizer(&base)?;
    let run = QatRun {
        source: &model,
        teacher: Some(&teacher),
        tokenizer: &tokenizer,
        targets: &BTreeMap::new(),
        data: &QatData::Corpus(vec![Domain::Arithmetic]),
        config,
        kv: None,
        adapter: None,
        backend: TrainBackend::default(),
        checkpoint,
        sink: &NullSink,
        clock: &SystemClock::new(),
    };
    Ok(run.train(progress)?)
}

fn losses(model: &QatModel) -> Vec<f64> {
    model.curve.iter().map(|point| point.loss).collect()
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn adapters_learn_and_are_all_that_is_written() {
    let mut config = config(QatMode::Lora, 30);
    config.lora.targets = vec!["attn_q".into(), "ffn_*".into()];
    let trained = train(&config, None, &mut |_| ()).unwrap();
    let parts = ["attn_q", "ffn_gate", "ffn_up", "ffn_down"];
    let names = (0..4).flat_map(|layer| parts.map(|part| format!("blk.{layer}.{part}.weight")));
    let names: BTreeSet<_> =
        names.flat_map(|name| [format!("{name}.lora_a"), format!("{name}.lora_b")]).collect();
    assert_eq!(trained.tensors.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), names);
    let dims =
        |name: &str| trained.tensors.iter().find(|(n, _)| n == name).unwrap().1.shape().dims().to_vec();
    assert_eq!(dims("blk.2.ffn_down.weight.lora_a"), [4, 512]);
    assert_eq!(dims("blk.2.ffn_down.weight.lora_b"), [256, 4]);
    let losses = losses(&trained);
    assert!(mean(&losses[25..]) < 0.8 * mean(&losses[..5]), "{losses:?}");
}

/// Norms alone are few, and still gain something.
#[test]
fn norms_learn_and_are_all_that_is_written() {
    let mut config = config(QatMode::Norms, 30);
    config.qat.batch_size = 8;
    config.qat.learning_rate = 1e-2;
    let trained = train(&config, None, &mut |_| ()).unwrap();
    assert_eq!(trained.tensors.len(), 9);
    let source = tiny();
    for (name, tensor) in &trained.tensors {
        assert!(name.ends_with("norm.weight"), "{name}");
        assert_ne!(tensor.bytes(), source.tensor(name).unwrap().bytes(), "{name} learned nothing");
    }
    let losses = losses(&trained);
    assert!(mean(&losses[25..]) < 0.8 * mean(&losses[..5]), "{losses:?}");
}

/// LoftQ's beginning is nearer to the teacher than the base alone.
#[test]
fn what_rounding_took_can_be_where_adapters_begin() {
    let first = |init| {
        let mut config = config(QatMode::Lora, 1);
        config.lora.init = init;
        config.lora.rank = 16;
        losses(&train(&config, None, &mut |_| ()).unwrap())[0]
    };
    let (zero, loftq) = (first(LoraInit::Zero), first(LoraInit::LoftQ));
    assert!(loftq < 0.95 * zero, "{loftq} is not below {zero}");
}

/// And its checkpoint has nothing of the base.
#[test]
fn a_killed_run_of_adapters_goes_on_with_the_same_losses() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("run.safetensors"), folder.path().join("killed.safetensors"));
    let config = config(QatMode::Lora, 4);
    let whole = train(&config, Some(&path), &mut |point| {
        if point.step == 3 {
            std::fs::copy(&path, &killed).unwrap();
        }
    })
    .unwrap();
    let adapters: usize = whole.tensors.iter().map(|(_, tensor)| tensor.shape().elements()).sum();
    // Values and two moments in F32, and what the formats of both add.
    let size = std::fs::metadata(&killed).unwrap().len() as usize;
    assert!(size < 20 * adapters, "{size} bytes for {adapters} parameters");
    let again = train(&config, Some(&killed), &mut |_| ()).unwrap();
    assert_eq!(again.curve.len(), 4);
    for (again, whole) in losses(&again).iter().zip(losses(&whole)) {
        // Threads add up sums in any order.
        assert!((again - whole).abs() < 1e-5, "{again} is not {whole}");
    }
}

#[test]
fn senseless_adapters_are_refused() {
    let refused = |change: fn(&mut QatConfig)| {
        let mut config = config(QatMode::Lora, 1);
        change(&mut config);
        train(&config, None, &mut |_| ()).unwrap_err().to_string()
    };
    assert!(refused(|c| c.lora.rank = 0).contains("between 1 and 256"));
    assert!(refused(|c| c.lora.alpha = f32::NAN).contains("above 0"));
    assert!(refused(|c| c.lora.targets = vec!["mlp_*".into()]).contains("no matrix"));
}
