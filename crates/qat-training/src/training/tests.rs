//! The loop as a whole, on a network small enough for a test.

use super::{Checkpoint, Progress, Reporter, TrainConfig, train};
use crate::corpus::{Corpus, Domain};
use crate::network::Llama;
use crate::network::tests::small_spec;
use crate::{TrainError, Vocabulary};
use burn::tensor::Device;
use domain_types::port::NullSink;
use domain_types::{Clock, ModelSpec};
use std::sync::LazyLock;
use std::time::Duration;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::train(&Corpus::new(1), 512).unwrap());

struct StoppedClock;

impl Clock for StoppedClock {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn unix(&self) -> Duration {
        Duration::ZERO
    }
}

fn spec() -> ModelSpec {
    ModelSpec { vocab_size: VOCABULARY.size(), width: 32, ffn_width: 32, context_length: 256, ..small_spec() }
}

fn config() -> TrainConfig {
    TrainConfig {
        steps: 24,
        batch_tokens: 512,
        learning_rate: 1e-2,
        warmup: 4,
        log_every: 4,
        evaluate_every: 24,
        tasks: 5,
        ..TrainConfig::default()
    }
}

fn run(config: &TrainConfig) -> Result<(Vec<f64>, Vec<Progress>), TrainError> {
    let network = Llama::new(&spec(), 1, &Device::flex().autodiff())?;
    let mut seen = Vec::new();
    let mut progress = |p: &Progress| seen.push(p.clone());
    let mut reporter = Reporter { sink: &NullSink, clock: &StoppedClock, progress: &mut progress };
    let (_, curve) = train(network, &VOCABULARY, config, &mut reporter)?;
    Ok((curve.iter().map(|point| point.loss).collect(), seen))
}

#[test]
fn the_loss_falls_and_the_same_seed_gives_the_same_curve() {
    let (losses, seen) = run(&config()).unwrap();
    assert_eq!(losses.len(), 6);
    assert!((losses[0] - (512_f64).ln()).abs() < 1.0, "starts near a guess: {losses:?}");
    assert!(losses[5] < losses[0] - 1.0, "learns: {losses:?}");
    assert_eq!(seen.len(), 7, "six points and one evaluation");
    let (again, _) = run(&config()).unwrap();
    assert!(losses.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-3), "{losses:?} {again:?}");
}

#[test]
fn a_run_goes_on_from_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let config = TrainConfig { checkpoint: Some(path.clone()), ..config() };
    run(&config).unwrap();
    assert_eq!(Checkpoint::load(&spec(), &path).unwrap().step(), 24);
    // Twice as many steps: the first half is there already.
    let (losses, _) = run(&TrainConfig { steps: 48, ..config }).unwrap();
    assert_eq!(losses.len(), 6);
    assert!(losses[5] < 5.0, "{losses:?}");
}

#[test]
fn damaged_checkpoints_and_senseless_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::write(&path, b"not a checkpoint").unwrap();
    let damaged = run(&TrainConfig { checkpoint: Some(path), ..config() }).unwrap_err();
    assert!(matches!(damaged, TrainError::Checkpoint { .. }));
    for wrong in [
        TrainConfig { steps: 0, ..config() },
        TrainConfig { batch_tokens: 10, ..config() },
        TrainConfig { learning_rate: f64::NAN, ..config() },
        TrainConfig { prompt_weight: 2.0, ..config() },
    ] {
        assert!(matches!(run(&wrong), Err(TrainError::Config(_))), "{wrong:?}");
    }
}

#[test]
fn an_untrained_network_solves_nothing() {
    let network = Llama::new(&spec(), 1, &Device::flex()).unwrap();
    let tasks = Corpus::new(1).tasks(Domain::Arithmetic, 10);
    let accuracy = super::accuracy::measure(&network, &VOCABULARY, Domain::Arithmetic, &tasks).unwrap();
    assert_eq!((accuracy.exact, accuracy.steps), (0.0, 0.0));
}
