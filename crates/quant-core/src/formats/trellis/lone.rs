//! A column coded alone, as rounding with feedback needs it: one sequence, its states in the lanes of vectors.
//!
//! The pass runs from the last row to the first: the windows before which a junction lies are then neighbours for
//! neighbouring junctions, so that a vector of junctions takes plain loads. It is as fast as [`viterbi`](super::viterbi)
//! with all of its lanes in use, and there is no fused multiplication here either.

use super::Trellis;
use super::encode::{AROUND, STRETCH, code_of};
use crate::isa::{Isa, Kernel, dispatch};
use std::marker::PhantomData;
use std::ops::Range;

/// Junctions in a vector.
const LANES: usize = 16;

/// Codes columns one by one. Keeps its buffers from one to the next.
pub(super) struct LoneEncoder<T> {
    /// The value of each window, then zeros to read over.
    values: Vec<f32>,
    /// Least error for each junction, behind and before a row; padded.
    errors: [Vec<f32>; 2],
    /// For each row and junction before it the bits by which the best window goes on.
    next: Vec<u8>,
    targets: Vec<Target>,
    windows: Vec<u16>,
    code: PhantomData<T>,
}

/// `(scaled − root·value)²` is the error of a value.
#[derive(Clone, Copy)]
struct Target {
    scaled: f32,
    root: f32,
}

/// Junctions that a path is to begin and end with; free where `None`.
type Ends = Option<(u16, u16)>;

impl<T: Trellis> LoneEncoder<T> {
    const BRANCHES: usize = 1 << T::BITS;
    const JUNCTIONS: usize = 1 << (T::WINDOW - T::BITS);
    /// Junctions in whole vectors.
    const PADDED: usize = Self::JUNCTIONS.next_multiple_of(LANES);

    pub(super) fn new() -> Self {
        let mut values: Vec<f32> = (0..1 << T::WINDOW).map(T::value).collect();
        values.resize(values.len() + LANES, 0.0);
        let errors = || vec![0.0; Self::PADDED + LANES];
        Self {
            values,
            errors: [errors(), errors()],
            next: Vec::new(),
            targets: Vec::new(),
            windows: Vec::new(),
            code: PhantomData,
        }
    }

    /// Codes a column: `codes` and `values` (in steps) of each row for targets in steps. `importance` weighs the squared
    /// error of each row.
    pub(super) fn column(
        &mut self,
        targets: &[f32],
        importance: &[f32],
        codes: &mut [u8],
        values: &mut [f32],
    ) {
        let rows = targets.len();
        let target = |row: usize| {
            let (target, importance) = (targets[row % rows], importance[row % rows]);
            Target { scaled: target * importance.sqrt(), root: importance.sqrt() }
        };
        let stretches = rows.div_ceil(STRETCH);
        let first = self.junction_at(0, rows, target);
        let mut start = first;
        for index in 0..stretches {
            let stretch = rows * index / stretches..rows * (index + 1) / stretches;
            let end = if stretch.end == rows { first } else { self.junction_at(stretch.end, rows, target) };
            self.run(stretch.clone(), target, Some((start, end)));
            let places = codes[stretch.clone()].iter_mut().zip(&mut values[stretch]);
            for ((code, value), window) in places.zip(&self.windows) {
                (*code, *value) = (code_of::<T>(*window), self.values[usize::from(*window)]);
            }
            start = end;
        }
    }

    /// The junction before row `cut` of a path that is free at some distance on both sides.
    fn junction_at(&mut self, cut: usize, rows: usize, target: impl Fn(usize) -> Target) -> u16 {
        let cut = cut + AROUND.next_multiple_of(rows);
        self.run(cut - AROUND..cut + AROUND, target, None);
        self.windows[AROUND] & (Self::JUNCTIONS - 1) as u16
    }

