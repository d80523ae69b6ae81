//! With which precision each expert was computed.

use domain_types::Grade;

/// How often an expert was not what the model is meant to run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StandIns {
    /// Low copies used.
    pub low: u64,
    /// Experts left out.
    pub skipped: u64,
    /// Times that an expert's precision was another than the time before.
    pub rebalanced: u64,
}

/// The grade that each expert had last; in full at first.
pub(super) struct Grades {
    last: Vec<Grade>,
    pub(super) stand_ins: StandIns,
}

impl Grades {
    /// For so many experts.
    pub(super) fn new(experts: usize) -> Self {
        Self { last: vec![Grade::Full; experts], stand_ins: StandIns::default() }
    }

    /// Expert number `index` is computed with this copy; the grade that it had before where that was another.
    pub(super) fn used(&mut self, index: usize, grade: Grade) -> Option<Grade> {
        let before = std::mem::replace(&mut self.last[index], grade);
        self.stand_ins.low += u64::from(grade == Grade::Low);
        self.stand_ins.rebalanced += u64::from(before != grade);
        (before != grade).then_some(before)
    }
}
