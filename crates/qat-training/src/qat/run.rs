//! What a run is made from and what it makes.

use super::course::Course;
use super::student::Student;
use super::{BlockPoint, LossParts, QatConfig, QatData, QatMode, QatTarget, blockwise, frozen, identity};
use crate::network::{Llama, RoundedCache};
use crate::{TrainBackend, TrainError};
use burn::tensor::Device;
use domain_types::{Clock, EventSink, KvRounding, QuantTensor, TensorSource, Tokenizer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A run of quantization-aware training: everything it is made from.
#[derive(Clone, Copy)]
pub struct QatRun<'a> {
    /// The model to train; F16 or F32.
    pub source: &'a dyn TensorSource,
    /// The model to learn from, with the same vocabulary. Block-wise training learns from `source` itself.
    pub teacher: Option<&'a dyn TensorSource>,
    /// The model's tokenizer.
    pub tokenizer: &'a dyn Tokenizer,
    /// What each matrix is trained for, by its GGUF name; others train in full precision.
    pub targets: &'a BTreeMap<String, QatTarget>,
    /// What is trained on.
    pub data: &'a QatData,
    /// The settings.
    pub config: &'a QatConfig,
    /// What the key–value cache that `config` names does to keys and values.
    pub kv: Option<&'a Arc<dyn KvRounding>>,
    /// An adapter to go on from, in mode `lora`: what [`QatModel::tensors`] has.
    pub adapter: Option<&'a dyn TensorSource>,
    /// What it computes on.
    pub backend: TrainBackend,
    /// Where the run is kept while it goes on. A run that finds its checkpoint goes on from it.
    pub checkpoint: Option<&'a Path>,
    /// Where events go.
    pub sink: &'a dyn EventSink,
    /// What the time is.
    pub clock: &'a dyn Clock,
}

/// A trained model.
#[derive(Debug, Clone)]
pub struct QatModel {
    /// Weights under their GGUF names: targets packed, other matrices F16, norms F32. In modes that freeze matrices only
    /// what was learned: norms, or the factors of adapters (`NAME.lora_a`, `NAME.lora_b`) in F16.
    pub tensors: Vec<(String, QuantTensor)>,
    /// The losses over the run.
    pub curve: Vec<QatPoint>,
    /// Block by block what training was worth; empty where all were trained together.
    pub blocks: Vec<BlockPoint>,
    /// SHA-256 of the teacher's weights, the same before and after.
    pub teacher_sha256: Option<String>,
}

/// A point of the loss curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QatPoint {
    /// Steps done.
    pub step: usize,
    /// The weighed sum of the parts, averaged over the steps since the last point.
    pub loss: f64,
    /// The parts, averaged likewise. Not flattened: with serde_json's `arbitrary_precision`, which gguf-rs turns on for
    /// the whole program, flattened numbers are written and cannot be read.
    pub parts: LossParts,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Throughput since the last point.
    pub tokens_per_second: f64,
}

impl QatRun<'_> {
    /// Trains. `progress` is called for every point of the loss curve.
    ///
    /// # Errors
    /// Settings that make no sense, models that do not fit each other, a loss that is no longer a number (the last
    /// checkpoint is kept), a checkpoint of another run, no such device.
    pub fn train(&self, progress: &mut dyn FnMut(&QatPoint)) -> Result<QatModel, TrainError> {
        let device = &self.backend.device()?;
        if self.config.qat.mode == QatMode::Blockwise {
            return blockwise::train(self, device, progress);
        }
        let network = Llama::import(self.source, &self.recording(device))?;
        self.config.validate(network.spec().context_length)?;
        let network = self.with_cache(network)?;
        let teacher = self.teacher(&network, device)?;
        let before = teacher.as_ref().map(identity::of_network).transpose()?;
        let freezes = self.config.qat.mode.freezes_matrices();
        let student = if freezes {
            frozen::student(self, network)?
        } else {
            Student::new(network, self.targets, self.config)?
        };
        let mut course = Course::begin(self, student, teacher.as_ref(), progress)?;
        course.run()?;
        let after = teacher.as_ref().map(identity::of_network).transpose()?;
        if before != after {
            return Err(TrainError::Unsupported("the teacher's weights changed in training".into()));
        }
        let student = course.student()?;
        let tensors = if freezes { student.export_learned()? } else { student.export()? };
        Ok(QatModel { tensors, curve: course.curve, blocks: Vec::new(), teacher_sha256: after })
    }

    /// The device that records what gradients need.
    pub(super) fn recording(&self, device: &Device) -> Device {
        let device = device.clone().autodiff();
        if self.config.qat.gradient_checkpointing { device.gradient_checkpointing() } else { device }
    }

    fn with_cache(&self, network: Llama) -> Result<Llama, TrainError> {
        let head_dim = network.spec().attention.head_dim;
        match (&self.config.quantization.kv, self.kv) {
            (Some(_), Some(kv)) => Ok(network.with_cache(RoundedCache::new(kv, head_dim))),
            (None, _) => Ok(network),
            (Some(format), None) => Err(TrainError::Config(format!(
                "quantization.kv = {format:?}, but its rounding was not given"
            ))),
        }
    }

    fn teacher(&self, student: &Llama, device: &Device) -> Result<Option<Llama>, TrainError> {
        let Some(source) = self.teacher.filter(|_| self.config.needs_teacher()) else { return Ok(None) };
        let teacher = Llama::import(source, device)?;
        let (theirs, ours) = (teacher.spec().vocab_size, student.spec().vocab_size);
        if theirs != ours {
            return Err(TrainError::Config(format!(
                "the teacher has {theirs} tokens, the model {ours}: they need the same vocabulary"
            )));
        }
        Ok(Some(teacher))
    }

    /// What a checkpoint must agree with.
    pub(super) fn identity(&self) -> Result<String, TrainError> {
        let config = serde_json::to_string(self.config).map_err(|e| TrainError::Config(e.to_string()))?;
        let targets: Vec<_> =
            self.targets.iter().map(|(name, target)| (name, target.format().id())).collect();
        let model = identity::of_source(self.source)?;
        Ok(identity::of_text(&format!("{model} {config} {targets:?} {:?}", self.data)))
    }
}
