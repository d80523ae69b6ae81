//! Mixtures of experts: ports, and what loading refuses. That logits are right, `golden.rs` shows.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DenseCodecs, MemorySource, expert_provider_conformance};
use domain_types::{
    ExpertChoice, ExpertId, ExpertMatrix, ExpertProvider, ExpertRouter, ExpertTensor, GateNorm, Gating,
    LogitRows, ModelSpec, PinnedExpert, PortError, TensorSource, TokenModel,
};
use inference::{ExpertPorts, InferenceError, LoadOptions, ResidentExperts, StageStream, TopK, Transformer};
use std::sync::{Arc, Mutex};

fn mixtral() -> (ModelSpec, MemorySource) {
    let spec = tiny::golden().remove("mixtral").expect("the case is there").spec;
    let source = tiny::source(&spec);
    (spec, source)
}

/// A provider that writes down what it is asked, and may have nothing.
struct Watched {
    experts: ResidentExperts,
    calls: Mutex<Vec<String>>,
    broken: bool,
}

impl ExpertProvider for Watched {
    fn residency(&self, layer: usize, resident: &mut [bool]) {
        self.calls.lock().unwrap().push(format!("residency {layer}"));
        self.experts.residency(layer, resident);
    }

    fn acquire(&self, id: ExpertId, before: f32) -> Result<Option<Box<dyn PinnedExpert + '_>>, PortError> {
        self.calls.lock().unwrap().push(format!("acquire {} {}", id.layer, id.expert));
        if self.broken && id.layer == 1 {
            return Err(PortError::invalid("the disk is gone"));
        }
        self.experts.acquire(id, before)
    }

    fn routed(&self, layer: usize, chosen: &[ExpertChoice], hidden: &[f32]) {
        self.calls.lock().unwrap().push(format!("routed {layer} {} {}", chosen.len(), hidden.len()));
    }
}

fn watched(source: &MemorySource, broken: bool) -> (Transformer, Arc<Watched>) {
    let experts = ResidentExperts::load(source, &DenseCodecs).unwrap();
    let provider = Arc::new(Watched { experts, calls: Mutex::default(), broken });
    let router = Box::new(TopK::new(Gating::new(8, 2, GateNorm::Chosen).unwrap()));
    let ports = ExpertPorts { router, provider: provider.clone() };
    let model = Transformer::load_with_experts(source, &DenseCodecs, LoadOptions::default(), ports).unwrap();
    (model, provider)
}

#[test]
fn resident_experts_keep_the_port_s_contract() {
    let (spec, source) = mixtral();
    let experts = ResidentExperts::load(&source, &DenseCodecs).unwrap();
    expert_provider_conformance(&experts, spec.layers, 8);
}

#[test]
fn a_batch_takes_every_expert_once_and_in_the_port_s_order() {
    let (_, source) = mixtral();
    let (mut model, provider) = watched(&source, false);
    let tokens: Vec<u32> = (0..20).collect();
    let mut logits = Vec::new();
    model.forward(&tokens, LogitRows::Last, &mut logits).unwrap();
    let calls = std::mem::take(&mut *provider.calls.lock().unwrap());
    let second = calls.iter().position(|c| c == "residency 1").unwrap();
    let first = &calls[..second];
    assert_eq!(first[0], "residency 0");
    assert!(first[1..=20].iter().all(|c| c == "routed 0 2 32"), "{first:?}");
    let acquired = &first[21..];
    assert!(acquired.len() <= 8 && acquired.iter().all(|c| c.starts_with("acquire 0 ")), "{acquired:?}");
    assert!(acquired.is_sorted_by(|a, b| a < b), "each once: {acquired:?}");

    let mut plain = Transformer::load(&source, &DenseCodecs, LoadOptions::default()).unwrap();
    let mut expected = Vec::new();
    plain.forward(&tokens, LogitRows::Last, &mut expected).unwrap();
    assert_eq!(logits, expected);
    assert_eq!(model.weight_bytes(), plain.weight_bytes());
}

