//! Counts what is allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, with the bytes in use and their peak.
pub(crate) struct CountingAllocator {
    used: AtomicUsize,
    peak: AtomicUsize,
    base: AtomicUsize,
}

impl CountingAllocator {
    pub(crate) const fn new() -> Self {
        Self { used: AtomicUsize::new(0), peak: AtomicUsize::new(0), base: AtomicUsize::new(0) }
    }

    /// Counts from here on.
    pub(crate) fn reset_peak(&self) {
        self.base.store(self.used.load(Relaxed), Relaxed);
        self.peak.store(self.used.load(Relaxed), Relaxed);
    }

    /// The most bytes in use since the reset, beyond those in use then.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed) - self.base.load(Relaxed)
    }
}

// SAFETY: every call is passed to the system's allocator unchanged; counting does not touch memory.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = self.used.fetch_add(layout.size(), Relaxed) + layout.size();
        self.peak.fetch_max(used, Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.used.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.dealloc(pointer, layout) }
    }
}
