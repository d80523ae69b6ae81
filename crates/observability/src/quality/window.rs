//! The mean over the last observations.

use std::collections::VecDeque;

/// The last observations of a measure. The mean is summed anew each time: a running sum would keep the rounding errors,
/// and one NaN for ever.
pub(super) struct Window {
    last: VecDeque<f64>,
    size: usize,
}

impl Window {
    /// Of `size` observations, at least one.
    pub(super) fn new(size: usize) -> Self {
        Self { last: VecDeque::new(), size }
    }

    pub(super) fn push(&mut self, value: f64) {
        if self.is_full() {
            self.last.pop_front();
        }
        self.last.push_back(value);
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.last.len() == self.size
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (!self.last.is_empty()).then(|| self.last.iter().sum::<f64>() / self.last.len() as f64)
    }
}
