//! Step after step through the whole network.

use super::checkpoint::{Notes, QatCheckpoint, fail};
use super::data::Stream;
use super::descent::Descent;
use super::losses::{Loss, scalar};
use super::meter::Meter;
use super::student::Student;
use super::validation::Validation;
use super::{LossParts, QatConfig, QatPoint, QatRun};
use crate::TrainError;
use crate::network::{Llama, Routing};
use crate::training::learning_rate;
use burn::tensor::Tensor;
use domain_types::{DomainEvent, TokenId};
use std::path::Path;

/// A run under way.
pub(super) struct Course<'a, 'p> {
    run: &'a QatRun<'a>,
    identity: String,
    descent: Descent<'a, Llama>,
    teacher: Option<&'p Llama>,
    stream: Stream<'a>,
    validation: Option<Validation>,
    step: usize,
    pub(super) curve: Vec<QatPoint>,
    progress: &'p mut dyn FnMut(&QatPoint),
}

impl<'a, 'p> Course<'a, 'p> {
    /// A run from its start, or from where its checkpoint is.
    pub(super) fn begin(
        run: &'a QatRun<'a>,
        student: Student<'a, Llama>,
        teacher: Option<&'p Llama>,
        progress: &'p mut dyn FnMut(&QatPoint),
    ) -> Result<Self, TrainError> {
        let schedule = &run.config.qat;
        let identity = run.identity()?;
        let stream = Stream::new(run.data, schedule, run.tokenizer)?;
        let context_length = student.network().spec().context_length;
        let validate = schedule.validation_rows > 0;
        let validation = validate.then(|| Validation::new(run.data, schedule, run.tokenizer, context_length));
        let validation = validation.transpose()?;
        let descent = Descent::new(student, schedule);
        let mut course = Self {
            run,
            identity,
            descent,
            teacher,
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

    pub(super) fn student(&self) -> Result<&Student<'a, Llama>, TrainError> {
        self.descent.student()
    }

    fn resume(&mut self, path: &Path) -> Result<(), TrainError> {
        let QatCheckpoint { notes, values, optimizers } = QatCheckpoint::load(path, &self.identity)?;
        self.descent.restore(values, optimizers).map_err(|reason| fail(path, &reason))?;
        (self.step, self.curve) = (notes.step, notes.curve);
        let schedule = &self.run.config.qat;
        // What was trained on already.
        for _ in 0..self.step * schedule.gradient_accumulation {
            self.stream.next(schedule.batch_size, schedule.row_length)?;
        }
        Ok(())
    }

    fn save(&self, path: &Path) -> Result<(), TrainError> {
        let optimizers = self.descent.moments().map_err(|reason| fail(path, &reason))?;
        let notes = Notes { run: self.identity.clone(), step: self.step, curve: self.curve.clone() };
        QatCheckpoint { notes, values: self.student()?.values()?, optimizers }.save(path)
    }

    /// Trains to the last step.
    pub(super) fn run(&mut self) -> Result<(), TrainError> {
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
        let Some(validation) = &self.validation else { return Ok(()) };
        let found = validation.measure(self.student()?.network())?;
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
        for pass in 0..accumulate {
            let batch = self.stream.next(schedule.batch_size, schedule.row_length)?;
            let rows: Vec<&[TokenId]> = batch.inputs.iter().map(Vec::as_slice).collect();
            let student = self.student()?;
            let mut routing = self.routing(self.step * accumulate + pass);
            let logits = student.network().routed_logits(&rows, &mut routing);
            let teacher = self.teacher.map(|teacher| constant(teacher.logits(&rows), &logits));
            let loss = Loss::new(&self.run.config.distillation, logits, teacher, &batch);
            let loss = loss.with_routing(routing.loss());
            self.descent.gather(&loss.total.clone().div_scalar(accumulate as f32))?;
            total += scalar(loss.total.clone())? / accumulate as f64;
            parts = parts.plus(&loss.parts()?, 1.0 / accumulate as f64);
        }
        self.descent.descend(rates);
        Ok((total, parts))
    }

    /// How tokens find their experts in a pass through the network, counted from the first of the run.
    fn routing(&self, pass: usize) -> Routing {
        let QatConfig { qat, routing, .. } = self.run.config;
        Routing::training(routing.at(self.step, qat.steps), qat.row_length, qat.seed, pass)
    }

    fn report(&mut self, point: QatPoint) {
        let QatPoint { step, loss, learning_rate, tokens_per_second, .. } = point;
        self.run.sink.record(&DomainEvent::TrainingStep { step, loss, learning_rate, tokens_per_second });
        (self.progress)(&point);
        self.curve.push(point);
    }
}

/// A tensor without gradients, for operations with one that has them.
fn constant(inner: Tensor<2>, like: &Tensor<2>) -> Tensor<2> {
    let constant = Tensor::from_inner(inner);
    match like.gradient_checkpointing_strategy() {
        Some(strategy) => constant.with_gradient_checkpointing_strategy(strategy),
        None => constant,
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
