//! The scale of least squared error, exactly.
//!
//! For a fixed assignment of codes the best scale is s = Σmwq / Σmq² and it removes (Σmwq)² / Σmq² from the squared
//! error (m importance, w weight, q level). As s falls from infinity, weight w moves from one level to the next where
//! w/s crosses a threshold between levels: at most a few times each. Sorting these events and updating both sums
//! visits *every* assignment that rounding can produce, hence the global optimum, in O(n log n) without iteration.
//! For ternary levels this is the classic sweep over sorted magnitudes.

use super::Grid;

/// The best scale; negative where the mirrored grid fits better. Zero for a block of zeros.
///
/// A block without any importance counts unweighted: its inputs were never seen, not proven useless.
pub(super) fn least_squares(grid: &Grid, weights: &[f32], importance: Option<&[f32]>) -> f32 {
    let upright = sweep(grid, weights, importance, 1.0);
    let best = if grid.is_symmetric() {
        upright
    } else {
        let mirrored = sweep(grid, weights, importance, -1.0);
        if mirrored.gain > upright.gain { Fit { scale: -mirrored.scale, ..mirrored } } else { upright }
    };
    if best.gain == 0.0 && importance.is_some() {
        return least_squares(grid, weights, None);
    }
    best.scale as f32
}

/// A scale and the squared error that it removes.
#[derive(Clone, Copy)]
struct Fit {
    scale: f64,
    gain: f64,
}

/// The best positive scale for `sign · weights`.
fn sweep(grid: &Grid, weights: &[f32], importance: Option<&[f32]>, sign: f32) -> Fit {
    let moves = Moves::of(grid);
    let mut events = Vec::with_capacity(weights.len() * grid.len() / 2);
    for (index, w) in weights.iter().enumerate() {
        let w = w * sign;
        let side = if w > 0.0 { moves.above() } else { moves.below() };
        if w != 0.0 {
            events.extend(side.iter().map(|(number, at)| event(w / at, *number, index)));
        }
    }
    events.sort_unstable();
    let (mut product, mut square) = (0.0, 0.0);
    let mut best = Fit { scale: 0.0, gain: 0.0 };
    for event in events.iter().rev() {
        let (number, index) = ((*event >> 8) as usize & 0xFF, *event as usize & 0xFF);
        let m = importance.map_or(1.0, |m| f64::from(m[index]));
        product += m * f64::from(weights[index] * sign) * moves.level_step[number];
        square += m * moves.square_step[number];
        if product * product > best.gain * square {
            best = Fit { scale: product / square, gain: product * product / square };
        }
    }
    best
}

/// A positive float's bits sort like the float; move and index follow.
fn event(scale: f32, number: u8, index: usize) -> u64 {
    (u64::from(scale.to_bits()) << 16) | (u64::from(number) << 8) | index as u64
}

/// The moves of a weight from level to level, away from zero.
struct Moves {
    /// Number and threshold of each move; moves above zero first.
    thresholds: [(u8, f32); Self::MOST],
    above: usize,
    total: usize,
    level_step: [f64; Self::MOST],
    square_step: [f64; Self::MOST],
}

impl Moves {
    /// A grid of 16 levels has 15.
    const MOST: usize = 15;

    fn of(grid: &Grid) -> Self {
        let zero = grid.zero();
        let mut moves = Self {
            thresholds: [(0, 0.0); Self::MOST],
            above: grid.len() - 1 - zero,
            total: grid.len() - 1,
            level_step: [0.0; Self::MOST],
            square_step: [0.0; Self::MOST],
        };
        let above = (zero..grid.len() - 1).map(|lower| (lower, lower, lower + 1));
        let below = (0..zero).rev().map(|lower| (lower, lower + 1, lower));
        for (number, (lower, from, to)) in above.chain(below).enumerate() {
            let (from, to) = (f64::from(grid.levels[from]), f64::from(grid.levels[to]));
            moves.thresholds[number] = (number as u8, grid.threshold(lower));
            moves.level_step[number] = to - from;
            moves.square_step[number] = to * to - from * from;
        }
        moves
    }

    fn above(&self) -> &[(u8, f32)] {
        &self.thresholds[..self.above]
    }

    fn below(&self) -> &[(u8, f32)] {
        &self.thresholds[self.above..self.total]
    }
}
