//! Learning from a short text where there is no room for a backward pass: in a browser tab, for instance.
//!
//! A low-rank addition to the output head alone. Everything below the head is frozen, and so is the head's own matrix, so
//! what it reads and what it answers are computed once; a step is then two thin products and a softmax per token.

use super::LowRank;
use super::adapted::dot;
use crate::InferenceError;
use crate::transformer::Transformer;
use domain_types::{TokenId, TokenModel};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// The most floats that a tuner keeps of the head's answers: 256 MB.
const MOST_LOGITS: usize = 64 << 20;
/// Stream of the random start.
const STREAM: u128 = 0x6865_6164;
/// Growth of the rate after a step that was one, and how much it shrinks after one that was none.
const FASTER: f32 = 1.5;
const SLOWER: f32 = 0.25;
/// Attempts that a step makes before it gives up: the loss is at its lowest as far as F32 can tell.
const ATTEMPTS: usize = 12;

/// An addition to the head under training.
///
/// Gradient descent on the mean negative log-likelihood of the whole text; a step that would make the text less likely is
/// not taken but tried again shorter, so the loss never rises.
pub struct HeadTuner {
    /// What the head reads, tokens × width.
    inputs: Vec<f32>,
    /// What it answers without the addition, tokens × vocabulary.
    logits: Vec<f32>,
    targets: Vec<TokenId>,
    width: usize,
    factors: Factors,
    rate: f32,
    loss: f64,
    gradient: Factors,
}

/// A `[rank, width]` and Bᵀ `[rank, vocabulary]`, or gradients of them.
struct Factors {
    a: Vec<f32>,
    b: Vec<f32>,
    rank: usize,
}

impl HeadTuner {
    /// Reads a text of two tokens or more from an empty context. What the model remembered is forgotten.
    ///
    /// # Errors
    /// A text longer than the context, or so long that the head's answers do not fit 256 MB; a rank of 0 or above 256; a
    /// model with a soft cap of its logits.
    pub fn new(
        model: &mut Transformer,
        tokens: &[TokenId],
        rank: usize,
        seed: u64,
    ) -> Result<Self, InferenceError> {
        let fail = |reason: String| Err(InferenceError::Adapter(reason));
        let (width, vocab) = (model.spec().width, model.vocab_size());
        if !(1..=super::MAX_RANK).contains(&rank) {
            return fail(format!("rank {rank} is not between 1 and {}", super::MAX_RANK));
        }
        if model.spec().logit_softcap.is_some() {
            return fail("models with a soft cap of their logits cannot be adapted".into());
        }
        let count = tokens.len().saturating_sub(1);
        let most = (MOST_LOGITS / vocab).min(model.context_length());
        if count == 0 || count > most {
            return fail(format!(
                "the text has {} tokens; from 2 to {} can be learnt from",
                tokens.len(),
                most + 1
            ));
        }
        model.set_head_addition(None)?;
        model.reset();
        let (inputs, logits) = model.head_inputs_and_logits(&tokens[..count])?;
        let mut factors = Factors { a: vec![0.0; rank * width], b: vec![0.0; rank * vocab], rank };
        let gradient = factors.zeros();
        fill_random(&mut factors.a, seed, (width as f32).sqrt().recip());
        let targets = tokens[1..].to_vec();
        let mut tuner = Self { inputs, logits, targets, width, factors, rate: 1.0, loss: 0.0, gradient };
        (tuner.loss, tuner.gradient) = tuner.differentiate(&tuner.factors);
        Ok(tuner)
    }

    /// Mean negative log-likelihood of the text in nats per token, as the addition is now.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Tokens that are predicted.
    pub fn tokens(&self) -> usize {
        self.targets.len()
    }

    /// One step. Returns the loss after it, which is at most that before it.
    pub fn step(&mut self) -> f64 {
        for _ in 0..ATTEMPTS {
            let moved = self.factors.moved(&self.gradient, self.rate);
            let (loss, gradient) = self.differentiate(&moved);
            if loss < self.loss {
                (self.factors, self.loss, self.gradient) = (moved, loss, gradient);
                self.rate *= FASTER;
                break;
            }
            self.rate *= SLOWER;
        }
        self.loss
    }

