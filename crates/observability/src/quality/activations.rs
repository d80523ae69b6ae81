//! Activations while a model works: counted where linear layers take and give them.

mod watched;

pub use watched::WatchedCodecs;

use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Root mean squares from which on an input is an outlier (Dettmers et al. 2022, arXiv 2208.07339).
const OUTLIER: f32 = 6.0;
/// The largest F16: key–value caches hold activations in it, and other runtimes compute in it.
const LARGEST: f32 = 65_504.0;

/// What was counted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActivationCounts {
    /// Values that linear layers took.
    pub inputs: u64,
    /// Those beyond six times the root mean square of their row.
    pub outliers: u64,
    /// Values that linear layers gave.
    pub outputs: u64,
    /// Those beyond 65,504, the largest F16, and those that are no numbers.
    pub saturated: u64,
}

impl ActivationCounts {
    /// What came after `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            inputs: self.inputs - before.inputs,
            outliers: self.outliers - before.outliers,
            outputs: self.outputs - before.outputs,
            saturated: self.saturated - before.saturated,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            inputs: self.inputs + other.inputs,
            outliers: self.outliers + other.outliers,
            outputs: self.outputs + other.outputs,
            saturated: self.saturated + other.saturated,
        }
    }

    /// Shares of the values; `None` where there were none.
    pub fn shares(self) -> Option<ActivationShares> {
        let share = |part: u64, all: u64| part as f64 / all as f64;
        (self.inputs > 0 && self.outputs > 0).then(|| ActivationShares {
            outliers: share(self.outliers, self.inputs),
            saturation: share(self.saturated, self.outputs),
        })
    }
}

/// Activations that a low precision would spoil.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ActivationShares {
    /// Share of inputs of linear layers beyond six times the root mean square of their row, 0 to 1.
    pub outliers: f64,
    /// Share of outputs of linear layers that F16 cannot hold, 0 to 1.
    pub saturation: f64,
}

#[derive(Debug, Default)]
struct Counters {
    inputs: AtomicU64,
    outliers: AtomicU64,
    outputs: AtomicU64,
    saturated: AtomicU64,
}

impl Counters {
    fn count(&self, x: &[f32], row_len: usize, y: &[f32]) {
        let outliers: u64 = x.chunks_exact(row_len).map(outliers).sum();
        self.inputs.fetch_add(x.len() as u64, Relaxed);
        self.outliers.fetch_add(outliers, Relaxed);
        self.outputs.fetch_add(y.len() as u64, Relaxed);
        self.saturated.fetch_add(beyond(y, LARGEST), Relaxed);
    }
}

fn outliers(row: &[f32]) -> u64 {
    let (eights, rest) = row.as_chunks::<8>();
    // Lanes, so that it is vectorised: this runs beside every product.
    let mut lanes = [0.0_f32; 8];
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, x)| *lane += x * x);
    }
    let energy = lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>();
    beyond(row, OUTLIER * (energy / row.len() as f32).sqrt())
}

/// Values of a magnitude beyond `limit`, and those that are no numbers.
fn beyond(values: &[f32], limit: f32) -> u64 {
    let counts = values
        .chunks(1 << 16)
        .map(|part| part.iter().map(|x| u32::from(x.abs() > limit || x.is_nan())).sum());
    counts.map(|count: u32| u64::from(count)).sum()
}

/// Reads what watched layers counted.
#[derive(Debug, Clone)]
pub struct ActivationWatch(Arc<Counters>);

impl ActivationWatch {
    /// The counts so far.
    pub fn counts(&self) -> ActivationCounts {
        let Counters { inputs, outliers, outputs, saturated } = &*self.0;
        let [inputs, outliers, outputs, saturated] =
            [inputs, outliers, outputs, saturated].map(|counter| counter.load(Relaxed));
        ActivationCounts { inputs, outliers, outputs, saturated }
    }
}

#[cfg(test)]
mod tests;
