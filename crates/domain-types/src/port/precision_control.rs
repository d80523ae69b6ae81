//! Precision that follows quality.

/// A figure of quality that left its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityDrop<'a> {
    /// What was measured, as [`QualityDrifted`](crate::DomainEvent::QualityDrifted) calls it.
    pub measure: &'a str,
    /// Its value.
    pub value: f64,
    /// The limit that it passed.
    pub limit: f64,
}

/// Gives a model more bits while it works: who watches quality asks, who holds the weights decides.
pub trait PrecisionControl: Send {
    /// Quality dropped. Answers whether more bits will be used from the next text on; `false` once there are no more.
    fn ask_for_more(&mut self, drop: &QualityDrop<'_>) -> bool;
}
