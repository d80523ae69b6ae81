//! The program that made the tables: `cargo test --release -p quant-core train_tables -- --ignored --nocapture`.
//!
//! From random tables it codes normal numbers and moves each entry to where the numbers that used it want it
//! (Lloyd 1982), again and again, and keeps the best of many starts. Then the tables become integers: the best of some
//! ways to fit them into the range, and single steps from there as long as they help.

use super::viterbi::{Ends, LANES, Lanes, Target, Viterbi};
use super::{T1, T2, T2L8, T2L12, T3, T3L10, T3L12, T4, T4L12, Trellis};
use crate::parallel::for_each_row;
use crate::testing::normal;

/// First halves of the tables, as real numbers.
type Halves = Vec<[f64; 8]>;

/// Rows of normal numbers that an early and a late iteration sees, and that tables are judged by.
const ROWS: [usize; 3] = [512, 2048, 8192];

/// Normal numbers to draw from. The first million belongs to tests.
struct Source(Vec<f32>);

impl Source {
    fn new() -> Self {
        Self(normal(1 << 23).split_off(1 << 20))
    }

    fn judges(&self) -> &[f32] {
        &self.0[..ROWS[2] * LANES]
    }

    fn draw(&self, seed: usize, count: usize) -> &[f32] {
        let rest = &self.0[ROWS[2] * LANES..];
        let start = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        &rest[start as usize % (rest.len() - count)..][..count]
    }
}

/// The windows of the best path for sequences of unit variance.
fn paths<T: Trellis>(values: Vec<f32>, numbers: &[f32]) -> Vec<Lanes<u16>> {
    let targets = numbers.as_chunks().0.iter().map(|x| Target::new(*x, [1.0; LANES])).collect::<Vec<_>>();
    let mut windows = vec![[0; LANES]; targets.len()];
    Viterbi::<T>::with_values(values).run(&targets, Ends::default(), &mut windows);
    windows
}

/// Which half-table entry a window reads from a table, and with what sign.
fn entry<T: Trellis>(table: usize, window: usize) -> (usize, f64) {
    match window >> T::TABLES[table].shift & 15 {
        n @ 0..8 => (n, 1.0),
        n => (15 - n, -1.0),
    }
}

fn values<T: Trellis>(halves: &Halves) -> Vec<f64> {
    let value = |window| {
        let terms = halves.iter().enumerate().map(|(table, half)| {
            let (n, sign) = entry::<T>(table, window);
            sign * half[n]
        });
        terms.sum()
    };
    (0..1 << T::WINDOW).map(value).collect()
}

