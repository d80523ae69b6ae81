//! Which experts a token goes to.

use crate::{ExpertChoice, Gating, PortError};
use alloc::vec::Vec;

/// Chooses the experts of a token from the logits of a layer's gate.
///
/// A router may remember what it saw since the last [`reset`](Self::reset): the same calls in the same order make the
/// same choices.
pub trait ExpertRouter: Send {
    /// What it chooses from, and how many.
    fn gating(&self) -> Gating;

    /// Chooses for one token in block `layer`. `logits` and `resident` have one entry per expert; `resident` says
    /// which of them can be computed without waiting. Writes exactly [`Gating::top_k`] different experts to `chosen`
    /// (cleared first), greatest weight first, without allocating where `chosen` has room.
    ///
    /// Fails, leaving the router as it was, where a length is wrong or a logit is not finite.
    fn route(
        &mut self,
        layer: usize,
        logits: &[f32],
        resident: &[bool],
        chosen: &mut Vec<ExpertChoice>,
    ) -> Result<(), PortError>;

    /// Forgets what it saw: a new sequence begins.
    fn reset(&mut self);
}
