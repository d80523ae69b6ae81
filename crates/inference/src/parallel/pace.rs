//! Decoding beside other processes.
//!
//! Every product of a token waits for its slowest thread. Where another process keeps one of the cores busy, the thread
//! there runs half of the time, and the others wait for it: two threads are then slower than one. So token times are
//! watched, and where they scatter, decoding is tried with a thread fewer.

use super::on_the_pool;
use choice::{Choice, Crew};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::Instant;

mod choice;

/// Runs the work of single tokens on as many threads as are fastest.
#[derive(Default)]
pub(crate) struct Pace {
    choice: Choice,
    fewer: Option<ThreadPool>,
}

impl Pace {
    /// Runs the work of a token: on the pool, or on one thread fewer. On a thread of a pool it stays there: its caller
    /// has chosen.
    pub(crate) fn token<R: Send>(&mut self, work: impl FnOnce() -> R + Send) -> R {
        if rayon::current_thread_index().is_some() || rayon::current_num_threads() < 2 {
            return on_the_pool(work);
        }
        let crew = if self.choice.next() == Crew::Fewer { self.fewer() } else { None };
        let begin = Instant::now();
        let result = match crew {
            Some(pool) => pool.install(work),
            None => on_the_pool(work),
        };
        self.choice.record(begin.elapsed().as_secs_f64());
        result
    }

    /// `None` where the threads cannot be had: all of the pool go on.
    fn fewer(&mut self) -> Option<&ThreadPool> {
        if self.fewer.is_none() {
            self.fewer = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads() - 1).build().ok();
        }
        self.fewer.as_ref()
    }
}
