//! All experts in memory.

use crate::InferenceError;
use crate::transformer::load::Tensors;
use domain_types::{
    CodecSet, ExpertId, ExpertPart, ExpertProvider, Linear, ModelSpec, PinnedExpert, PortError, TensorSource,
};

/// An [`ExpertProvider`] for machines that can hold every expert: nothing is ever waited for.
pub struct ResidentExperts {
    /// Block after block, expert after expert.
    experts: Vec<Resident>,
    per_layer: usize,
}

struct Resident {
    gate: Box<dyn Linear>,
    up: Box<dyn Linear>,
    down: Box<dyn Linear>,
}

impl ResidentExperts {
    /// Takes the experts of all blocks out of a source. Fails where it is no mixture of experts, and where a tensor is
    /// missing, has another shape than the specification asks for or a format without a codec.
    pub fn load(source: &dyn TensorSource, codecs: &dyn CodecSet) -> Result<Self, InferenceError> {
        let spec = source.spec().map_err(InferenceError::Port)?;
        let mut tensors = Tensors::new(source, codecs, &spec.architecture);
        Self::take(&mut tensors, &spec)
    }

    pub(in super::super) fn take(
        tensors: &mut Tensors<'_>,
        spec: &ModelSpec,
    ) -> Result<Self, InferenceError> {
        let Some(experts) = spec.experts else {
            return Err(InferenceError::NoExperts { architecture: spec.architecture.clone() });
        };
        let (per_layer, ffn) = (experts.gating.experts(), experts.ffn_width);
        let mut all = Vec::with_capacity(spec.layers * per_layer);
        for layer in 0..spec.layers {
            let mut of_all = |part, rows, row_len| tensors.experts((layer, part), [per_layer, rows, row_len]);
            let gate = of_all(ExpertPart::Gate, ffn, spec.width)?;
            let up = of_all(ExpertPart::Up, ffn, spec.width)?;
            let down = of_all(ExpertPart::Down, spec.width, ffn)?;
            let parts = gate.into_iter().zip(up).zip(down);
            all.extend(parts.map(|((gate, up), down)| Resident { gate, up, down }));
        }
        Ok(Self { experts: all, per_layer })
    }
}

impl ExpertProvider for ResidentExperts {
    fn residency(&self, layer: usize, resident: &mut [bool]) {
        assert!(layer * self.per_layer < self.experts.len(), "there is no layer {layer}");
        assert_eq!(resident.len(), self.per_layer, "one entry per expert");
        resident.fill(true);
    }

    fn acquire(&self, id: ExpertId, _before: f32) -> Result<Option<Box<dyn PinnedExpert + '_>>, PortError> {
        let found =
            (id.expert < self.per_layer).then(|| self.experts.get(id.index(self.per_layer))).flatten();
        let found = found.ok_or_else(|| PortError::not_found("expert", format!("{id:?}")))?;
        Ok(Some(Box::new(found)))
    }
}

impl PinnedExpert for &Resident {
    fn gate(&self) -> &dyn Linear {
        &*self.gate
    }

    fn up(&self) -> &dyn Linear {
        &*self.up
    }

    fn down(&self) -> &dyn Linear {
        &*self.down
    }
}
