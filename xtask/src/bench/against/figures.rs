//! What one contender did.

use super::contest::Contender;
use crate::bench::spread::Samples;

/// Lengths of the prompts.
pub(super) const PROMPTS: [usize; 2] = [64, 256];

/// Tokens decoded.
pub(super) const TOKENS: usize = 64;

/// Speeds of one run, in tokens per second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Speeds {
    /// Of each prompt asked for.
    pub(super) prefill: Vec<f64>,
    pub(super) decode: f64,
}

/// One contender over all rounds.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) contender: Contender,
    /// Tokens per second, by [`PROMPTS`].
    pub(super) prefill: [Samples; PROMPTS.len()],
    /// Tokens per second.
    pub(super) decode: Samples,
    /// The same beside a busy process.
    pub(super) busy: Samples,
    /// GB/s at which this machine reads as many bytes as the contender's weights are.
    pub(super) bandwidth: Samples,
}

impl Figures {
    pub(super) fn new(contender: Contender) -> Self {
        let none = Samples::default;
        Self { contender, prefill: [none(), none()], decode: none(), busy: none(), bandwidth: none() }
    }

    /// Adds a run with all of [`PROMPTS`].
    pub(super) fn push(&mut self, run: &Speeds) {
        self.decode.push(run.decode);
        for (samples, speed) in self.prefill.iter_mut().zip(&run.prefill) {
            samples.push(*speed);
        }
    }

    /// Bytes of weights read per second of decoding, as a share of what the machine can read.
    pub(super) fn bandwidth_share(&self) -> Option<f64> {
        let read = self.contender.weight_bytes as f64 * self.decode.median()? / 1e9;
        Some(read / self.bandwidth.median()?)
    }

    /// Speed of decoding beside a busy process, as a share of that without.
    pub(super) fn kept(&self) -> Option<f64> {
        Some(self.busy.median()? / self.decode.median()?)
    }
}

/// All contenders of a contest, llama.cpp's first.
pub(super) struct ContestResult {
    pub(super) threads: usize,
    pub(super) figures: Vec<Figures>,
}
