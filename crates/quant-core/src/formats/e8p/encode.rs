//! The nearest of all 2^16 points, for a searched scale.

use super::patterns::PATTERNS;
use super::{BLOCK, E8p, GROUP, HEADER, is_odd, quarters};
use crate::StepSearch;
use crate::block::BlockEncoder;
use crate::formats::fit::inverse;
use crate::formats::i_quant::{Codebook, Part};
use crate::formats::write_f16;

static BOOK: Codebook<GROUP, 256> = Codebook::new(&PATTERNS);

static ODD: [bool; 256] = {
    let (mut odd, mut i) = ([false; 256], 0);
    while i < 256 {
        odd[i] = is_odd(PATTERNS[i]);
        i += 1;
    }
    odd
};

/// Quarters in a root mean square, where one scale serves all normal weights best.
const CLOSED_FORM: f32 = 4.12;

/// Multiples of the closed form that the search begins with, and alternations of points and scale after it.
const TRIES: [f32; 5] = [0.86, 0.93, 1.0, 1.07, 1.15];
const REFINEMENTS: usize = 2;

/// Makes blocks of E8P.
#[derive(Clone)]
pub(super) struct E8pEncoder {
    pub(super) step: StepSearch,
}

impl BlockEncoder for E8pEncoder {
    type Format = E8p;

    fn needs_importance(&self) -> bool {
        self.step == StepSearch::Imatrix
    }

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        bytes.fill(0);
        let peak = weights.iter().fold(0.0_f32, |peak, w| peak.max(w.abs()));
        if peak < f32::MIN_POSITIVE {
            return;
        }
        let importance = importance.filter(|_| self.needs_importance());
        let block = Block::new(weights, importance, peak);
        let fitted =
            if self.step == StepSearch::Rms { block.at(block.closed_form()) } else { block.search() };
        write_f16(bytes, fitted.scale * peak);
        for (out, word) in bytes[HEADER..].as_chunks_mut().0.iter_mut().zip(fitted.words) {
            *out = word.to_le_bytes();
        }
    }
}

/// Weights relative to the largest, and the weights of their squared errors; what a short block lacks weighs nothing.
struct Block {
    x: [f32; BLOCK],
    w: [f32; BLOCK],
    len: usize,
    peak: f32,
}

/// A scale, relative to the largest weight, with the nearest codewords.
struct Fitted {
    scale: f32,
    words: [u16; BLOCK / GROUP],
    error: f32,
    /// The scale that suits these codewords best.
    better: f32,
}

impl Block {
    fn new(weights: &[f32], importance: Option<&[f32]>, peak: f32) -> Self {
        let total: f64 = importance.unwrap_or_default().iter().map(|&w| f64::from(w)).sum();
        let mut block = Self { x: [0.0; BLOCK], w: [0.0; BLOCK], len: weights.len(), peak };
        for (i, weight) in weights.iter().enumerate() {
            block.x[i] = weight / peak;
            // Relative to the mean; all alike where nothing is important.
            let share = importance.filter(|_| total > 0.0).map(|all| f64::from(all[i]) / total);
            block.w[i] = share.map_or(1.0, |share| (share * weights.len() as f64) as f32);
        }
        block
    }

    fn closed_form(&self) -> f32 {
        let energy: f32 = self.x.iter().map(|x| x * x).sum();
        (energy / self.len as f32).sqrt() / CLOSED_FORM
    }

    fn search(&self) -> Fitted {
        let first = self.closed_form();
        let better = |a: Fitted, b: Fitted| if b.error < a.error { b } else { a };
        let tried = TRIES[1..].iter().map(|factor| self.at(first * factor));
        let best = tried.fold(self.at(first * TRIES[0]), better);
        (0..REFINEMENTS).fold(best, |best, _| {
            let again = self.at(best.better);
            better(best, again)
        })
    }

    /// The nearest codewords at a scale, after its rounding to F16.
    fn at(&self, scale: f32) -> Fitted {
        let scale = write_f16(&mut [0; 2], scale * self.peak) / self.peak;
        let mut fitted = Fitted { scale, words: [0; BLOCK / GROUP], error: 0.0, better: scale };
        let (mut gain, mut energy) = (0.0, 0.0);
        let groups = self.x.as_chunks().0.iter().zip(self.w.as_chunks().0).take(self.len / GROUP);
        for ((x, w), word) in groups.zip(&mut fitted.words) {
            *word = nearest(&x.map(|x| x * inverse(scale)), w);
            for ((q, x), w) in quarters(*word).map(f32::from).iter().zip(x).zip(w) {
                fitted.error += w * (x - scale * q).powi(2);
                gain += w * x * q;
                energy += w * q * q;
            }
        }
        if gain > 0.0 {
            fitted.better = gain / energy;
        }
        fitted
    }
}

/// The codeword of the point nearest to `x`, in quarters.
fn nearest(x: &[f32; GROUP], w: &[f32; GROUP]) -> u16 {
    let [(up, plus), (down, minus)] = [1.0, -1.0].map(|shift| {
        let unshifted = x.map(|x| (x - shift) * 0.5);
        let (word, error) = nearest_unshifted(&unshifted, w);
        // What the error lacks is the energy of the target, which the shift changes.
        (word, error + unshifted.iter().zip(w).map(|(x, w)| w * x * x).sum::<f32>())
    });
    if minus < plus { down | 1 << 15 } else { up }
}

/// The pattern and signs nearest to `x`, in halves, and the squared error beyond that of zeros.
fn nearest_unshifted(x: &[f32; GROUP], w: &[f32; GROUP]) -> (u16, f32) {
    let part = Part::new(&BOOK, x, w);
    let signs = x.iter().enumerate().fold(0_u8, |signs, (i, x)| signs | u8::from(*x < 0.0) << i);
    let odd = signs.count_ones() % 2 == 1;
    let mut best = (0, f32::MAX);
    for (entry, entry_odd) in ODD.iter().enumerate() {
        let error = part.error(entry, odd != *entry_odd);
        if error < best.1 {
            best = (entry, error);
        }
    }
    let flip = if odd == ODD[best.0] { 0 } else { 1 << BOOK.cheapest_flip(best.0, x, w) };
    (best.0 as u16 | u16::from((signs ^ flip) & 127) << 8, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::gaussian_like;

    #[test]
    fn no_codeword_is_nearer() {
        for seed in 0..12 {
            let x: [f32; GROUP] = gaussian_like(seed, GROUP).try_into().unwrap();
            let x = x.map(|x| x * 5.0);
            let w: [f32; GROUP] = gaussian_like(seed + 50, GROUP).try_into().unwrap();
            let w = w.map(|w| w * w);
            let error = |word| -> f32 {
                let point = quarters(word).map(f32::from);
                point.iter().zip(x).zip(w).map(|((q, x), w)| w * (x - q).powi(2)).sum()
            };
            let best = (0..=u16::MAX).map(error).fold(f32::MAX, f32::min);
            assert!((error(nearest(&x, &w)) / best - 1.0).abs() < 1e-4);
        }
    }
}
