//! What trains is what runs: with real formats, a real tokenizer and the real network.

use super::{QatReport, report, settings, targets};
use crate::plain::PlainSource;
use crate::quantize::{Plan, PlanOptions};
use domain_types::port::NullSink;
use domain_types::testing::CollectingSink;
use domain_types::{CodecSet, DomainEvent, EventSink};
use observability::SystemClock;
use qat_training::corpus::Domain;
use qat_training::{Granularity, QatConfig, QatData, QatMode, QatModel, QatPoint, QatRun, TrainBackend};
use quant_core::Codecs;
use std::path::Path;

pub(super) fn config(steps: usize) -> QatConfig {
    let mut config = QatConfig::default();
    config.qat.steps = steps;
    config.qat.batch_size = 2;
    config.qat.row_length = 64;
    config.qat.warmup = 2;
    config.qat.log_every = 1;
    config.qat.checkpoint_every = 2;
    config
}

fn train(format: &str, config: &QatConfig, checkpoint: Option<&Path>) -> anyhow::Result<QatModel> {
    train_showing(format, config, checkpoint, &mut |_| ())
}

fn train_showing(
    format: &str,
    config: &QatConfig,
    checkpoint: Option<&Path>,
    progress: &mut dyn FnMut(&QatPoint),
) -> anyhow::Result<QatModel> {
    train_telling(format, config, checkpoint, progress, &NullSink)
}

fn train_telling(
    format: &str,
    config: &QatConfig,
    checkpoint: Option<&Path>,
    progress: &mut dyn FnMut(&QatPoint),
    sink: &dyn EventSink,
) -> anyhow::Result<QatModel> {
    let subject = Subject { model: "tiny", backend: TrainBackend::default(), format };
    train_subject(subject, config, checkpoint, progress, sink)
}

/// What is trained for what, and where.
pub(super) struct Subject<'a> {
    /// A model that comes with pibit.
    pub(super) model: &'a str,
    pub(super) backend: TrainBackend,
    pub(super) format: &'a str,
}

pub(super) fn train_subject(
    Subject { model, backend, format }: Subject<'_>,
    config: &QatConfig,
    checkpoint: Option<&Path>,
    progress: &mut dyn FnMut(&QatPoint),
    sink: &dyn EventSink,
) -> anyhow::Result<QatModel> {
    let (catalogue, codecs) = (quant_core::catalogue(), Codecs::default());
    let source = model_store::open_model(Path::new(&format!("models/{model}.gguf")), &catalogue)?;
    let options = PlanOptions { format: format.into(), ..PlanOptions::default() };
    let plan = Plan::make(source.tensors(), &options, &catalogue)?;
    let targets = targets::of_plan(codecs, &*source, &plan)?;
    let model = PlainSource::new(&*source, &codecs)?;
    let tokenizer = model_store::load_tokenizer(&*source)?;
    let kv = settings::kv_rounding(config)?;
    let run = QatRun {
        source: &model,
        teacher: Some(&model),
        tokenizer: &tokenizer,
        targets: &targets,
        data: &QatData::Corpus(vec![Domain::Arithmetic]),
        config,
        kv: kv.as_ref(),
        adapter: None,
        backend,
        checkpoint,
        sink,
        clock: &SystemClock::new(),
    };
    Ok(run.train(progress)?)
}

/// The export compares every weight of the forward pass with what the file decodes to and fails where one differs, so a
/// training that ends has shown it; here the formats are checked to be the ones asked for, and their numbers finite.
#[test]
fn every_kind_of_format_trains_and_is_stored_as_it_was_trained() {
    let codecs = Codecs::default();
    for format in ["piq2", "piq3", "pit", "uq2", "nf2", "t2", "q2_k"] {
        let trained = train(format, &config(2), None).unwrap();
        let (_, tensor) = trained.tensors.iter().find(|(name, _)| name == "blk.1.ffn_up.weight").unwrap();
        assert_eq!(tensor.format().id(), format);
        let mut weights = vec![0.0; tensor.shape().elements()];
        let codec = codecs.require(tensor.format()).unwrap();
        codec.decode(tensor.view(), &mut weights).unwrap();
        assert!(weights.iter().all(|w| w.is_finite()) && weights.iter().any(|w| *w != 0.0), "{format}");
        assert!(trained.curve.iter().all(|point| point.loss.is_finite() && point.parts.reasoning > 0.0));
        assert!(trained.teacher_sha256.is_some());
    }
}

