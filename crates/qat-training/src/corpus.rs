//! The procedural corpus: text of five domains, made by code, the same for ever.
//!
//! A sample is addressed by seed, domain, split and index, so any part of the corpus can be made alone and in any
//! order. The split is by *content* and does not depend on the seed: what belongs to [`Split::HeldOut`] occurs in no
//! training sample of any seed.

mod arithmetic;
mod domain;
mod needle;
mod program_trace;
mod sample;
mod split;
mod story;
mod task;
mod tool_call;
mod words;

pub use domain::{Domain, UnknownDomain};
pub use sample::Sample;
pub use split::Split;
pub use task::{Score, Task};

use crate::random::Rng;

/// The corpus of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corpus {
    seed: u64,
}

impl Corpus {
    /// The corpus of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Sample number `index` of a domain: always the same for the same seed, domain, split and index.
    pub fn sample(&self, domain: Domain, split: Split, index: u64) -> Sample {
        let mut rng = Rng::new(&[self.seed, domain as u64, split as u64, index]);
        // Generators that cannot know beforehand on which side their content falls try until it fits.
        loop {
            let sample = match domain {
                Domain::Arithmetic => arithmetic::generate(&mut rng, split),
                Domain::Code => program_trace::generate(&mut rng, split),
                Domain::ToolUse => tool_call::generate(&mut rng, split),
                Domain::Needle => Some(needle::generate(&mut rng, split)),
                Domain::Language => story::generate(&mut rng, split),
            };
            if let Some(sample) = sample {
                return sample;
            }
        }
    }

    /// All domains mixed in the proportions of [`Domain::share`], without end. Every sample of a domain comes once,
    /// in the order of its index.
    pub fn mixed(&self, split: Split) -> impl Iterator<Item = Sample> + use<> {
        let corpus = *self;
        let mut rng = Rng::new(&[self.seed, 0x006d_6978_6564, split as u64]);
        let mut next = [0_u64; Domain::ALL.len()];
        core::iter::repeat_with(move || {
            let domain = Domain::draw(&mut rng);
            let index = &mut next[domain as usize];
            *index += 1;
            corpus.sample(domain, split, *index - 1)
        })
    }

    /// The first `count` held-out tasks of a domain.
    pub fn tasks(&self, domain: Domain, count: usize) -> Vec<Task> {
        (0..count as u64).map(|index| self.sample(domain, Split::HeldOut, index).into_task()).collect()
    }
}
