//! What the next layer's gate would say now.

use super::top;
use domain_types::Linear;

/// The gates of a model, asked one layer early: the residual stream changes little from layer to layer, so the gate of
/// the next layer applied to the input of this one names most of its experts (Eliseev and Mazur 2023, arXiv
/// 2312.17238).
pub struct NextGates {
    /// `[experts, width]` of each layer that has one.
    gates: Vec<Option<Box<dyn Linear>>>,
    logits: Vec<f32>,
}

impl NextGates {
    /// The gate of each layer, none where a layer has no experts.
    pub fn new(gates: Vec<Option<Box<dyn Linear>>>) -> Self {
        Self { gates, logits: Vec::new() }
    }

    /// The experts of `layer` that its gate would choose for `hidden`, best first, at most `count`. None where the layer
    /// has no gate or the gate reads vectors of another width.
    pub fn predict(&mut self, layer: usize, hidden: &[f32], count: usize, experts: &mut Vec<usize>) {
        experts.clear();
        let gate = self.gates.get(layer).and_then(Option::as_ref);
        let Some(gate) = gate.filter(|gate| gate.in_features() == hidden.len()) else { return };
        self.logits.resize(gate.out_features(), 0.0);
        gate.matvec(hidden, &mut self.logits);
        top(&self.logits, count, f32::NEG_INFINITY, experts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::DenseLinear;

    #[test]
    fn the_gate_itself_is_asked() {
        let gate = DenseLinear::new(vec![1.0, 0.0, 0.0, 1.0, -1.0, -1.0], 2);
        let mut gates = NextGates::new(vec![None, Some(Box::new(gate))]);
        let mut experts = vec![9];
        gates.predict(1, &[0.5, 2.0], 2, &mut experts);
        assert_eq!(experts, [1, 0]);
        for (layer, hidden) in [(0, &[0.5, 2.0][..]), (1, &[0.5]), (2, &[0.5, 2.0])] {
            gates.predict(layer, hidden, 2, &mut experts);
            assert!(experts.is_empty());
        }
    }
}
