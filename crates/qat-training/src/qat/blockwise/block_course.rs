//! Step after step through one block.

use super::rows::Order;
use super::streams::Streams;
use crate::TrainError;
use crate::network::{Layer, Trainable};
use crate::qat::config::BlockError;
use crate::qat::descent::Descent;
use crate::qat::losses::scalar;
use crate::qat::meter::Meter;
use crate::qat::student::Student;
use crate::qat::{LossParts, QatPoint, QatRun};
use crate::training::learning_rate;
use burn::tensor::Tensor;
use domain_types::DomainEvent;

/// A block under training.
pub(super) struct BlockCourse<'a> {
    run: &'a QatRun<'a>,
    descent: Descent<'a, Layer>,
    block: usize,
    order: Order,
}

impl<'a> BlockCourse<'a> {
    /// Hangs quantizers on the block's matrices.
    pub(super) fn begin(run: &'a QatRun<'a>, layer: Layer, block: usize) -> Result<Self, TrainError> {
        let student = Student::new(layer, run.targets, run.config)?;
        let order = Order::new(run.config.blockwise.rows, run.config.qat.seed, block);
        Ok(Self { run, descent: Descent::new(student, &run.config.qat), block, order })
    }

    pub(super) fn student(&self) -> Result<&Student<'a, Layer>, TrainError> {
        self.descent.student()
    }

    /// Trains the block to its last step; its part of the loss curve, whose steps count on from block to block.
    pub(super) fn run(
        &mut self,
        streams: &Streams,
        progress: &mut dyn FnMut(&QatPoint),
    ) -> Result<Vec<QatPoint>, TrainError> {
        let schedule = &self.run.config.qat;
        let tokens = schedule.row_length * schedule.batch_size * schedule.gradient_accumulation;
        let (mut meter, mut curve) = (Meter::new(self.run.clock), Vec::new());
        for step in 0..schedule.steps {
            let rate = |peak| learning_rate(peak, schedule.warmup, schedule.steps, step);
            let rates = [rate(schedule.learning_rate), rate(schedule.step_learning_rate)];
            let loss = self.optimize(streams, rates)?;
            let total = self.block * schedule.steps + step + 1;
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step: total, loss: loss as f32 });
            }
            meter.add(loss, LossParts::default(), tokens);
            if (step + 1).is_multiple_of(schedule.log_every) || step + 1 == schedule.steps {
                let point = meter.point(total, rates[0], self.run.clock);
                let QatPoint { step, loss, learning_rate, tokens_per_second, .. } = point;
                let event = DomainEvent::TrainingStep { step, loss, learning_rate, tokens_per_second };
                self.run.sink.record(&event);
                progress(&point);
                curve.push(point);
            }
        }
        Ok(curve)
    }

    /// One step. Returns the loss before it.
    fn optimize(&mut self, streams: &Streams, rates: [f64; 2]) -> Result<f64, TrainError> {
        let schedule = &self.run.config.qat;
        let (accumulate, mut total) = (schedule.gradient_accumulation, 0.0);
        for _ in 0..accumulate {
            let rows = self.order.next(schedule.batch_size);
            let network = self.student()?.network();
            let [input, target] = streams.batch(&rows, &network.device());
            let output = network.forward(input, streams.length);
            let loss = loss(self.run.config.blockwise.error, output, target).div_scalar(accumulate as f32);
            self.descent.gather(&loss)?;
            total += scalar(loss)?;
        }
        self.descent.descend(rates);
        Ok(total)
    }
}

/// The mean over positions of the squared error of a block's output `[positions, width]`.
fn loss(error: BlockError, output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    let lost = (output - target.clone()).square();
    match error {
        BlockError::Absolute => lost.mean(),
        BlockError::Relative => {
            (lost.sum_dim(1) / target.square().sum_dim(1).clamp_min(f32::MIN_POSITIVE)).mean()
        }
    }
}