    /// Finds the windows of the best path.
    fn run(&mut self, rows: Range<usize>, target: impl Fn(usize) -> Target, ends: Ends) {
        self.targets.clear();
        self.targets.extend(rows.map(target));
        let words = self.targets.len() * Self::PADDED;
        if self.next.len() < words {
            self.next.resize(words, 0);
        }
        let behind = &mut self.errors[0];
        behind.fill(if ends.is_some() { f32::INFINITY } else { 0.0 });
        if let Some((_, end)) = ends {
            behind[usize::from(end)] = 0.0;
        }
        dispatch(Backward { encoder: self });
        let best = || {
            let errors = &self.errors[0];
            (0..Self::JUNCTIONS).min_by(|a, b| errors[*a].total_cmp(&errors[*b])).unwrap_or(0)
        };
        let mut junction = ends.map_or_else(best, |(start, _)| usize::from(start));
        self.windows.clear();
        for next in self.next.chunks_exact(Self::PADDED).take(self.targets.len()) {
            let window = junction + usize::from(next[junction]) * Self::JUNCTIONS;
            self.windows.push(window as u16);
            junction = window >> T::BITS;
        }
    }
}

/// The pass from the last row to the first: fills `next`, leaves the errors at the start in `errors[0]`.
struct Backward<'a, T> {
    encoder: &'a mut LoneEncoder<T>,
}

impl<T: Trellis> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let LoneEncoder { values, errors: [behind, before], next, targets, .. } = self.encoder;
        let next = next.chunks_exact_mut(LoneEncoder::<T>::PADDED).take(targets.len());
        for (target, next) in targets.iter().zip(next).rev() {
            step::<T>(values, *target, behind, before, next);
            std::mem::swap(behind, before);
        }
    }
}

/// One row: for each junction before it the best of the windows that begin with it. Lanes above the last junction hold
/// nothing of meaning.
#[inline(always)]
fn step<T: Trellis>(values: &[f32], target: Target, behind: &[f32], before: &mut [f32], next: &mut [u8]) {
    let (branches, junctions) = (LoneEncoder::<T>::BRANCHES, LoneEncoder::<T>::JUNCTIONS);
    let places = before.as_chunks_mut::<LANES>().0.iter_mut().zip(next.as_chunks_mut::<LANES>().0);
    for (vector, (before, next)) in places.enumerate() {
        let (mut least, mut best) = ([f32::INFINITY; LANES], [0_u32; LANES]);
        for branch in 0..branches {
            let window = vector * LANES + branch * junctions;
            let values: &[f32; LANES] = values[window..].first_chunk().expect("padded");
            let behind: &[f32; LANES] = behind[window >> T::BITS..].first_chunk().expect("padded");
            for lane in 0..LANES {
                let miss = target.scaled - target.root * values[lane];
                let error = behind[lane >> T::BITS] + miss * miss;
                let better = error < least[lane];
                least[lane] = if better { error } else { least[lane] };
                best[lane] = if better { branch as u32 } else { best[lane] };
            }
        }
        *before = least;
        *next = best.map(|branch| branch as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{T2, T2L8, T3L10};
    use super::*;
    use crate::isa::Level;
    use crate::testing::{normal, test_everywhere};

    fn all_sets_agree<T: Trellis>() {
        let numbers = normal(200);
        let found = Level::available().into_iter().map(|level| {
            let mut encoder = LoneEncoder::<T>::new();
            let target = |(row, x): (usize, &f32)| Target { scaled: x / T::UNIT, root: 0.1 + row as f32 };
            encoder.targets = numbers.iter().enumerate().map(target).collect();
            encoder.next = vec![0; numbers.len() * LoneEncoder::<T>::PADDED];
            level.eval(Backward { encoder: &mut encoder });
            (encoder.next, encoder.errors[0].clone())
        });
        let found: Vec<_> = found.collect();
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    }

    /// The same file, whatever machine made it.
    #[test_everywhere]
    fn instruction_sets_make_the_same_choices() {
        all_sets_agree::<T2>();
        all_sets_agree::<T2L8>();
        all_sets_agree::<T3L10>();
    }
}
