//! What happens where the system gives no more threads: a clear error and exit code 1, in place of a panic.

use anyhow::{Context as _, Result};
use memmap2::MmapOptions;
use std::panic::{self, PanicHookInfo};

/// What the standard library says where a thread cannot be started. Dependencies start threads of their own, and do not
/// hand that error on.
const NO_THREAD: &str = "failed to spawn thread";

/// What a thread takes while it begins: two MiB of stack, its guard, a stack for signals, and the C library's records.
const THREAD_BYTES: usize = 5 << 19;

/// Fails where memory is too little for `count` threads to begin. A thread that has its stack and then no more ends the
/// program from within: the C library aborts where it cannot note a destructor, without asking the allocator.
pub(crate) fn leave_room_for(count: usize) -> Result<()> {
    let bytes = count.saturating_mul(THREAD_BYTES);
    MmapOptions::new().len(bytes).map_anon().map(drop).with_context(|| {
        format!(
            "out of memory ({bytes} bytes for {count} threads): raise the limit, or use a smaller model, --ctx or --threads"
        )
    })
}

/// From now on a thread that cannot be started ends the program in good order: files that are being written have no name
/// yet, and checkpoints stay.
pub(crate) fn end_where_none_starts() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if is_about_threads(info) {
            eprintln!(
                "error: could not start a thread: raise the limit of memory or of processes, or use fewer --threads"
            );
            std::process::exit(1);
        }
        usual(info);
    }));
}

fn is_about_threads(info: &PanicHookInfo<'_>) -> bool {
    info.payload_as_str().is_some_and(|text| text.starts_with(NO_THREAD))
}
