//! Routers and rounded experts learn together.

use super::tests::{Subject, config, train_subject};
use domain_types::port::NullSink;
use qat_training::{QatModel, RoutingConfig, TrainBackend};

fn train(format: &str, routing: RoutingConfig) -> QatModel {
    let mut config = config(3);
    config.routing = routing;
    let subject = Subject { model: "tiny-moe", backend: TrainBackend::default(), format };
    train_subject(subject, &config, None, &mut |_| (), &NullSink).unwrap()
}

fn of<'a>(model: &'a QatModel, name: &str) -> &'a domain_types::QuantTensor {
    &model.tensors.iter().find(|(found, _)| found == name).unwrap().1
}

/// As in a dense model, the export fails where a stored expert is not what was trained.
#[test]
fn experts_are_stored_as_they_were_trained() {
    for format in ["piq2", "t2"] {
        let trained = train(format, RoutingConfig::default());
        for part in ["gate", "up", "down"] {
            assert_eq!(of(&trained, &format!("blk.0.ffn_{part}_exps.weight")).format().id(), format);
        }
        assert_eq!(of(&trained, "blk.0.ffn_gate_inp.weight").format().id(), "f32");
        assert!(trained.curve.iter().all(|point| point.loss.is_finite() && point.parts.routing == 0.0));
    }
}

#[test]
fn routing_is_a_loss_of_its_own_and_moves_the_routers() {
    let router = |routing| {
        let trained = train("piq2", routing);
        let losses: Vec<f64> = trained.curve.iter().map(|point| point.parts.routing).collect();
        (of(&trained, "blk.0.ffn_gate_inp.weight").bytes().to_vec(), losses)
    };
    let ((plain, none), (minding, losses)) =
        (router(RoutingConfig::default()), router(RoutingConfig::tiny_moe()));
    assert!(none.iter().all(|loss| *loss == 0.0) && losses.iter().all(|loss| *loss > 0.0), "{losses:?}");
    assert_ne!(plain, minding);
}
