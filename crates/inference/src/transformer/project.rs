//! Calling a [`Linear`] port.

use domain_types::Linear;

/// y = W·x for `tokens` rows of `x`: one token has its own kernel.
pub(super) fn project(linear: &dyn Linear, x: &[f32], tokens: usize, y: &mut [f32]) {
    if tokens == 1 {
        linear.matvec(x, y);
    } else {
        linear.matmul(x, tokens, y);
    }
}
