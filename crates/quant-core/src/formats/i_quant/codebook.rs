//! The nearest entry of a codebook for any scale, with the signs that can be stored.
//!
//! Eight weights have seven bits of signs, so the number of minus signs is even. Where the weights' own number is odd,
//! one of them gets the wrong sign. Which one is part of the search: it is exact, not a repair before it.

/// A codebook turned on its side: value `j` of all entries lies together, so that entries are compared in vectors.
pub(crate) struct Codebook<const DIM: usize, const LEN: usize> {
    values: [[f32; LEN]; DIM],
}

impl<const DIM: usize, const LEN: usize> Codebook<DIM, LEN> {
    pub(crate) const fn new(entries: &[[i8; DIM]; LEN]) -> Self {
        let mut values = [[0.0; LEN]; DIM];
        let mut at = 0;
        while at < LEN * DIM {
            values[at % DIM][at / DIM] = entries[at / DIM][at % DIM] as f32;
            at += 1;
        }
        Self { values }
    }

    /// The weight whose wrong sign costs least.
    pub(crate) fn cheapest_flip(&self, entry: usize, x: &[f32; DIM], w: &[f32; DIM]) -> usize {
        let cost = |i: usize| w[i] * x[i].abs() * self.values[i][entry];
        (0..DIM).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0)
    }

    /// The largest value.
    pub(super) fn top(&self) -> f32 {
        self.values.iter().flatten().fold(0.0, |top, &value| top.max(value))
    }
}

/// What an entry is worth: at step s it takes 2·s·gain − s²·energy off the squared error of all zeros.
#[derive(Clone, Copy, Default)]
pub(super) struct Worth {
    pub(super) gain: f32,
    pub(super) energy: f32,
}

impl Worth {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { gain: self.gain + other.gain, energy: self.energy + other.energy }
    }
}

/// The worth of each entry for `DIM` weights, with their own signs and with one sign wrong where that costs least.
pub(crate) struct Part<const LEN: usize> {
    energy: [f32; LEN],
    gain: [f32; LEN],
    flipped_gain: [f32; LEN],
}

impl<const LEN: usize> Part<LEN> {
    pub(crate) fn new<const DIM: usize>(book: &Codebook<DIM, LEN>, x: &[f32; DIM], w: &[f32; DIM]) -> Self {
        let mut part = Self { energy: [0.0; LEN], gain: [0.0; LEN], flipped_gain: [f32::MAX; LEN] };
        for ((values, x), w) in book.values.iter().zip(x).zip(w) {
            let pull = w * x.abs();
            for (e, value) in values.iter().enumerate() {
                let gain = pull * value;
                part.energy[e] += w * value * value;
                part.gain[e] += gain;
                part.flipped_gain[e] = if gain < part.flipped_gain[e] { gain } else { part.flipped_gain[e] };
            }
        }
        for (flipped, gain) in part.flipped_gain.iter_mut().zip(&part.gain) {
            *flipped = gain - 2.0 * *flipped;
        }
        part
    }

    /// The squared error of an entry at step 1, beyond that of all zeros.
    #[inline]
    pub(crate) fn error(&self, entry: usize, flip: bool) -> f32 {
        self.energy[entry] - 2.0 * self.gains(flip)[entry]
    }

    #[inline]
    fn gains(&self, flip: bool) -> &[f32; LEN] {
        if flip { &self.flipped_gain } else { &self.gain }
    }

    /// The least squared error among all entries, over `step` and beyond that of all zeros.
    #[inline]
    fn least(&self, flip: bool, step: f32) -> f32 {
        const LANES: usize = 16;
        let mut least = [f32::MAX; LANES];
        let entries = self.energy.as_chunks::<LANES>().0.iter().zip(self.gains(flip).as_chunks::<LANES>().0);
        for (energy, gain) in entries {
            for lane in 0..LANES {
                let error = step * energy[lane] - 2.0 * gain[lane];
                least[lane] = if error < least[lane] { error } else { least[lane] };
            }
        }
        least.into_iter().fold(f32::MAX, f32::min)
    }

    /// The first entry that has [`Self::least`].
    fn nearest(&self, flip: bool, step: f32) -> usize {
        let least = self.least(flip, step);
        let mut entries = self.energy.iter().zip(self.gains(flip));
        entries.position(|(energy, gain)| step * energy - 2.0 * gain == least).unwrap_or(0)
    }
}

/// Eight weights, as one entry of eight values or two entries of four.
pub(super) struct Group<'a, const DIM: usize, const LEN: usize> {
    book: &'a Codebook<DIM, LEN>,
    x: &'a [[f32; DIM]],
    w: &'a [[f32; DIM]],
    parts: Vec<Part<LEN>>,
    /// The weights' own signs, the first weight's lowest.
    signs: u8,
}