/// The model with each expert in tensors of its own.
fn unstacked(source: &MemorySource, spec: &ModelSpec) -> MemorySource {
    source.tensors().iter().fold(MemorySource::new(spec.clone()), |split, info| {
        let tensor = source.tensor(&info.name).unwrap();
        let Some(ExpertTensor::Stack { layer, part }) = ExpertTensor::parse(&info.name) else {
            return split.with(&info.name, tensor);
        };
        (0..info.shape.dims()[0]).fold(split, |split, expert| {
            let id = ExpertId::new(layer, expert);
            let matrix = ExpertMatrix::find(source, id, part, 8).unwrap().read(source).unwrap();
            split.with(ExpertTensor::Single { id, part }.to_string(), matrix)
        })
    })
}

#[test]
fn experts_in_tensors_of_their_own_are_the_same_model() {
    let (spec, source) = mixtral();
    let split = unstacked(&source, &spec);
    assert_eq!(split.tensors().len(), source.tensors().len() + 3 * 7 * spec.layers);
    let logits = |source: &dyn TensorSource| {
        let mut model = Transformer::load(source, &DenseCodecs, LoadOptions::default()).unwrap();
        let (tokens, mut logits) = ((0..20).collect::<Vec<_>>(), Vec::new());
        model.forward(&tokens, LogitRows::From(0), &mut logits).unwrap();
        (logits, model.weight_bytes())
    };
    assert_eq!(logits(&split), logits(&source));

    let both = split.clone().with_f32("blk.1.ffn_up.8.weight", &[2, 2], &[0.0; 4]);
    let refused = Transformer::load(&both, &DenseCodecs, LoadOptions::default()).err().unwrap();
    assert!(matches!(refused, InferenceError::UnusedTensor { .. }), "a ninth expert: {refused}");
    let (_, provider) = watched(&split, false);
    let ports = ExpertPorts { router: Box::new(TopK::new(spec.experts.unwrap().gating)), provider };
    let refused = Transformer::load_with_experts(&both, &DenseCodecs, LoadOptions::default(), ports);
    assert!(matches!(refused.err().unwrap(), InferenceError::UnusedTensor { .. }));
}

#[test]
fn an_expert_that_cannot_be_had_is_an_error_and_leaves_the_cache() {
    let (_, source) = mixtral();
    let (mut model, _) = watched(&source, true);
    let failed = model.forward(&[1, 2], LogitRows::Last, &mut Vec::new()).unwrap_err();
    assert!(failed.to_string().contains("the disk is gone"));
    assert_eq!(model.position(), 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_, source) = mixtral();
    let ports = |top_k| {
        let router = Box::new(TopK::new(Gating::new(8, top_k, GateNorm::Chosen).unwrap()));
        let provider = Arc::new(ResidentExperts::load(&source, &DenseCodecs).unwrap());
        ExpertPorts { router, provider }
    };
    let load = |source: &MemorySource, ports| {
        Transformer::load_with_experts(source, &DenseCodecs, LoadOptions::default(), ports).err().unwrap()
    };
    assert!(matches!(load(&source, ports(3)), InferenceError::OtherGating { .. }));
    let dense = tiny::source(&tiny::golden().remove("llama").unwrap().spec);
    assert!(matches!(load(&dense, ports(2)), InferenceError::NoExperts { .. }));
    assert!(matches!(ResidentExperts::load(&dense, &DenseCodecs), Err(InferenceError::NoExperts { .. })));
    let staged = StageStream::new(&source, &DenseCodecs, &[vec![1, 2]]).err().unwrap();
    assert!(staged.to_string().contains("stage by stage"));
}

#[test]
fn a_damaged_gate_is_an_error() {
    let (spec, _) = mixtral();
    let source = tiny::tensors(&spec).into_iter().fold(MemorySource::new(spec), |source, (name, dims)| {
        let value = if name.contains("ffn_gate_inp") { f32::NAN } else { 0.1 };
        source.with_f32(name, &dims, &vec![value; dims.iter().product()])
    });
    let mut model = Transformer::load(&source, &DenseCodecs, LoadOptions::default()).unwrap();
    let refused = model.forward(&[1], LogitRows::Last, &mut Vec::new()).unwrap_err().to_string();
    assert!(refused.contains("gate of block 0"), "{refused}");
    let mut router = TopK::new(Gating::new(8, 2, GateNorm::Chosen).unwrap());
    assert!(router.route(0, &[0.0; 7], &[true; 8], &mut Vec::new()).is_err());
}
