//! What happens where the system gives no more threads: a clear error and exit code 1, in place of a panic.

use std::panic::{self, PanicHookInfo};

/// What the standard library says where a thread cannot be started. Dependencies start threads of their own, and do not
/// hand that error on.
const NO_THREAD: &str = "failed to spawn thread";

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
