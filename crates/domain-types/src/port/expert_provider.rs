//! Where the weights of experts come from while a model runs.

use crate::{ExpertChoice, ExpertId, Linear, PortError};
use alloc::boxed::Box;

/// The matrices of an expert, in memory for as long as this value lives.
pub trait PinnedExpert: Send {
    /// `[ffn_width, width]`, through the activation.
    fn gate(&self) -> &dyn Linear;

    /// `[ffn_width, width]`.
    fn up(&self) -> &dyn Linear;

    /// `[width, ffn_width]`, back to the residual stream.
    fn down(&self) -> &dyn Linear;
}

/// Gives access to experts that need not all fit in memory.
///
/// Per token and layer: [`residency`](Self::residency), then a router chooses, [`routed`](Self::routed) says what, and
/// [`acquire`](Self::acquire) gives one expert after another. With many tokens, acquire each expert once for all of
/// its tokens.
pub trait ExpertProvider: Send + Sync {
    /// Says for each expert of a layer whether it can be had without waiting.
    ///
    /// # Panics
    /// If there is no such layer, or `resident` has not one entry per expert.
    fn residency(&self, layer: usize, resident: &mut [bool]);

    /// The expert, loaded first where need be; it cannot be evicted while the guard lives. `before` is
    /// [`ExpertChoice::before`], the least of the tokens that want the expert: an implementation may give a copy of
    /// lower precision, or nothing at all, where the expert is absent and hardly matters. Nothing means: leave its
    /// term out.
    ///
    /// A thread that holds a guard may be refused another one where memory for both is lacking; one that holds none
    /// waits.
    fn acquire(&self, id: ExpertId, before: f32) -> Result<Option<Box<dyn PinnedExpert + '_>>, PortError>;

    /// What was chosen for a token in block `layer`, and what its gate read (`hidden`, the normed residual stream):
    /// an implementation may begin to load what the next layers will probably want.
    fn routed(&self, layer: usize, chosen: &[ExpertChoice], hidden: &[f32]) {
        let _ = (layer, chosen, hidden);
    }
}
