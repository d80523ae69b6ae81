//! The values that codes stand for, before scaling.

/// A finite, sorted set of values around zero.
pub(crate) trait Levels: Copy {
    /// The lowest and the highest value.
    fn ends(self) -> [f32; 2];

    /// The value nearest to `x`.
    fn nearest(self, x: f32) -> f32;
}

/// The integers from `low` to `high`, both of magnitude below 2²².
#[derive(Clone, Copy)]
pub(crate) struct IntRange {
    low: f32,
    high: f32,
}

impl IntRange {
    pub(crate) const fn new(low: i32, high: i32) -> Self {
        assert!(-(1 << 22) < low && low < high && high < 1 << 22);
        Self { low: low as f32, high: high as f32 }
    }
}

impl Levels for IntRange {
    fn ends(self) -> [f32; 2] {
        [self.low, self.high]
    }

    #[inline]
    fn nearest(self, x: f32) -> f32 {
        // Sums with 1.5·2²³ have no bits for a fraction. `f32::round` would be a library call on baseline x86-64.
        const SHIFT: f32 = 12_582_912.0;
        (x.clamp(self.low, self.high) + SHIFT) - SHIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_and_clamps() {
        let codes = IntRange::new(-4, 3);
        for (x, code) in [(0.4, 0.0), (0.6, 1.0), (-2.7, -3.0), (9.0, 3.0), (-1e30, -4.0), (-0.2, 0.0)] {
            assert_eq!(codes.nearest(x), code);
        }
    }
}
