//! Suite for [`PrecisionControl`].

use crate::{PrecisionControl, QualityDrop};

/// Gives in exactly `steps` times, however often it is asked.
pub fn precision_control_conformance(control: &mut dyn PrecisionControl, steps: usize) {
    let drop = QualityDrop { measure: "perplexity", value: 40.0, limit: 30.0 };
    for step in 1..=steps {
        assert!(control.ask_for_more(&drop), "there are {steps} steps, {step} was refused");
    }
    for _ in 0..3 {
        assert!(!control.ask_for_more(&drop), "there is nothing beyond the last step");
    }
}
