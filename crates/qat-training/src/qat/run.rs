//! Step after step.

use super::checkpoint::{Notes, QatCheckpoint, fail};
use super::data::Stream;
use super::losses::{Loss, scalar};
use super::meter::Meter;
use super::student::Student;
use super::validation::Validation;
use super::{LossParts, QatConfig, QatData, QatTarget};
use crate::TrainError;
use crate::network::{Llama, MatrixType};
use crate::training::learning_rate;
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Device, Tensor};
use domain_types::{Clock, DomainEvent, EventSink, QuantTensor, TensorSource, TokenId, Tokenizer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// A run of quantization-aware training: everything it is made from.
#[derive(Clone, Copy)]
pub struct QatRun<'a> {
    /// The model to train; F16 or F32.
    pub source: &'a dyn TensorSource,
    /// The model to learn from, with the same vocabulary.
    pub teacher: Option<&'a dyn TensorSource>,
    /// The model's tokenizer.
    pub tokenizer: &'a dyn Tokenizer,
    /// What each matrix is trained for, by its GGUF name; others train in full precision.
    pub targets: &'a BTreeMap<String, QatTarget>,
    /// What is trained on.
    pub data: &'a QatData,
    /// The settings.
    pub config: &'a QatConfig,
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
    /// Weights under their GGUF names: targets packed, other matrices F16, norms F32.
    pub tensors: Vec<(String, QuantTensor)>,
    /// The losses over the run.
    pub curve: Vec<QatPoint>,
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
    /// Trains on the CPU. `progress` is called for every point of the loss curve.
    ///
    /// # Errors
    /// Settings that make no sense, models that do not fit each other, a loss that is no longer a number (the last
    /// checkpoint is kept), a checkpoint of another run.
    pub fn train(&self, progress: &mut dyn FnMut(&QatPoint)) -> Result<QatModel, TrainError> {
        self.train_on(&Device::flex(), progress)
    }

    /// Trains on a device.
    pub(crate) fn train_on(
        &self,
        device: &Device,
        progress: &mut dyn FnMut(&QatPoint),
    ) -> Result<QatModel, TrainError> {
        let network = Llama::import(self.source, &device.clone().autodiff())?;
        self.config.validate(network.spec().context_length)?;
        let teacher = self.teacher(&network, device)?;
        let before = teacher.as_ref().map(sha256).transpose()?;
        let student = Student::new(network, self.targets, self.config)?;
        let mut course = Course::begin(self, student, teacher.as_ref(), progress)?;
        course.run()?;
        let after = teacher.as_ref().map(sha256).transpose()?;
        if before != after {
            return Err(TrainError::Unsupported("the teacher's weights changed in training".into()));
        }
        Ok(QatModel { tensors: course.student()?.export()?, curve: course.curve, teacher_sha256: after })
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
    fn identity(&self, student: &Student<'_>) -> Result<String, TrainError> {
        let config = serde_json::to_string(self.config).map_err(|e| TrainError::Config(e.to_string()))?;
        let targets: Vec<&String> = self.targets.keys().collect();
        let mut hash = Sha256::new();
        for (_, values) in student.values()? {
            for value in values {
                hash.update(value.to_le_bytes());
            }
        }
        hash.update(format!("{config} {targets:?} {:?}", self.data));
        Ok(hex(&hash.finalize()))
    }
}

/// A run under way.
struct Course<'a, 'p> {
    run: &'a QatRun<'a>,
    identity: String,
    /// Taken out while an optimizer has it.
    student: Option<Student<'a>>,
    teacher: Option<&'p Llama>,
    optimizers: [ModuleOptimizer; 2],
    stream: Stream<'a>,
    validation: Validation,
    step: usize,
    curve: Vec<QatPoint>,
    progress: &'p mut dyn FnMut(&QatPoint),
}

impl<'a, 'p> Course<'a, 'p> {
    fn begin(
        run: &'a QatRun<'a>,
        student: Student<'a>,
        teacher: Option<&'p Llama>,
        progress: &'p mut dyn FnMut(&QatPoint),
    ) -> Result<Self, TrainError> {
        let schedule = &run.config.qat;
        let identity = run.identity(&student)?;
        let stream = Stream::new(run.data, schedule, run.tokenizer)?;
        let context_length = student.network().spec().context_length;
        let validation = Validation::new(run.data, schedule, run.tokenizer, context_length)?;
        let optimizers = [optimizer(schedule.clip, schedule.weight_decay), optimizer(schedule.clip, 0.0)];
        let student = Some(student);
        let mut course = Self {
            run,
            identity,
            student,
            teacher,
            optimizers,
            stream,
            validation,
            step: 0,
            curve: Vec::new(),
            progress,
        };
        if let Some(path) = run.checkpoint.filter(|path| path.exists()) {
            course.resume(path)?;
        }
        Ok(course)
    }

    fn student(&self) -> Result<&Student<'a>, TrainError> {
        self.student.as_ref().ok_or_else(|| TrainError::Unsupported("an optimizer kept the network".into()))
    }

    fn resume(&mut self, path: &Path) -> Result<(), TrainError> {
        let QatCheckpoint { notes, values, optimizers } = QatCheckpoint::load(path, &self.identity)?;
        if let Some(student) = self.student.take() {
            self.student = Some(student.with_values(values).map_err(|reason| fail(path, &reason))?);
        }
        for (optimizer, state) in self.optimizers.iter_mut().zip(optimizers) {
            let fresh = optimizer.clone();
            *optimizer = fresh.from_bytes(Bytes::from_bytes_vec(state)).map_err(|e| fail(path, &e))?;
        }
        (self.step, self.curve) = (notes.step, notes.curve);
        let schedule = &self.run.config.qat;
        // What was trained on already.
        for _ in 0..self.step * schedule.gradient_accumulation {
            self.stream.next(schedule.batch_size, schedule.row_length)?;
        }
        Ok(())
    }

    fn save(&self, path: &Path) -> Result<(), TrainError> {
        let state = |optimizer: &ModuleOptimizer| {
            optimizer.into_bytes().map(|bytes| bytes.to_vec()).map_err(|e| fail(path, &e))
        };
        let optimizers = [state(&self.optimizers[0])?, state(&self.optimizers[1])?];
        let notes = Notes { run: self.identity.clone(), step: self.step, curve: self.curve.clone() };
        QatCheckpoint { notes, values: self.student()?.values()?, optimizers }.save(path)
    }

    fn run(&mut self) -> Result<(), TrainError> {
        let schedule = &self.run.config.qat;
        let mut meter = Meter::new(self.run.clock);
        while self.step < schedule.steps {
            let rate = |peak| learning_rate(peak, schedule.warmup, schedule.steps, self.step);
            let rates = [rate(schedule.learning_rate), rate(schedule.step_learning_rate)];
            let (loss, parts) = self.optimize(rates)?;
            self.step += 1;
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step: self.step, loss: loss as f32 });
            }
            meter.add(
                loss,
                parts,
                schedule.row_length * schedule.batch_size * schedule.gradient_accumulation,
            );
            let last = self.step == schedule.steps;
            // A checkpoint is at a point of the curve, so that no average is torn apart.
            let save = self.step.is_multiple_of(schedule.checkpoint_every) || last;
            if self.step.is_multiple_of(schedule.log_every) || save {
                self.report(meter.point(self.step, rates[0], self.run.clock));
            }
            if save && self.run.sink.enabled() {
                self.validate()?;
            }
            if let Some(path) = self.run.checkpoint.filter(|_| save) {
                self.save(path)?;
            }
        }
        Ok(())
    }

    /// Ends an epoch.
    fn validate(&self) -> Result<(), TrainError> {
        let found = self.validation.measure(self.student()?.network())?;
        let every = self.run.config.qat.checkpoint_every;
        let epoch = self.step.div_ceil(every);
        let loss = mean_loss(&self.curve, (epoch - 1) * every);
        let (ppl, reasoning_score) = (found.ppl, found.reasoning_score);
        self.run.sink.record(&DomainEvent::QatEpochComplete { epoch, loss, ppl, reasoning_score });
        Ok(())
    }

    /// One step. Returns the loss before it.
    fn optimize(&mut self, rates: [f64; 2]) -> Result<(f64, LossParts), TrainError> {
        let schedule = &self.run.config.qat;
        let (accumulate, mut total, mut parts) = (schedule.gradient_accumulation, 0.0, LossParts::default());
        let mut gathered = [GradientsAccumulator::new(), GradientsAccumulator::new()];
        for _ in 0..accumulate {
            let batch = self.stream.next(schedule.batch_size, schedule.row_length)?;
            let rows: Vec<&[TokenId]> = batch.inputs.iter().map(Vec::as_slice).collect();
            let student = self.student()?;
            let teacher = self.teacher.map(|teacher| Tensor::from_inner(teacher.logits(&rows)));
            let logits = student.network().logits(&rows);
            let loss = Loss::new(&self.run.config.distillation, logits, teacher, &batch);
            let share = loss.total.clone().div_scalar(accumulate as f32);
            let mut gradients = share.backward();
            let weights = student.network().weights();
            let (of_weights, of_steps) = student.groups();
            for (gathered, ids) in gathered.iter_mut().zip([of_weights, of_steps]) {
                gathered.accumulate(weights, GradientsParams::from_params(&mut gradients, weights, ids));
            }
            total += scalar(loss.total.clone())? / accumulate as f64;
            parts = parts.plus(&loss.parts()?, 1.0 / accumulate as f64);
        }
        let optimizers = &mut self.optimizers;
        self.student = self.student.take().map(|student| {
            student.updated(|network| {
                let mut weights = network.weights().clone();
                for ((optimizer, gathered), rate) in optimizers.iter_mut().zip(&mut gathered).zip(rates) {
                    weights = optimizer.step(rate, weights, gathered.grads());
                }
                network.with_weights(weights)
            })
        });
        Ok((total, parts))
    }

    fn report(&mut self, point: QatPoint) {
        let QatPoint { step, loss, learning_rate, tokens_per_second, .. } = point;
        self.run.sink.record(&DomainEvent::TrainingStep { step, loss, learning_rate, tokens_per_second });
        (self.progress)(&point);
        self.curve.push(point);
    }
}

/// The mean loss of the steps after `since`, from points that are means over the steps since the point before.
fn mean_loss(curve: &[QatPoint], since: usize) -> f64 {
    let (mut before, mut total) = (0, 0.0);
    for point in curve {
        if point.step > since {
            total += point.loss * (point.step - before.max(since)) as f64;
        }
        before = point.step;
    }
    total / (before.max(since + 1) - since) as f64
}

/// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), each tensor's gradient clipped.
fn optimizer(clip: f32, weight_decay: f32) -> ModuleOptimizer {
    AdamWConfig::new()
        .with_beta_2(0.98)
        .with_epsilon(1e-8)
        .with_weight_decay(weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(clip)))
        .init()
}

fn sha256(network: &Llama) -> Result<String, TrainError> {
    let mut hash = Sha256::new();
    for (_, tensor) in network.export_as(MatrixType::F32)? {
        hash.update(tensor.bytes());
    }
    Ok(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
