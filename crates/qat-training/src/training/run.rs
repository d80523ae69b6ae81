//! Step after step.

use super::accuracy::{self, Accuracy};
use super::batches::{Batch, Batches};
use super::{Checkpoint, TrainConfig, schedule};
use crate::corpus::{Corpus, Domain, Split, Task};
use crate::network::{Llama, Routing, Trainable, negative_log_likelihood};
use crate::{TrainError, Vocabulary};
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Tensor, TensorData};
use domain_types::{Clock, DomainEvent, EventSink, TokenId};

/// A point of the loss curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Steps done.
    pub step: usize,
    /// Weighted loss in nats per token, averaged over the steps since the last point.
    pub loss: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Seconds since the run started.
    pub seconds: f64,
}

/// What a run reports while it goes on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// The loss curve has a new point.
    Loss(CurvePoint),
    /// Held-out tasks were tried after this many steps.
    Evaluated {
        /// Steps done.
        step: usize,
        /// Per domain.
        accuracy: Vec<Accuracy>,
    },
}

/// Where a run reports to.
pub(crate) struct Reporter<'a> {
    pub(crate) sink: &'a dyn EventSink,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a mut dyn FnMut(&Progress),
}

/// Trains a network and returns it with its loss curve.
pub(crate) fn train(
    mut network: Llama,
    vocabulary: &Vocabulary,
    config: &TrainConfig,
    reporter: &mut Reporter<'_>,
) -> Result<(Llama, Vec<CurvePoint>), TrainError> {
    let context = network.spec().context_length;
    config.validate(context)?;
    let corpus = Corpus::new(config.seed);
    let exams: Vec<(Domain, Vec<Task>)> = Domain::ALL.map(|d| (d, corpus.tasks(d, config.tasks))).into();
    let samples = corpus.mixed(Split::Train);
    let mut batches = Batches::new(samples, config.seed, vocabulary, config.prompt_weight)?;
    let mut optimizer = optimizer(config);
    let mut meter = Meter::new(reporter.clock);
    let mut first = 0;
    if let Some(path) = config.checkpoint.as_deref().filter(|path| path.exists()) {
        let checkpoint = Checkpoint::load(network.spec(), path)?;
        first = checkpoint.step();
        network = Llama::import(&checkpoint, &network.device())?;
    }
    for step in 0..config.steps {
        let length = schedule::row_length(config, step, context);
        let batch = batches.next(config.batch_tokens / length, length)?;
        if step < first {
            continue;
        }
        let rate = schedule::learning_rate(config.learning_rate, config.warmup, config.steps, step);
        let routing = config.routing.at(step, config.steps);
        let routing = Routing::training(routing, length, config.seed, step);
        let (next, loss) = optimize(network, &mut optimizer, &batch, rate, routing);
        network = next;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: step + 1, loss });
        }
        meter.add(loss, batch.targets.len());
        if (step + 1).is_multiple_of(config.log_every) || step + 1 == config.steps {
            meter.report(step + 1, rate, reporter);
        }
        if (step + 1).is_multiple_of(config.evaluate_every) || step + 1 == config.steps {
            evaluate(&network, vocabulary, &exams, step + 1, reporter)?;
            if let Some(path) = &config.checkpoint {
                Checkpoint::save(&network, step + 1, path)?;
            }
        }
    }
    Ok((network, meter.curve))
}

/// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), each tensor's gradient clipped to norm 1.
fn optimizer(config: &TrainConfig) -> ModuleOptimizer {
    AdamWConfig::new()
        .with_beta_2(0.98)
        .with_epsilon(1e-8)
        .with_weight_decay(config.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init()
}

/// One step on one batch. Returns the loss of the language before it.
fn optimize(
    network: Llama,
    optimizer: &mut ModuleOptimizer,
    batch: &Batch,
    rate: f64,
    mut routing: Routing,
) -> (Llama, f32) {
    let rows: Vec<&[TokenId]> = batch.inputs.iter().map(Vec::as_slice).collect();
    let total: f32 = batch.weights.iter().sum();
    let weights: Vec<f32> = batch.weights.iter().map(|w| w / total).collect();
    let weights = Tensor::<1>::from_data(TensorData::new(weights, [batch.targets.len()]), &network.device());
    let logits = network.routed_logits(&rows, &mut routing);
    let loss = (negative_log_likelihood(logits, &batch.targets) * weights).sum();
    let total = routing.loss().map_or_else(|| loss.clone(), |of_routing| loss.clone() + of_routing);
    let gradients = GradientsParams::from_grads(total.backward(), network.weights());
    let updated = optimizer.step(rate, network.weights().clone(), gradients);
    (network.with_weights(updated), loss.into_scalar())
}

fn evaluate(
    network: &Llama,
    vocabulary: &Vocabulary,
    exams: &[(Domain, Vec<Task>)],
    step: usize,
    reporter: &mut Reporter<'_>,
) -> Result<(), TrainError> {
    let network = network.without_gradients();
    let measure =
        |(domain, tasks): &(Domain, Vec<Task>)| accuracy::measure(&network, vocabulary, *domain, tasks);
    let accuracy = exams.iter().map(measure).collect::<Result<_, _>>()?;
    (reporter.progress)(&Progress::Evaluated { step, accuracy });
    Ok(())
}

/// Averages losses between two points of the curve.
struct Meter {
    curve: Vec<CurvePoint>,
    start: f64,
    last: f64,
    losses: Vec<f32>,
    tokens: usize,
}

impl Meter {
    fn new(clock: &dyn Clock) -> Self {
        let now = clock.monotonic().as_secs_f64();
        Self { curve: Vec::new(), start: now, last: now, losses: Vec::new(), tokens: 0 }
    }

    fn add(&mut self, loss: f32, tokens: usize) {
        self.losses.push(loss);
        self.tokens += tokens;
    }

    fn report(&mut self, step: usize, learning_rate: f64, reporter: &mut Reporter<'_>) {
        let now = reporter.clock.monotonic().as_secs_f64();
        let loss = self.losses.iter().map(|&l| f64::from(l)).sum::<f64>() / self.losses.len() as f64;
        let tokens_per_second = self.tokens as f64 / (now - self.last).max(1e-9);
        let point = CurvePoint { step, loss, learning_rate, seconds: now - self.start };
        self.curve.push(point);
        reporter.sink.record(&DomainEvent::TrainingStep { step, loss, learning_rate, tokens_per_second });
        (reporter.progress)(&Progress::Loss(point));
        self.losses.clear();
        (self.tokens, self.last) = (0, now);
    }
}
