//! An allocator that counts what the whole process asks for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

/// What a piece of work asked of the allocator.
#[expect(dead_code, reason = "each test file looks at one figure")]
pub(crate) struct Count {
    pub(crate) allocations: usize,
    /// Taken minus given back.
    pub(crate) bytes: isize,
}

/// Counts what `work` allocates, on whichever threads.
pub(crate) fn counted(work: impl FnOnce()) -> Count {
    let before = (ALLOCATIONS.load(Relaxed), BYTES.load(Relaxed));
    work();
    Count { allocations: ALLOCATIONS.load(Relaxed) - before.0, bytes: BYTES.load(Relaxed) - before.1 }
}

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches atomic numbers only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}
