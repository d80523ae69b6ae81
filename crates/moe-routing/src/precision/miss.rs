//! What to do about an absent expert that hardly matters.

use super::Restraint;
use crate::MoeError;
use crate::error::in_range;

/// How a missing expert is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissAction {
    /// Load it as it is.
    Full,
    /// Load its smaller copy.
    Low,
    /// Do without.
    Skip,
}

/// Thresholds on the share of a token's gate weight that lies with better experts (HOBBIT, Tang et al. 2024, arXiv
/// 2411.01433): the more of it, the less a missing expert matters. The best expert has a share of 0 and is always loaded
/// in full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MissPolicy {
    low_above: f32,
    skip_above: f32,
}

/// Every miss is loaded in full.
impl Default for MissPolicy {
    fn default() -> Self {
        Self { low_above: 1.0, skip_above: 1.0 }
    }
}

impl MissPolicy {
    /// Low copies above the first share, nothing above the second; 0 ≤ first ≤ second ≤ 1.
    pub fn new(low_above: f32, skip_above: f32) -> Result<Self, MoeError> {
        in_range("low-copy threshold", low_above, (0.0, 1.0), "0 to 1")?;
        in_range("skip threshold", skip_above, (low_above, 1.0), "from the low-copy threshold to 1")?;
        Ok(Self { low_above, skip_above })
    }

    /// The thresholds of the paper: 0.6 and 0.9.
    pub fn hobbit() -> Self {
        Self { low_above: 0.6, skip_above: 0.9 }
    }

    /// The policy of a device in trouble: one step lower, all but a token's best expert have their low copies loaded; at the
    /// minimum, the best one too. What is skipped stays skipped.
    #[must_use]
    pub fn restrained(self, restraint: Restraint) -> Self {
        let low_above = match restraint {
            Restraint::None => self.low_above,
            Restraint::OneStep => 0.0,
            // Less than any share.
            Restraint::Minimum => -1.0,
        };
        Self { low_above, ..self }
    }

    /// What to do about a missing expert after so much of the weight.
    pub fn action(&self, before: f32) -> MissAction {
        if before <= self.low_above || before.is_nan() {
            MissAction::Full
        } else if before <= self.skip_above {
            MissAction::Low
        } else {
            MissAction::Skip
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MissAction::{Full, Low, Skip};
    use super::*;

    #[test]
    fn the_best_is_always_whole() {
        let hobbit = MissPolicy::hobbit();
        let actions = [0.0, 0.6, 0.61, 0.9, 0.91].map(|before| hobbit.action(before));
        assert_eq!(actions, [Full, Full, Low, Low, Skip]);
        assert_eq!(MissPolicy::new(0.0, 0.0).unwrap().action(0.0), Full);
        assert_eq!(MissPolicy::default().action(1.0), Full);
        let lower = |restraint| [0.0, 0.1, 0.95].map(|before| hobbit.restrained(restraint).action(before));
        assert_eq!(lower(Restraint::None), [Full, Full, Skip]);
        assert_eq!(lower(Restraint::OneStep), [Full, Low, Skip]);
        assert_eq!(lower(Restraint::Minimum), [Low, Low, Skip]);
        assert!(MissPolicy::new(0.5, 0.4).is_err() && MissPolicy::new(f32::NAN, 1.0).is_err());
    }
}
