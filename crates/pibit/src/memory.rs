//! What happens where memory is at its limit: a clear error and exit code 1, in place of an abort.

#[cfg(target_os = "linux")]
mod control_group;

use std::alloc::{GlobalAlloc, Layout, System};

/// Holds the program to the memory that it may have, so that the allocator is told and not the program killed.
pub(crate) fn respect_limits() {
    #[cfg(target_os = "linux")]
    control_group::respect();
}

/// The system's allocator, which ends the program in good order where there is no memory: files that are being written
/// have no name yet, and checkpoints stay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allocator;

/// The message must not need memory itself.
fn checked(memory: *mut u8, size: usize) -> *mut u8 {
    if memory.is_null() {
        eprintln!(
            "error: out of memory (asked for {size} bytes): raise the limit, or use a smaller model, --ctx or --threads"
        );
        std::process::exit(1);
    }
    memory
}

// SAFETY: every call goes to `System` as it came; a null result does not return at all.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        checked(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
