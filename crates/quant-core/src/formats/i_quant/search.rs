//! The scales of a super-block of codebook entries.
//!
//! An entry's worth at a scale is a parabola ([`Worth`]), so what is known of a group of weights serves every scale that
//! is tried: first one for each sub-block alone, then the super-block's F16 with integers around those.

use super::codebook::{Choice, Codebook, Group, Worth};
use crate::formats::fit::{self, IntRange, Levels, inverse};
use crate::formats::ggml::{SUPER_BLOCK, round_f16};

/// Sub-blocks of the formats with the shortest ones, of 16 weights.
const MAX_SUBS: usize = 16;

/// Weights that share seven bits of signs.
const GROUP: usize = 8;

/// Steps that are tried for a sub-block: the one that takes the largest weight to the largest value, times powers of
/// [`RATIO`] from [`LOWEST`] on.
const TRIES: usize = 16;
const RATIO: f32 = 1.08;
const LOWEST: f32 = 0.4;

/// Alternations between entries and step after that.
const REFINEMENTS: usize = 2;

/// How often the super-block's scale is fitted again to the chosen entries.
const ROUNDS: usize = 3;

/// A format of codebook entries: w = d·(½ + scale)·unit·value, with signs.
pub(crate) struct Lattice<const DIM: usize, const LEN: usize> {
    pub(crate) book: Codebook<DIM, LEN>,
    /// Weights that share a scale.
    pub(crate) sub_len: usize,
    pub(crate) unit: f32,
}

/// A super-block, unpacked; formats use the parts of the arrays that they need.
#[derive(Clone)]
pub(crate) struct LatticeBlock {
    pub(crate) d: f32,
    /// 0 to 15, per sub-block.
    pub(crate) scales: [u8; MAX_SUBS],
    groups: [Choice; SUPER_BLOCK / GROUP],
}

impl LatticeBlock {
    /// The entries of group `at`: one of eight values, or two of four.
    pub(crate) fn entries(&self, at: usize) -> [u16; 2] {
        self.groups[at].entries
    }

    /// The seven bits of signs of group `at`.
    pub(crate) fn signs(&self, at: usize) -> u32 {
        u32::from(self.groups[at].signs & 127)
    }
}

impl<const DIM: usize, const LEN: usize> Lattice<DIM, LEN> {
    /// The block of least weighted squared error that the search finds.
    pub(crate) fn fit(&self, weights: &[f32; SUPER_BLOCK], importance: Option<&[f32]>) -> LatticeBlock {
        let peak = weights.iter().fold(0.0_f32, |peak, w| peak.max(w.abs()));
        if peak < f32::MIN_POSITIVE {
            let groups = [Choice::default(); SUPER_BLOCK / GROUP];
            return LatticeBlock { d: 0.0, scales: [0; MAX_SUBS], groups };
        }
        // Relative to the largest, so that squares neither overflow nor vanish.
        let (x, w) = (weights.map(|w| w / peak), fit::error_weights(importance));
        let mut block = Search::new(self, &x, &w, peak).run();
        block.d *= peak;
        block
    }
}

/// The half-integers from ½ to 15½.
#[derive(Clone, Copy)]
struct HalfIntegers;

impl Levels for HalfIntegers {
    fn ends(self) -> [f32; 2] {
        [0.5, 15.5]
    }

    fn nearest(self, x: f32) -> f32 {
        const WHOLE: IntRange = IntRange::new(0, 15);
        WHOLE.nearest(x - 0.5) + 0.5
    }
}

struct Search<'a, const DIM: usize, const LEN: usize> {
    lattice: &'a Lattice<DIM, LEN>,
    groups: Vec<Group<'a, DIM, LEN>>,
    /// What the weights were divided by.
    peak: f32,
    /// The best step of each sub-block alone, and the energy of its entries.
    ideal: [f32; MAX_SUBS],
    energy: [f32; MAX_SUBS],
}