#[test]
fn coarse_steps_are_stored_too() {
    for granularity in [Granularity::Tensor, Granularity::Channel] {
        let mut config = config(2);
        config.quantization.granularity = granularity;
        train("piq2", &config, None).unwrap();
    }
}

/// A run killed between the second and the fourth step goes on with the very losses that it would have had: the moments
/// of the optimizers and the place in the data are kept.
#[test]
fn a_killed_run_goes_on_with_the_same_losses() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("run.safetensors"), folder.path().join("killed.safetensors"));
    let losses = |model: &QatModel| model.curve.iter().map(|point| point.loss).collect::<Vec<_>>();
    let whole = train_showing("piq2", &config(4), Some(&path), &mut |point| {
        if point.step == 3 {
            // What a kill would leave now.
            std::fs::copy(&path, &killed).unwrap();
        }
    })
    .unwrap();
    assert_eq!(losses(&whole).len(), 4);
    let again = train("piq2", &config(4), Some(&killed)).unwrap();
    for (again, whole) in losses(&again).iter().zip(losses(&whole)) {
        // Threads add up sums in any order.
        assert!((again - whole).abs() < 1e-6, "{again} is not {whole}");
    }
    assert_eq!(again.curve.len(), 4);
    let other = train("piq2", &config(5), Some(&path)).unwrap_err();
    assert!(other.to_string().contains("another model, other data or settings"), "{other}");
}

fn blockwise(steps: usize) -> QatConfig {
    let mut config = config(steps);
    config.qat.mode = QatMode::Blockwise;
    config.blockwise.rows = 8;
    config
}

/// Each block's output comes nearer to that in full precision than rounding left it, and the file is complete: every
/// tensor of the model, packed as asked for, in the order of a file.
#[test]
fn blocks_are_trained_one_by_one() {
    let trained = train("piq2", &blockwise(12), None).unwrap();
    let layers = trained.blocks.len();
    assert_eq!(trained.curve.len(), 12 * layers);
    for block in &trained.blocks {
        assert!(block.trained < 0.95 * block.rounded, "{block:?}");
    }
    let names = |model: &QatModel| model.tensors.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let whole = train("piq2", &config(1), None).unwrap();
    assert_eq!(names(&trained), names(&whole));
    for ((name, block), (_, full)) in trained.tensors.iter().zip(&whole.tensors) {
        assert_eq!((block.format(), block.shape()), (full.format(), full.shape()), "{name}");
    }
}

/// A run killed behind its second block goes on with the third.
#[test]
fn a_killed_blockwise_run_goes_on_with_the_next_block() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("run.safetensors"), folder.path().join("killed.safetensors"));
    let whole = train_showing("piq2", &blockwise(2), Some(&path), &mut |point| {
        if point.step == 5 {
            std::fs::copy(&path, &killed).unwrap();
        }
    })
    .unwrap();
    let mut steps = Vec::new();
    let again = train_showing("piq2", &blockwise(2), Some(&killed), &mut |p| steps.push(p.step)).unwrap();
    assert_eq!(steps.first(), Some(&5));
    for (again, whole) in again.blocks.iter().zip(&whole.blocks) {
        assert!((again.trained - whole.trained).abs() < 1e-6 * whole.trained, "{again:?} is not {whole:?}");
    }
    for (again, whole) in again.curve.iter().zip(&whole.curve) {
        // Threads add up sums in any order.
        assert!((again.loss - whole.loss).abs() < 1e-6 * whole.loss, "{again:?} is not {whole:?}");
    }
    let other = train("piq2", &blockwise(3), Some(&path)).unwrap_err();
    assert!(other.to_string().contains("another model, other data or settings"), "{other}");
}

