//! What learns over frozen matrices: norms, or adapters. Frozen parameters have no gradients and no moments, and a
//! checkpoint is as small as what learns.

use super::student::Student;
use super::{QatMode, QatRun};
use crate::TrainError;
use crate::adapter::{AttachAdapters, LoraInit, LowRank, low_rank};
use crate::network::{Llama, Trainable, values};
use crate::random::Rng;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use domain_types::TensorSource;
use std::collections::{HashMap, HashSet};

/// The student of a mode that freezes matrices.
pub(super) fn student<'a>(run: &QatRun<'a>, network: Llama) -> Result<Student<'a, Llama>, TrainError> {
    if run.config.qat.mode == QatMode::Norms {
        return Ok(Student::learning(network, run.targets, |part| part == Part::Norm));
    }
    let adapters = adapters(run, &network)?;
    let weights = network.weights().clone().apply_reparameterization(AttachAdapters(adapters));
    Ok(Student::learning(network.with_weights(weights), run.targets, |part| part == Part::Adapter))
}

/// An adapter for each matrix that the settings choose, as training begins.
fn adapters(run: &QatRun<'_>, network: &Llama) -> Result<HashMap<ParamId, LowRank>, TrainError> {
    let (config, seed) = (&run.config.lora, run.config.qat.seed);
    let (rank, scale, device) = (config.rank, config.scale(), network.device());
    let mut rng = Rng::new(&[seed, 0x006c_6f72_6100]);
    let mut adapters = HashMap::new();
    for (name, id, dims) in config.chosen(network)? {
        let adapter = match (run.adapter, config.init) {
            (Some(begun), _) => {
                LowRank::new(begun_factors(begun, &name, dims, rank)?, dims, rank, scale, &device)
            }
            (None, LoraInit::Zero) => LowRank::zero(dims, rank, scale, &mut rng, &device),
            (None, LoraInit::LoftQ) => {
                let [mut a, mut b] = low_rank(lost(run, &name)?, dims, rank, seed, &device.clone().inner())?;
                // The network multiplies by the scale again.
                let share = scale.sqrt().recip();
                a.iter_mut().chain(&mut b).for_each(|x| *x *= share);
                LowRank::new([a, b], dims, rank, scale, &device)
            }
        };
        adapters.insert(id, adapter);
    }
    Ok(adapters)
}

/// The factors of an adapter that a run goes on from.
fn begun_factors(
    begun: &dyn TensorSource,
    name: &str,
    [out, inputs]: [usize; 2],
    rank: usize,
) -> Result<[Vec<f32>; 2], TrainError> {
    let factor = |name: String, dims: [usize; 2]| {
        let tensor = begun.tensor(&name)?;
        let found = tensor.shape().dims().to_vec();
        values(&tensor).filter(|_| found == dims).ok_or_else(|| {
            let reason = format!("the adapter to go on from has {found:?}, the settings ask for {dims:?}");
            TrainError::Tensor { name, reason }
        })
    };
    Ok([factor(format!("{name}.lora_a"), [rank, inputs])?, factor(format!("{name}.lora_b"), [out, rank])?])
}

/// What rounding took from a matrix: the teacher's weights less the base's.
fn lost(run: &QatRun<'_>, name: &str) -> Result<Vec<f32>, TrainError> {
    let Some(teacher) = run.teacher else {
        let why = "lora.init = \"loftq\" needs a teacher: the model before it was quantized";
        return Err(TrainError::Config(why.into()));
    };
    let weights = |source: &dyn TensorSource| {
        let tensor = source.tensor(name)?;
        let reason = format!("it is {}; dequantize the model to f16 or f32 first", tensor.format().id());
        values(&tensor).ok_or(TrainError::Tensor { name: name.to_owned(), reason })
    };
    let (original, base) = (weights(teacher)?, weights(run.source)?);
    if original.len() != base.len() {
        let reason =
            "the teacher's has another shape: lora.init = \"loftq\" needs the model that was quantized";
        return Err(TrainError::Tensor { name: name.to_owned(), reason: reason.into() });
    }
    Ok(original.iter().zip(&base).map(|(original, base)| original - base).collect())
}

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Matrix,
    Norm,
    Adapter,
}

/// Tells parameters that learn from those that do not.
pub(super) struct Sort<F> {
    learns: F,
    in_adapter: bool,
    pub(super) learning: Vec<ParamId>,
    pub(super) frozen: HashSet<ParamId>,
}

impl<F: Fn(Part) -> bool> Sort<F> {
    pub(super) fn new(learns: F) -> Self {
        Self { learns, in_adapter: false, learning: Vec::new(), frozen: HashSet::new() }
    }
}

impl<F: Fn(Part) -> bool> ModuleVisitor for Sort<F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.in_adapter |= name == <LowRank as burn::module::Reparameterization>::NAME;
    }

    fn exit_module(&mut self, name: &str, _container_type: &str) {
        self.in_adapter &= name != <LowRank as burn::module::Reparameterization>::NAME;
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let part = match D {
            _ if self.in_adapter => Part::Adapter,
            1 => Part::Norm,
            _ => Part::Matrix,
        };
        if (self.learns)(part) {
            self.learning.push(param.id);
        } else {
            self.frozen.insert(param.id);
        }
    }
}

/// Takes gradients from parameters that do not learn.
pub(super) struct Freeze<'a>(pub(super) &'a HashSet<ParamId>);

impl ModuleMapper for Freeze<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.0.contains(&param.id) { param.set_require_grad(false) } else { param }
    }
}
