//! The network that learns: latent weights that read as rounded ones.

use super::frozen::{Freeze, Part, Sort};
use super::target::Prepared;
use super::{QatConfig, QatMode, QatTarget};
use crate::TrainError;
use crate::adapter::factors;
use crate::network::{MatrixType, Trainable, Weight, export_all, export_norms};
use crate::quantizer::{Rounded, RoundedBy};
use burn::module::{
    Module, ModuleMapper, ModuleVisitor, Param, ParamId, Reparameterization, Reparameterizer,
};
use burn::tensor::{Tensor, TensorData};
use domain_types::{QuantTensor, Shape};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Dimensions and values of a parameter.
pub(super) type ParameterValue = (Vec<usize>, Vec<f32>);

/// A network, or a block of one, and what its matrices are trained for.
#[derive(Clone)]
pub(super) struct Student<'a, N> {
    network: N,
    targets: &'a BTreeMap<String, QatTarget>,
    /// Parameters that the mode trains: weights and norms, and steps.
    weights: Vec<ParamId>,
    steps: Vec<ParamId>,
    /// Parameters without gradients, which no checkpoint has.
    frozen: HashSet<ParamId>,
}

impl<'a, N: Trainable> Student<'a, N> {
    /// Hangs a quantizer on every matrix that has a target.
    pub(super) fn new(
        network: N,
        targets: &'a BTreeMap<String, QatTarget>,
        config: &QatConfig,
    ) -> Result<Self, TrainError> {
        let mut prepared = HashMap::new();
        for (name, weight) in network.named() {
            let Some(target) = targets.get(&name) else { continue };
            let (id, shape, values) = match weight {
                Weight::Matrix(matrix) => latent(matrix)?,
                Weight::Stack(stack) => latent(stack)?,
                Weight::Vector(_) | Weight::Gate(_) => {
                    return Err(TrainError::Unsupported(format!("{name} stays in full precision")));
                }
            };
            prepared.insert(id, target.prepare(&config.quantization, &values, shape)?);
        }
        let device = network.device();
        let weights = network.weights().clone().apply_reparameterization(Attach { prepared, device });
        let weights = weights.map(&mut Number(0));
        let mut groups = Groups::default();
        weights.visit(&mut groups);
        if config.qat.mode == QatMode::Scales {
            groups.weights.clear();
        }
        if groups.weights.is_empty() && groups.steps.is_empty() {
            let why = "no format of this model has scales that are learned; choose mode = \"full\"";
            return Err(TrainError::Config(why.into()));
        }
        let network = network.with_weights(weights);
        let frozen = HashSet::new();
        Ok(Self { network, targets, weights: groups.weights, steps: groups.steps, frozen })
    }

    /// A network of which only some parts learn, and nothing is rounded.
    pub(super) fn learning(
        network: N,
        targets: &'a BTreeMap<String, QatTarget>,
        learns: impl Fn(Part) -> bool,
    ) -> Self {
        let weights = network.weights().clone().map(&mut Number(0));
        let mut sort = Sort::new(learns);
        weights.visit(&mut sort);
        let Sort { learning, frozen, .. } = sort;
        let network = network.with_weights(weights.map(&mut Freeze(&frozen)));
        Self { network, targets, weights: learning, steps: Vec::new(), frozen }
    }

    pub(super) fn network(&self) -> &N {
        &self.network
    }

    /// Ids of weights and of steps that are trained.
    pub(super) fn groups(&self) -> (&[ParamId], &[ParamId]) {
        (&self.weights, &self.steps)
    }

    /// Replaces the network by what an optimizer made of it.
    pub(super) fn updated(self, update: impl FnOnce(N) -> N) -> Self {
        Self { network: update(self.network), ..self }
    }

    /// The values of all parameters that are not frozen, always in the same order: latent weights, norms and steps.
    pub(super) fn values(&self) -> Result<Vec<ParameterValue>, TrainError> {
        let mut read = Read { frozen: &self.frozen, values: Vec::new() };
        self.network.weights().visit(&mut read);
        read.values.into_iter().collect()
    }

    /// The same network with other values, in that order. An error where they are not this network's.
    pub(super) fn with_values(self, values: Vec<ParameterValue>) -> Result<Self, String> {
        let mut write = Write { frozen: &self.frozen, values: values.into_iter(), misfit: None };
        let weights = self.network.weights().clone().map(&mut write);
        let Write { misfit, mut values, .. } = write;
        match (misfit, values.next()) {
            (None, None) => Ok(self.updated(|network| network.with_weights(weights))),
            (Some(misfit), _) => Err(misfit),
            (None, Some(_)) => Err("it has more parameters than the network".into()),
        }
    }

