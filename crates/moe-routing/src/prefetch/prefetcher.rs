//! Threads that load ahead.

use crate::ExpertCopy;
use crate::cache::ExpertCache;
use crate::sync::{AtomicU64, Condvar, Mutex, Ordering, lock, thread, wait};
use std::collections::VecDeque;
use std::sync::Arc;

/// Threads that load what is asked for into a cache, as long as there is room, in the order of the requests.
///
/// Prefetching is a guess: what cannot be loaded is left to whoever really needs it, who then gets the error. Dropping
/// this cancels everything and waits for the threads.
pub struct Prefetcher {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

struct Shared {
    cache: Arc<ExpertCache>,
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Requests of an earlier era are cancelled. Read by loads under way, so not part of the queue.
    era: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<ExpertCopy>,
    closed: bool,
}

/// Requests that wait at most: older guesses are worth less than newer ones.
const MOST_WAITING: usize = 64;

impl Prefetcher {
    /// Starts `threads` threads for a cache.
    pub fn new(cache: Arc<ExpertCache>, threads: usize) -> Self {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { cache, queue, changed, era: AtomicU64::new(0) });
        let worker = |_| {
            let shared = shared.clone();
            thread::spawn(move || shared.work())
        };
        Self { threads: (0..threads).map(worker).collect(), shared }
    }

    /// Asks for copies, likeliest first.
    pub fn request(&self, copies: impl IntoIterator<Item = ExpertCopy>) {
        let mut queue = lock(&self.shared.queue);
        for copy in copies {
            if !queue.waiting.contains(&copy) {
                queue.waiting.push_back(copy);
            }
        }
        let excess = queue.waiting.len().saturating_sub(MOST_WAITING);
        queue.waiting.drain(..excess);
        self.shared.changed.notify_all();
    }

    /// Forgets requests that no thread has begun with.
    pub fn forget(&self) {
        lock(&self.shared.queue).waiting.clear();
    }

    /// Forgets all requests and stops loads under way at the next chance, unless someone waits for them.
    pub fn cancel(&self) {
        self.forget();
        self.shared.era.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Prefetcher {
    fn drop(&mut self) {
        self.cancel();
        lock(&self.shared.queue).closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A panic of a store or codec ends its thread alone; the cache has put the copy back to absent.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn work(&self) {
        while let Some(copy) = self.next() {
            let era = self.era.load(Ordering::SeqCst);
            let cancelled = || self.era.load(Ordering::SeqCst) != era;
            // A failure is counted by the cache, and told by the one who needs the expert.
            let _ = self.cache.prefetch(copy, &cancelled);
        }
    }

    /// The next request; waits for one. Nothing when there will be no more.
    fn next(&self) -> Option<ExpertCopy> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            if let Some(copy) = queue.waiting.pop_front() {
                return Some(copy);
            }
            queue = wait(&self.changed, queue);
        }
    }
}