/// Entries and signs for a group; a group of one entry leaves the second at 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Choice {
    pub(super) entries: [u16; 2],
    /// Even in number.
    pub(super) signs: u8,
    pub(super) worth: Worth,
}

impl<'a, const DIM: usize, const LEN: usize> Group<'a, DIM, LEN> {
    pub(super) fn new(book: &'a Codebook<DIM, LEN>, x: &'a [f32], w: &'a [f32]) -> Self {
        let signs = x.iter().enumerate().fold(0, |signs, (i, x)| signs | u8::from(*x < 0.0) << i);
        let (x, w) = (x.as_chunks().0, w.as_chunks().0);
        let parts = x.iter().zip(w).map(|(x, w)| Part::new(book, x, w)).collect();
        Self { book, x, w, parts, signs }
    }

    /// The part that gets a wrong sign, if one must: all that are possible.
    fn flips(&self) -> impl Iterator<Item = Option<usize>> + use<DIM, LEN> {
        let odd = !self.signs.count_ones().is_multiple_of(2);
        let parts = if odd { 0..self.parts.len() } else { 0..1 };
        parts.map(move |part| odd.then_some(part))
    }

    /// The least squared error with that wrong sign, over `step` and beyond that of all zeros.
    fn least_with(&self, flip: Option<usize>, step: f32) -> f32 {
        self.parts.iter().enumerate().map(|(at, part)| part.least(flip == Some(at), step)).sum()
    }

    /// The least squared error, over `step` and beyond that of all zeros.
    pub(super) fn least(&self, step: f32) -> f32 {
        self.flips().map(|flip| self.least_with(flip, step)).fold(f32::MAX, f32::min)
    }

    /// The entries and signs of least error.
    pub(super) fn nearest(&self, step: f32) -> Choice {
        let better = |a: &Option<usize>, b: &Option<usize>| {
            self.least_with(*a, step).total_cmp(&self.least_with(*b, step))
        };
        let flip = self.flips().min_by(better).flatten();
        let mut choice = Choice { signs: self.signs, ..Choice::default() };
        for (at, part) in self.parts.iter().enumerate() {
            let entry = part.nearest(flip == Some(at), step);
            choice.entries[at] = entry as u16;
            let gain = part.gains(flip == Some(at))[entry];
            choice.worth = choice.worth.plus(Worth { gain, energy: part.energy[entry] });
            if flip == Some(at) {
                choice.signs ^= 1 << (at * DIM + self.book.cheapest_flip(entry, &self.x[at], &self.w[at]));
            }
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid;
    use super::*;
    use domain_types::testing::gaussian_like;

    static BOOK: Codebook<4, 256> = Codebook::new(&grid::IQ3_XXS);

    fn error(x: &[f32], w: &[f32], step: f32, choice: &Choice) -> f32 {
        let values = choice.entries.iter().flat_map(|e| grid::IQ3_XXS[usize::from(*e)]);
        let terms = values.zip(x).zip(w).enumerate().map(|(i, ((value, x), w))| {
            let sign = if choice.signs >> i & 1 == 1 { -1.0 } else { 1.0 };
            w * (x - step * sign * f32::from(value)).powi(2)
        });
        terms.sum()
    }

    /// Against all 256 entries with all eight patterns of signs, half by half.
    #[test]
    fn no_choice_is_better() {
        for seed in 0..20 {
            let x = gaussian_like(seed, 8);
            let w: Vec<f32> = gaussian_like(seed + 100, 8).iter().map(|g| g * g).collect();
            let choice = Group::new(&BOOK, &x, &w).nearest(0.05);
            assert_eq!(choice.signs.count_ones() % 2, 0);
            let half = |at: usize, odd: u32| {
                let all = (0..256).flat_map(|e| (0..16_u8).map(move |signs| (e, signs)));
                let allowed = all.filter(|(_, signs)| signs.count_ones() % 2 == odd);
                let part = at..at + 4;
                allowed
                    .map(|(e, signs)| {
                        let choice = Choice { entries: [e, 0], signs, worth: Worth::default() };
                        error(&x[part.clone()], &w[part.clone()], 0.05, &choice)
                    })
                    .fold(f32::MAX, f32::min)
            };
            let best = (half(0, 0) + half(4, 0)).min(half(0, 1) + half(4, 1));
            assert!((error(&x, &w, 0.05, &choice) / best - 1.0).abs() < 1e-4);
        }
    }
}
