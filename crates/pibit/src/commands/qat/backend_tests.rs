//! Every backend of training against the one that is used unless another is asked for.

use super::tests::{Subject, config, train_subject};
use domain_types::port::NullSink;
use qat_training::{QatConfig, TrainBackend};

/// Losses of ten steps with a learned scale per block and distillation.
fn losses(backend: TrainBackend) -> anyhow::Result<Vec<f64>> {
    let mut config: QatConfig = config(10);
    config.qat.warmup = 20;
    let subject = Subject { model: "tiny", backend, format: "piq2" };
    let trained = train_subject(subject, &config, None, &mut |_| (), &NullSink)?;
    Ok(trained.curve.iter().map(|point| point.loss).collect())
}

fn largest_difference(backend: TrainBackend) -> f64 {
    let (found, wanted) = (losses(backend).unwrap(), losses(TrainBackend::Flex).unwrap());
    assert_eq!((found.len(), wanted.len()), (10, 10));
    let difference = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("{backend:?}: losses {found:?}, at most {difference:.1e} from {wanted:?}");
    difference
}

#[test]
fn the_reference_backend_has_the_same_losses() {
    assert!(largest_difference(TrainBackend::NdArray) < 1e-3);
}

/// On Mesa's driver for the CPU as on any graphics processor.
#[test]
#[cfg(feature = "gpu")]
fn a_graphics_processor_has_the_same_losses() {
    assert!(largest_difference(TrainBackend::Wgpu) < 1e-3);
}

#[test]
#[cfg(not(feature = "gpu"))]
fn what_is_not_built_in_is_an_error() {
    let error = losses(TrainBackend::Wgpu).unwrap_err().to_string();
    assert!(error.contains("without the feature"), "{error}");
}
