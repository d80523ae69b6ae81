//! The path of least squared error through the trellis (Viterbi 1967), for many sequences at once.
//!
//! The state at row i is the window of row i. Windows of neighbouring rows share L − k bits, the *junction*, so all
//! that must be remembered of the rows before i is the least error for each junction. Every lane is a sequence of its
//! own and a state is a vector over lanes, so the inner loop is plain arithmetic on arrays; there is no fused
//! multiplication, so that all instruction sets choose the same path.

use super::Trellis;
use crate::isa::{Isa, Kernel, dispatch};
use std::marker::PhantomData;

/// Sequences that are coded together.
pub(super) const LANES: usize = 16;

/// A number for each sequence.
pub(super) type Lanes<V> = [V; LANES];

/// What one row of each sequence should become: the target, and the weight of its squared error.
#[derive(Clone, Copy)]
pub(super) struct Target {
    root: Lanes<f32>,
    scaled: Lanes<f32>,
}

impl Target {
    /// `importance · (value − target)²` is the error of a value.
    #[inline(always)]
    pub(super) fn new(targets: Lanes<f32>, importance: Lanes<f32>) -> Self {
        let root = importance.map(f32::sqrt);
        Self { root, scaled: std::array::from_fn(|lane| targets[lane] * root[lane]) }
    }
}

/// Junctions that a path is to begin or end with; free where `None`.
#[derive(Clone, Copy, Default)]
pub(super) struct Ends<'a> {
    pub(super) start: Option<&'a Lanes<u16>>,
    pub(super) end: Option<&'a Lanes<u16>>,
}

/// Finds paths. Keeps its buffers from one run to the next.
pub(super) struct Viterbi<T> {
    /// The value of each window.
    values: Vec<f32>,
    /// Least error for each junction, before and after a row.
    errors: [Vec<Lanes<f32>>; 2],
    /// For each row and junction behind it the code that led there, [`PER_WORD`](Viterbi::PER_WORD) to a word.
    back: Vec<Lanes<u32>>,
    code: PhantomData<T>,
}

impl<T: Trellis> Viterbi<T> {
    const BRANCHES: usize = 1 << T::BITS;
    const JUNCTIONS: usize = 1 << (T::WINDOW - T::BITS);
    /// Bits of a code in `back`.
    const FIELD: usize = T::BITS.next_power_of_two();
    const PER_WORD: usize = 32 / Self::FIELD;
    /// Words for each row in `back`.
    const WORDS: usize = Self::JUNCTIONS.div_ceil(Self::PER_WORD);

    /// For the values of `T`.
    pub(super) fn new() -> Self {
        Self::with_values((0..1 << T::WINDOW).map(T::value).collect())
    }

    /// For other values of the windows.
    pub(super) fn with_values(values: Vec<f32>) -> Self {
        assert_eq!(values.len(), Self::JUNCTIONS * Self::BRANCHES);
        let errors = || vec![[0.0; LANES]; Self::JUNCTIONS];
        Self { values, errors: [errors(), errors()], back: Vec::new(), code: PhantomData }
    }

    /// What a window took from the row before it.
    pub(super) fn junction_before(window: u16) -> u16 {
        window & (Self::JUNCTIONS - 1) as u16
    }

    /// Writes the windows of the best path.
    pub(super) fn run(&mut self, targets: &[Target], ends: Ends<'_>, windows: &mut [Lanes<u16>]) {
        assert_eq!(targets.len(), windows.len());
        let words = Self::WORDS * targets.len();
        if self.back.len() < words {
            self.back.resize(words, [0; LANES]);
        }
        self.begin(ends.start);
        dispatch(Forward { viterbi: self, targets });
        for lane in 0..LANES {
            let end = match ends.end {
                Some(junctions) => usize::from(junctions[lane]),
                None => self.best_end(lane),
            };
            self.trace(lane, end, windows);
        }
    }

    fn begin(&mut self, start: Option<&Lanes<u16>>) {
        let errors = &mut self.errors[0];
        errors.fill([if start.is_some() { f32::INFINITY } else { 0.0 }; LANES]);
        for (lane, &junction) in start.into_iter().flatten().enumerate() {
            errors[usize::from(junction)][lane] = 0.0;
        }
    }

