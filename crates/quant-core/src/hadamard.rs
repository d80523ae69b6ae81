//! The Walsh–Hadamard transform: an orthogonal matrix of ±1/√n that costs n·log₂ n additions.
//!
//! Multiplied with weights or activations it spreads each entry over all of them. What was an outlier becomes a small
//! part of everything, and rows of a trained matrix come close to normal: the distribution that low-bit grids are
//! made for. With random signs before it, this is the rotation of [`incoherence`](crate::incoherence).
//!
//! ```
//! use quant_core::hadamard::transform;
//!
//! let mut outlier = [0.0; 16];
//! outlier[3] = 4.0;
//! transform(&mut outlier, 16);
//! assert!(outlier.iter().all(|x| x.abs() == 1.0));
//! ```

mod butterfly;
#[cfg(test)]
mod tests;

/// Multiplies each piece of `block` numbers with the Hadamard matrix H\[i\]\[j\] = (−1)^popcount(i AND j) / √block, in
/// place and without allocating.
///
/// H is symmetric and orthogonal, so a second call undoes the first. Every processor gives the same bits.
///
/// # Panics
/// If `block` is not a power of two, or the length is not a multiple of it.
pub fn transform(x: &mut [f32], block: usize) {
    assert!(block.is_power_of_two(), "a Hadamard block has a power of two entries, not {block}");
    assert!(x.len().is_multiple_of(block), "{} numbers are no whole blocks of {block}", x.len());
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { butterfly::transform_avx2(x, block) };
        return;
    }
    butterfly::transform(x, block);
}
