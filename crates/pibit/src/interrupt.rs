//! Ctrl-C: stop at once. Files appear whole or not at all and checkpoints are whole files, so nothing has to be undone
//! but folders of downloads; traces are brought to their end.

use anyhow::{Context as _, Result};
use observability::TraceGuard;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// As shells report a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// How long a collector of traces may keep a program that is to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What must be dropped before the process ends, however it ends.
static TRACE: Mutex<Option<TraceGuard>> = Mutex::new(None);

static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on SIGINT, SIGTERM and SIGHUP end the process with exit code 130.
pub(crate) fn handle() -> Result<()> {
    let stop = || {
        for folder in &*scratch() {
            // Whatever cannot be removed is only a leftover of a download.
            let _ = std::fs::remove_dir_all(folder);
        }
        end_trace_soon();
        eprintln!("interrupted");
        std::process::exit(INTERRUPTED);
    };
    ctrlc::set_handler(stop).context("could not listen to Ctrl-C")
}

/// Ends the trace when it is dropped, if a signal has not.
pub(crate) struct TraceEnd(());

/// Takes care of a trace.
pub(crate) fn keep(trace: TraceGuard) -> TraceEnd {
    *TRACE.lock().unwrap_or_else(PoisonError::into_inner) = Some(trace);
    TraceEnd(())
}

impl Drop for TraceEnd {
    fn drop(&mut self) {
        end_trace();
    }
}

/// Whoever comes second waits until the trace is complete.
fn end_trace() {
    drop(TRACE.lock().unwrap_or_else(PoisonError::into_inner).take());
}

fn end_trace_soon() {
    let (done, wait) = mpsc::channel();
    // Where no thread can be had, the trace stays as it is.
    let ending = thread::Builder::new().spawn(move || {
        end_trace();
        let _ = done.send(());
    });
    if ending.is_ok() {
        let _ = wait.recv_timeout(PATIENCE);
    }
}

/// A folder to remove if the process is interrupted.
pub(crate) fn remove_on_interrupt(folder: &Path) {
    scratch().push(folder.to_owned());
}

fn scratch() -> MutexGuard<'static, Vec<PathBuf>> {
    SCRATCH.lock().unwrap_or_else(PoisonError::into_inner)
}