    fn best_end(&self, lane: usize) -> usize {
        let error = |junction: &usize| self.errors[0][*junction][lane];
        (0..Self::JUNCTIONS).min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or(0)
    }

    /// Follows the codes back from the junction at the end.
    fn trace(&self, lane: usize, end: usize, windows: &mut [Lanes<u16>]) {
        let mut junction = end;
        for (row, windows) in windows.iter_mut().enumerate().rev() {
            let word = self.back[row * Self::WORDS + junction / Self::PER_WORD][lane];
            let code = word >> (junction % Self::PER_WORD * Self::FIELD) & (Self::BRANCHES as u32 - 1);
            windows[lane] = (junction << T::BITS) as u16 | code as u16;
            junction = usize::from(Self::junction_before(windows[lane]));
        }
    }
}

/// The pass from the first row to the last: fills `back`, leaves the errors at the end in `errors[0]`.
struct Forward<'a, T> {
    viterbi: &'a mut Viterbi<T>,
    targets: &'a [Target],
}

impl<T: Trellis> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Viterbi { values, errors: [before, after], back, .. } = self.viterbi;
        for (target, back) in self.targets.iter().zip(back.chunks_exact_mut(Viterbi::<T>::WORDS)) {
            step::<T>(values, target, before, after, back);
            std::mem::swap(before, after);
        }
    }
}

/// One row: for each junction behind it the best of the windows that end in it.
#[inline(always)]
fn step<T: Trellis>(
    values: &[f32],
    target: &Target,
    before: &[Lanes<f32>],
    after: &mut [Lanes<f32>],
    back: &mut [Lanes<u32>],
) {
    let (branches, junctions) = (Viterbi::<T>::BRANCHES, Viterbi::<T>::JUNCTIONS);
    let (before, values) = (&before[..junctions], &values[..junctions * branches]);
    for (word, back) in back.iter_mut().enumerate() {
        let first = word * Viterbi::<T>::PER_WORD;
        let mut codes = [0_u32; LANES];
        for place in 0..Viterbi::<T>::PER_WORD.min(junctions) {
            let junction = first + place;
            let (mut least, mut best) = ([f32::INFINITY; LANES], [0_u32; LANES]);
            for code in 0..branches {
                let window = junction * branches + code;
                let (value, before) = (values[window], &before[window % junctions]);
                for lane in 0..LANES {
                    let miss = target.scaled[lane] - target.root[lane] * value;
                    let error = before[lane] + miss * miss;
                    let better = error < least[lane];
                    least[lane] = if better { error } else { least[lane] };
                    best[lane] = if better { code as u32 } else { best[lane] };
                }
            }
            after[junction] = least;
            for lane in 0..LANES {
                codes[lane] |= best[lane] << (place * Viterbi::<T>::FIELD);
            }
        }
        *back = codes;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{T2L8, T3L10};
    use super::*;
    use crate::isa::Level;
    use crate::testing::{normal, test_everywhere};

    fn all_sets_agree<T: Trellis>() {
        let numbers = normal(200 * LANES).into_iter().map(|x| x / T::UNIT).collect::<Vec<_>>();
        let importance = std::array::from_fn(|lane| 0.1 + lane as f32);
        let rows = numbers.as_chunks().0.iter();
        let targets: Vec<_> = rows.map(|x: &Lanes<f32>| Target::new(*x, importance)).collect();
        let found = Level::available().into_iter().map(|level| {
            let mut viterbi = Viterbi::<T>::new();
            viterbi.back = vec![[0; LANES]; targets.len() * Viterbi::<T>::WORDS];
            viterbi.begin(None);
            level.eval(Forward { viterbi: &mut viterbi, targets: &targets });
            (viterbi.back, viterbi.errors[0].clone())
        });
        let found: Vec<_> = found.collect();
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    }

    /// The same file, whatever machine made it.
    #[test_everywhere]
    fn instruction_sets_make_the_same_choices() {
        all_sets_agree::<T2L8>();
        all_sets_agree::<T3L10>();
    }
}
