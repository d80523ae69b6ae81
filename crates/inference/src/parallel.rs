//! Loops over independent items: on the rayon pool with feature `parallel`, else one after the other.

#[cfg(feature = "parallel")]
mod pace;
#[cfg(not(feature = "parallel"))]
mod pace {
    /// One thread has no choice.
    #[derive(Default)]
    pub(crate) struct Pace;

    impl Pace {
        pub(crate) fn token<R: Send>(&mut self, work: impl FnOnce() -> R + Send) -> R {
            super::on_the_pool(work)
        }
    }
}

pub(crate) use pace::Pace;

/// Below this many floats (or multiply–adds) waking other threads costs more than it saves.
const WORTH_SHARING: usize = 1 << 14;

/// Runs `work` on a thread of the pool. From there a loop hands parts to other threads at little cost and without an
/// allocation; from outside, each loop would wake the pool and sleep until it is done.
pub(crate) fn on_the_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "parallel")]
    return rayon::scope(|_| work());
    #[cfg(not(feature = "parallel"))]
    work()
}

/// Does both, on two threads where `shared` and one is free: parts too small for all threads fill each other's gaps.
pub(crate) fn join<A: Send, B: Send>(
    shared: bool,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "parallel")]
    if shared {
        return rayon::join(first, second);
    }
    #[cfg(not(feature = "parallel"))]
    let _ = shared;
    (first(), second())
}

/// Calls `work(index, item)` for every item. `cost` estimates the floats or multiply–adds of all items together.
pub(crate) fn for_each<T: Send>(items: &mut [T], cost: usize, work: impl Fn(usize, &mut T) + Sync + Send) {
    #[cfg(feature = "parallel")]
    if items.len() > 1 && cost >= WORTH_SHARING {
        use rayon::prelude::*;
        items.par_iter_mut().enumerate().for_each(|(i, item)| work(i, item));
        return;
    }
    #[cfg(not(feature = "parallel"))]
    let _ = (cost, WORTH_SHARING);
    items.iter_mut().enumerate().for_each(|(i, item)| work(i, item));
}

/// Calls `work(index, row)` for every row of a matrix, row after row in memory.
pub(crate) fn for_each_row(
    matrix: &mut [f32],
    row_len: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    #[cfg(feature = "parallel")]
    if matrix.len() >= 2 * WORTH_SHARING {
        use rayon::prelude::*;
        let rows = matrix.par_chunks_exact_mut(row_len).enumerate();
        rows.with_min_len(WORTH_SHARING.div_ceil(row_len)).for_each(|(i, row)| work(i, row));
        return;
    }
    matrix.chunks_exact_mut(row_len).enumerate().for_each(|(i, row)| work(i, row));
}