fn floats(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// How often each window was used, and the sum of the numbers that it stood for.
fn usage<T: Trellis>(values: &[f64], numbers: &[f32]) -> Vec<(f64, f64)> {
    let mut usage = vec![(0.0, 0.0); values.len()];
    let windows = paths::<T>(floats(values), numbers);
    for (window, x) in windows.as_flattened().iter().zip(numbers) {
        let (count, sum) = &mut usage[usize::from(*window)];
        (*count, *sum) = (*count + 1.0, *sum + f64::from(*x));
    }
    usage
}

/// The halves of least squared error for this usage, table by table (Gauss-Seidel).
fn refit<T: Trellis>(halves: &mut Halves, usage: &[(f64, f64)]) {
    for _ in 0..20 {
        for table in 0..halves.len() {
            let (mut miss, mut weight) = ([0.0; 8], [1e-3; 8]);
            for (window, (value, (count, sum))) in values::<T>(halves).iter().zip(usage).enumerate() {
                let (n, sign) = entry::<T>(table, window);
                miss[n] += sign * (sum - count * value);
                weight[n] += count;
            }
            (0..8).for_each(|n| halves[table][n] += miss[n] / weight[n]);
        }
    }
}

/// Mean squared error at the best gain, and that gain.
fn judge<T: Trellis>(values: &[f64], source: &Source) -> (f64, f64) {
    let numbers = source.judges();
    let windows = paths::<T>(floats(values), numbers);
    let (mut xx, mut xv, mut vv) = (0.0, 0.0, 0.0);
    for (window, x) in windows.as_flattened().iter().zip(numbers) {
        let (x, v) = (f64::from(*x), values[usize::from(*window)]);
        (xx, xv, vv) = (xx + x * x, xv + x * v, vv + v * v);
    }
    ((xx - xv * xv / vv) / numbers.len() as f64, xv / vv)
}

/// Random real tables.
fn start<T: Trellis>(seed: usize, source: &Source) -> Halves {
    let spread = 1.0 / (T::TABLES.len() as f64).sqrt();
    let random = source.draw(seed, 8 * T::TABLES.len()).as_chunks::<8>().0;
    random.iter().map(|half| half.map(|x| spread * f64::from(x))).collect()
}

/// Moves entries to where the numbers that use them are, `iterations` times.
fn lloyd<T: Trellis>(halves: &mut Halves, seed: usize, iterations: usize, rows: usize, source: &Source) {
    for iteration in 0..iterations {
        let numbers = source.draw((seed << 16) | (rows + iteration), rows * LANES);
        let usage = usage::<T>(&values::<T>(halves), numbers);
        refit::<T>(halves, &usage);
    }
}

/// Many starts, of which fewer and fewer go on, with more and more numbers.
fn tables<T: Trellis>(starts: usize, source: &Source) -> Vec<(f64, Halves)> {
    let mut all: Vec<_> = (0..starts).map(|seed| (f64::INFINITY, start::<T>(seed, source))).collect();
    for (kept, iterations, rows) in [(starts, 25, ROWS[0]), (starts / 8, 40, ROWS[0]), (6, 60, ROWS[1])] {
        all.truncate(kept);
        for_each_row(&mut all, 1, |seed, one| {
            let (mse, halves) = &mut one[0];
            lloyd::<T>(halves, seed, iterations, rows, source);
            *mse = judge::<T>(&values::<T>(halves), source).0;
        });
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

/// Tables of integers: tops and halves, and the value of a step.
struct Integers {
    tops: Vec<i32>,
    halves: Vec<[i32; 8]>,
    unit: f64,
    mse: f64,
}

/// Rounds tables so that the largest sum is `limit`, the outermost `clip` of the range being all there is room for.
fn round<T: Trellis>(real: &Halves, limit: i32, clip: f64, source: &Source) -> Integers {
    let reach: Vec<f64> =
        real.iter().map(|half| clip * half.iter().fold(0.0_f64, |m, v| m.max(v.abs()))).collect();
    let unit = 2.0 * reach.iter().sum::<f64>() / f64::from(limit);
    let mut tops: Vec<i32> = reach.iter().map(|r| (2.0 * r / unit).round() as i32).collect();
    let excess = tops.iter().sum::<i32>() - limit;
    let widest = (0..tops.len()).max_by_key(|i| tops[*i]).expect("there are tables");
    tops[widest] -= excess;
    let halves: Vec<[i32; 8]> = real
        .iter()
        .zip(&tops)
        .map(|(half, &top)| half.map(|v| ((v / unit + f64::from(top) / 2.0).round() as i32).clamp(0, top)))
        .collect();
    let mut rounded = Integers { tops, halves, unit, mse: 0.0 };
    rounded.judge::<T>(source);
    rounded
}

impl Integers {
    fn judge<T: Trellis>(&mut self, source: &Source) {
        let real =
            |(half, top): (&[i32; 8], &i32)| half.map(|n| self.unit * (f64::from(n) - f64::from(*top) / 2.0));
        let halves: Halves = self.halves.iter().zip(&self.tops).map(real).collect();
        let (mse, gain) = judge::<T>(&values::<T>(&halves), source);
        (self.mse, self.unit) = (mse, self.unit * gain);
    }
}

impl Integers {
    /// Tries every entry one lower and one higher, as long as that helps.
    fn improve<T: Trellis>(&mut self, source: &Source) {
        let places = || (0..self.halves.len()).flat_map(|table| (0..8).map(move |n| (table, n)));
        let places: Vec<_> = places().flat_map(|(table, n)| [(table, n, -1), (table, n, 1)]).collect();
        loop {
            let before = self.mse;
            for &(table, n, by) in &places {
                let mut other = Self { halves: self.halves.clone(), tops: self.tops.clone(), ..*self };
                other.halves[table][n] += by;
                if (0..=self.tops[table]).contains(&other.halves[table][n]) {
                    other.judge::<T>(source);
                    if other.mse < self.mse {
                        *self = other;
                    }
                }
            }
            if self.mse > 0.9995 * before {
                return;
            }
        }
    }
}

fn train<T: Trellis>(starts: usize, limit: i32, source: &Source) {
    let real = tables::<T>(starts, source);
    let clips = [1.0, 0.97, 0.94, 0.91, 0.88, 0.85];
    let rounded =
        real.iter().take(3).flat_map(|(_, real)| clips.map(|clip| round::<T>(real, limit, clip, source)));
    let mut best = rounded.min_by(|a, b| a.mse.total_cmp(&b.mse)).expect("some");
    let first = best.mse;
    best.improve::<T>(source);
    println!("{}: real tables {:.5}, integers {first:.5}, improved {:.5}", T::ID, real[0].0, best.mse);
    println!("    const UNIT: f32 = {:.5};", best.unit);
    for ((table, top), half) in T::TABLES.iter().zip(&best.tops).zip(&best.halves) {
        println!("        Table::mirrored({}, {top}, {half:?}),", table.shift);
    }
}

#[test]
#[ignore = "takes minutes; run it to make tables"]
fn train_tables() {
    let source = Source::new();
    train::<T1>(1024, 31, &source);
    train::<T2>(1024, 31, &source);
    train::<T2L8>(1024, 31, &source);
    train::<T3>(1024, 63, &source);
    train::<T4>(1024, 63, &source);
    train::<T3L10>(1024, 63, &source);
    train::<T2L12>(1024, 31, &source);
    train::<T3L12>(128, 127, &source);
    train::<T4L12>(256, 127, &source);
}

/// Retraining from nothing gets near the committed tables, so these are what the program makes.
#[test]
fn training_converges() {
    let source = Source::new();
    let mut halves = start::<T2>(0, &source);
    lloyd::<T2>(&mut halves, 0, 30, ROWS[0], &source);
    let found = judge::<T2>(&values::<T2>(&halves), &source).0;
    let committed: Vec<f64> = (0..16).map(|window| f64::from(T2::value(window) * T2::UNIT)).collect();
    let (mse, gain) = judge::<T2>(&committed, &source);
    assert!(mse < 0.09 && (gain - 1.0).abs() < 0.01 && found < 1.15 * mse, "{mse} {gain} {found}");
}
