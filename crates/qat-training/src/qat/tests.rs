//! The losses against figures worked out by hand, and settings.

use super::losses::{Loss, scalar};
use super::{DistillationConfig, LossParts, QatConfig};
use crate::training::Batch;
use burn::tensor::{Device, Tensor};

fn batch() -> Batch {
    Batch {
        inputs: vec![vec![0, 1]],
        targets: vec![1, 0],
        weights: vec![1.0, 3.0],
        reasoning: vec![0.0, 1.0],
    }
}

fn losses(config: &DistillationConfig, teacher: Option<Tensor<2>>) -> (f64, LossParts) {
    // Softmax of the first row: 1/2, 1/2; of the second: 4/5, 1/5.
    let student = Tensor::<2>::from_data([[0.0, 0.0], [4_f32.ln(), 0.0]], &Device::flex());
    let loss = Loss::new(config, student, teacher, &batch());
    (scalar(loss.total.clone()).unwrap(), loss.parts().unwrap())
}

fn near(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-5, "{got} is not {want}");
}

#[test]
fn parts_are_weighed_as_the_settings_say() {
    let config =
        DistillationConfig { cross_entropy: 0.5, distillation: 2.0, reasoning: 4.0, temperature: 1.0 };
    // Softmax of the teacher: 1/2, 1/2 everywhere.
    let (total, parts) = losses(&config, Some(Tensor::zeros([2, 2], &Device::flex())));
    let cross_entropy = 0.25 * 2_f64.ln() + 0.75 * 1.25_f64.ln();
    // KL(½, ½ ‖ ⅘, ⅕) = ½ ln ⅝ + ½ ln 5/2
    let divergence = 0.5 * (0.625_f64.ln() + 2.5_f64.ln());
    near(parts.cross_entropy, cross_entropy);
    near(parts.distillation, 0.75 * divergence);
    near(parts.reasoning, divergence);
    near(total, 0.5 * cross_entropy + 2.0 * 0.75 * divergence + 4.0 * divergence);
}

#[test]
fn temperature_softens_both_and_scales_by_its_square() {
    let config = DistillationConfig { temperature: 2.0, ..DistillationConfig::default() };
    let (_, parts) = losses(&config, Some(Tensor::zeros([2, 2], &Device::flex())));
    // At T = 2 the student's second row is ⅔, ⅓.
    near(parts.reasoning, 4.0 * 0.5 * (0.75_f64.ln() + 1.5_f64.ln()));
}

#[test]
fn without_a_teacher_there_is_no_divergence() {
    let (total, parts) = losses(&DistillationConfig::default(), None);
    assert_eq!((parts.distillation, parts.reasoning), (0.0, 0.0));
    near(total, 0.5 * parts.cross_entropy);
}

#[test]
fn senseless_settings_are_refused() {
    let refused = |change: fn(&mut QatConfig)| {
        let mut config = QatConfig::default();
        change(&mut config);
        config.validate(512).unwrap_err().to_string()
    };
    assert!(QatConfig::default().validate(512).is_ok());
    assert!(refused(|c| c.qat.steps = 0).contains("above 0"));
    assert!(refused(|c| c.qat.row_length = 513).contains("context of 512"));
    assert!(refused(|c| c.qat.learning_rate = f64::NAN).contains("between 0 and 1"));
    assert!(refused(|c| c.distillation.reasoning = -1.0).contains("negative"));
    assert!(refused(|c| c.distillation.temperature = 0.0).contains("temperature"));
}