    /// The addition as it is now, for [`Transformer::set_head_addition`].
    pub fn addition(&self) -> Result<LowRank, InferenceError> {
        let Factors { a, b, rank } = &self.factors;
        let vocab = b.len() / rank;
        let transposed: Vec<f32> = (0..b.len()).map(|at| b[at % rank * vocab + at / rank]).collect();
        LowRank::new(a.clone(), &transposed, *rank)
    }

    /// The loss with such factors, and its gradient.
    fn differentiate(&self, factors: &Factors) -> (f64, Factors) {
        let vocab = factors.b.len() / factors.rank;
        let mut gradient = factors.zeros();
        let (share, mut loss) = (1.0 / self.targets.len() as f32, 0.0);
        let rows = self.inputs.chunks_exact(self.width).zip(self.logits.chunks_exact(vocab));
        for ((x, logits), &target) in rows.zip(&self.targets) {
            let inner = factors.inner(x);
            let mut z = logits.to_vec();
            for (inner, b) in inner.iter().zip(factors.b.chunks_exact(vocab)) {
                z.iter_mut().zip(b).for_each(|(z, b)| *z += inner * b);
            }
            loss += softmax(&mut z, target as usize);
            for p in &mut z {
                *p *= share;
            }
            z[target as usize] -= share;
            gradient.add(factors, x, &inner, &z);
        }
        (loss / self.targets.len() as f64, gradient)
    }
}

impl Factors {
    fn zeros(&self) -> Self {
        Self { a: vec![0.0; self.a.len()], b: vec![0.0; self.b.len()], rank: self.rank }
    }

    /// A·x.
    fn inner(&self, x: &[f32]) -> Vec<f32> {
        self.a.chunks_exact(x.len()).map(|a| dot(a, x)).collect()
    }

    /// Adds the gradient of one token, whose loss has the gradient `z` with respect to logits, at `factors`.
    fn add(&mut self, factors: &Self, x: &[f32], inner: &[f32], z: &[f32]) {
        let parts = self.a.chunks_exact_mut(x.len()).zip(self.b.chunks_exact_mut(z.len()));
        for (((da, db), b), inner) in parts.zip(factors.b.chunks_exact(z.len())).zip(inner) {
            db.iter_mut().zip(z).for_each(|(db, g)| *db += inner * g);
            let through = dot(b, z);
            da.iter_mut().zip(x).for_each(|(da, x)| *da += through * x);
        }
    }

    /// Down a gradient.
    fn moved(&self, gradient: &Self, rate: f32) -> Self {
        let down = |x: &[f32], g: &[f32]| x.iter().zip(g).map(|(x, g)| x - rate * g).collect();
        Self { a: down(&self.a, &gradient.a), b: down(&self.b, &gradient.b), rank: self.rank }
    }
}

/// Turns logits into probabilities; the negative log-likelihood of `target`.
fn softmax(z: &mut [f32], target: usize) -> f64 {
    let highest = z.iter().fold(f32::NEG_INFINITY, |highest, z| highest.max(*z));
    let chosen = f64::from(z[target] - highest);
    let mut sum = 0.0_f64;
    for z in z.iter_mut() {
        *z = (*z - highest).exp();
        sum += f64::from(*z);
    }
    let inverse = (1.0 / sum) as f32;
    for z in z {
        *z *= inverse;
    }
    sum.ln() - chosen
}

/// Evenly distributed numbers of this standard deviation.
fn fill_random(values: &mut [f32], seed: u64, deviation: f32) {
    let mut random = Pcg64::new(u128::from(seed), STREAM);
    for value in values {
        let unit = (random.next_u64() >> 40) as f32 / (1 << 24) as f32;
        *value = (2.0 * unit - 1.0) * 3.0_f32.sqrt() * deviation;
    }
}