/// `tiny` solves arithmetic as it is, and does not in three levels without training.
#[test]
fn epochs_are_validated_on_held_out_problems() {
    let epochs = |format| {
        let sink = CollectingSink::default();
        train_telling(format, &config(3), None, &mut |_| (), &sink).unwrap();
        let epoch = |event: DomainEvent| match event {
            DomainEvent::QatEpochComplete { epoch, loss, ppl, reasoning_score } => {
                Some((epoch, loss, ppl, reasoning_score))
            }
            _ => None,
        };
        sink.events().into_iter().filter_map(epoch).collect::<Vec<_>>()
    };
    let (fine, coarse) = (epochs("q8_0"), epochs("pit"));
    assert_eq!(fine.iter().map(|epoch| epoch.0).collect::<Vec<_>>(), [1, 2], "two steps, and the third");
    let (last, worst) = (fine[1], coarse[1]);
    assert!(last.3 > 0.7 && worst.3 < 0.6, "{last:?} {worst:?}");
    assert!(last.1 < worst.1 && last.2 < worst.2, "{last:?} {worst:?}");
}

#[test]
fn curves_are_drawn() {
    let config = config(3);
    let QatModel { curve, teacher_sha256, .. } = train("piq2", &config, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curves.html");
    let output = "trained.gguf".to_owned();
    let last = curve.last().copied();
    let report = QatReport {
        output,
        bytes: 1,
        base: None,
        seconds: 1.0,
        steps: 3,
        last,
        blocks: Vec::new(),
        teacher_sha256,
        peak_memory_bytes: None,
        config,
    };
    report::write(&path, &report, &curve).unwrap();
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page.contains("cross-entropy") && page.matches("<polyline").count() >= 5, "{page}");
}

#[test]
fn settings_that_do_not_exist_are_refused() {
    let refused = toml::from_str::<QatConfig>("[qat]\nlearning_rat = 1.0").unwrap_err();
    assert!(refused.to_string().contains("learning_rat"), "{refused}");
    let read: QatConfig = toml::from_str(
        "[quantization]\nsurrogate = { ewgs = 0.2 }\ngranularity = { group = 2 }\n[qat]\nmode = \"scales\"",
    )
    .unwrap();
    assert_eq!(read.quantization.granularity, Granularity::Group(2));
    assert_eq!(read.qat.steps, QatConfig::default().qat.steps);
}

#[test]
fn gradient_checkpointing_changes_no_loss() {
    let losses = |config: &QatConfig| -> Vec<f64> {
        train("piq2", config, None).unwrap().curve.iter().map(|point| point.loss).collect()
    };
    let mut config = config(3);
    let kept = losses(&config);
    config.qat.gradient_checkpointing = true;
    assert_eq!(losses(&config), kept);
}

#[test]
fn keys_and_values_are_rounded_in_training() {
    let losses = |kv: Option<&str>| {
        let mut config = config(3);
        config.quantization.kv = kv.map(str::to_owned);
        let trained = train("piq3", &config, None);
        trained.map(|trained| trained.curve.iter().map(|point| point.loss).collect::<Vec<_>>())
    };
    let [exact, eight, two] = [None, Some("q8"), Some("q2")].map(|kv| losses(kv).unwrap());
    assert!(two[0] > 1.02 * exact[0], "{two:?} in 2 bits, {exact:?} exact");
    assert!((eight[0] / exact[0] - 1.0).abs() < 0.02, "{eight:?} in 8 bits, {exact:?} exact");
    assert!(losses(Some("q3")).unwrap_err().to_string().contains("q3"));
}