    /// What was learned over frozen matrices, as a file has it: adapters in F16, or norms in F32.
    pub(super) fn export_learned(&self) -> Result<Vec<(String, QuantTensor)>, TrainError> {
        let network = self.network.without_gradients();
        let adapters = factors(&network)?;
        if adapters.is_empty() { export_norms(&network) } else { Ok(adapters) }
    }

    /// All tensors as a file has them: targets packed and checked against the forward pass, other matrices in F16.
    pub(super) fn export(&self) -> Result<Vec<(String, QuantTensor)>, TrainError> {
        let network = self.network.without_gradients();
        let mut tensors = export_all(&network, MatrixType::F16)?;
        for ((name, tensor), (_, weight)) in tensors.iter_mut().zip(network.named()) {
            let Some(target) = self.targets.get(name) else { continue };
            let (learned, [latent, rounded]) = match weight {
                Weight::Matrix(matrix) => trained(matrix)?,
                Weight::Stack(stack) => trained(stack)?,
                Weight::Vector(_) | Weight::Gate(_) => continue,
            };
            *tensor = target.export(name, *tensor.shape(), learned, [&latent, &rounded])?;
        }
        Ok(tensors)
    }
}

/// Id, shape and values of what is to be rounded.
fn latent<const D: usize>(weight: &Param<Tensor<D>>) -> Result<(ParamId, Shape, Vec<f32>), TrainError> {
    Ok((weight.id, Shape::new(&weight.val().dims())?, floats(weight.val())?))
}

/// Whether its steps are learned; the latent weights and the rounded ones.
fn trained<const D: usize>(weight: &Param<Tensor<D>>) -> Result<(bool, [Vec<f32>; 2]), TrainError> {
    let learned = weight.reparameterization::<Rounded>().is_some_and(|rounded| rounded.steps.is_some());
    Ok((learned, [floats(weight.base())?, floats(weight.val())?]))
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainError> {
    tensor.try_into_vec_as::<f32>().map_err(|e| TrainError::Unsupported(e.to_string()))
}

/// Hangs prepared quantizers on their parameters.
struct Attach {
    prepared: HashMap<ParamId, Prepared>,
    device: burn::tensor::Device,
}

impl Reparameterizer for Attach {
    type Reparam = Rounded;

    fn reparameterize<const D: usize>(
        &mut self,
        _path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<Rounded>) {
        let rounded = self.prepared.remove(&param.id).map(|Prepared { quantizer, steps }| {
            let steps =
                steps.map(|(values, dims)| Tensor::from_data(TensorData::new(values, dims), &self.device));
            Rounded::new(steps, RoundedBy(quantizer))
        });
        (param, rounded)
    }
}

/// Numbers parameters, so that a later run finds the optimizer's moments of this one.
struct Number(u64);

impl ModuleMapper for Number {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        let (_, value, mapper) = param.consume();
        Param::from_mapped_value(ParamId::from(self.0), value, mapper)
    }
}

/// Tells steps from weights.
#[derive(Default)]
struct Groups {
    weights: Vec<ParamId>,
    steps: Vec<ParamId>,
    in_steps: bool,
}

impl ModuleVisitor for Groups {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.in_steps |= name == Rounded::NAME;
    }

    fn exit_module(&mut self, name: &str, _container_type: &str) {
        self.in_steps &= name != Rounded::NAME;
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.in_steps { self.steps.push(param.id) } else { self.weights.push(param.id) }
    }
}

/// Reads every parameter that is not frozen.
struct Read<'a> {
    frozen: &'a HashSet<ParamId>,
    values: Vec<Result<ParameterValue, TrainError>>,
}

impl ModuleVisitor for Read<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.frozen.contains(&param.id) {
            return;
        }
        let dims = param.base().dims().to_vec();
        self.values.push(floats(param.base()).map(|values| (dims, values)));
    }
}

/// Writes every parameter that is not frozen.
struct Write<'a> {
    frozen: &'a HashSet<ParamId>,
    values: std::vec::IntoIter<ParameterValue>,
    misfit: Option<String>,
}

impl ModuleMapper for Write<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.frozen.contains(&param.id) {
            return param;
        }
        let dims = param.base().dims();
        match self.values.next() {
            Some((found, values)) if found == dims => param.map(|old| {
                let new = Tensor::from_data(TensorData::new(values, dims), &old.device());
                new.set_require_grad(old.is_require_grad())
            }),
            found => {
                let found = found.map(|(dims, _)| dims);
                self.misfit.get_or_insert(format!("a parameter is {found:?}, the network's is {dims:?}"));
                param
            }
        }
    }
}