impl<'a, const DIM: usize, const LEN: usize> Search<'a, DIM, LEN> {
    fn new(
        lattice: &'a Lattice<DIM, LEN>,
        x: &'a [f32; SUPER_BLOCK],
        w: &'a [f32; SUPER_BLOCK],
        peak: f32,
    ) -> Self {
        let groups = x.chunks(GROUP).zip(w.chunks(GROUP)).map(|(x, w)| Group::new(&lattice.book, x, w));
        let (ideal, energy) = ([0.0; MAX_SUBS], [0.0; MAX_SUBS]);
        let mut search = Self { lattice, groups: groups.collect(), peak, ideal, energy };
        for (sub, x) in x.chunks(lattice.sub_len).enumerate() {
            let largest = x.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            (search.ideal[sub], search.energy[sub]) = search.step_of(sub, largest / lattice.book.top());
        }
        search
    }

    fn run(&self) -> LatticeBlock {
        let (mut best, mut least) = self.assign(self.first_scale());
        for _ in 0..ROUNDS {
            let (block, error) = self.assign(self.refit(&best));
            if error >= least {
                break;
            }
            (best, least) = (block, error);
        }
        best
    }

    fn subs(&self) -> usize {
        SUPER_BLOCK / self.lattice.sub_len
    }

    fn groups_of(&self, sub: usize) -> &[Group<'a, DIM, LEN>] {
        let per_sub = self.lattice.sub_len / GROUP;
        &self.groups[sub * per_sub..][..per_sub]
    }

    /// The squared error of a sub-block, beyond that of all zeros.
    fn error(&self, sub: usize, step: f32) -> f32 {
        step * self.groups_of(sub).iter().map(|group| group.least(step)).sum::<f32>()
    }

    /// The best step of a sub-block and the energy of its entries; `full` takes its largest weight to the largest value.
    fn step_of(&self, sub: usize, full: f32) -> (f32, f32) {
        let (mut best, mut least) = (full, f32::MAX);
        let mut step = full * LOWEST;
        for _ in 0..TRIES {
            let error = self.error(sub, step);
            if error < least {
                (best, least) = (step, error);
            }
            step *= RATIO;
        }
        let mut worth = Worth::default();
        for _ in 0..REFINEMENTS {
            let choices = self.groups_of(sub).iter().map(|group| group.nearest(best).worth);
            worth = choices.fold(Worth::default(), Worth::plus);
            best = if worth.gain > 0.0 { worth.gain / worth.energy } else { best };
        }
        (best, worth.energy)
    }

    /// The scale that rounds the ideal steps best, each weighted by what a change of it costs.
    fn first_scale(&self) -> f32 {
        self.rounded(fit::scale(&self.ideal, &self.energy, HalfIntegers) / self.lattice.unit)
    }

    /// What a decoder reads, relative to the largest weight.
    fn rounded(&self, d: f32) -> f32 {
        round_f16(d * self.peak) / self.peak
    }

    /// The best scales and entries for a given F16 scale, and their error.
    fn assign(&self, d: f32) -> (LatticeBlock, f32) {
        let groups = [Choice::default(); SUPER_BLOCK / GROUP];
        let mut block = LatticeBlock { d, scales: [0; MAX_SUBS], groups };
        let mut total = 0.0;
        let unit = d * self.lattice.unit;
        for sub in 0..self.subs() {
            let middle = HalfIntegers.nearest(self.ideal[sub] * inverse(unit));
            let mut best = (middle, f32::MAX);
            for offset in [-1.0, 0.0, 1.0] {
                let level = HalfIntegers.nearest(middle + offset);
                let error = self.error(sub, unit * level);
                if error < best.1 {
                    best = (level, error);
                }
            }
            block.scales[sub] = best.0 as u8;
            total += best.1;
            let groups = self.groups_of(sub);
            for (choice, group) in block.groups[sub * groups.len()..].iter_mut().zip(groups) {
                *choice = group.nearest(unit * best.0);
            }
        }
        (block, total)
    }

    /// The F16 scale of least error for the scales and entries of `block`.
    fn refit(&self, block: &LatticeBlock) -> f32 {
        let per_sub = self.lattice.sub_len / GROUP;
        let worth = block.groups.iter().enumerate().fold(Worth::default(), |total, (at, choice)| {
            let level = self.lattice.unit * (f32::from(block.scales[at / per_sub]) + 0.5);
            let Worth { gain, energy } = choice.worth;
            total.plus(Worth { gain: level * gain, energy: level * level * energy })
        });
        self.rounded(worth.gain.max(0.0) * inverse(worth.energy))
    }
}
