//! Ctrl-C: stop at once. Files appear whole or not at all and checkpoints are whole files, so nothing has to be undone
//! but folders of downloads.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// As shells report a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on SIGINT, SIGTERM and SIGHUP end the process with exit code 130.
pub(crate) fn handle() -> Result<()> {
    let stop = || {
        for folder in &*scratch() {
            // Whatever cannot be removed is only a leftover of a download.
            let _ = std::fs::remove_dir_all(folder);
        }
        eprintln!("interrupted");
        std::process::exit(INTERRUPTED);
    };
    ctrlc::set_handler(stop).context("could not listen to Ctrl-C")
}

/// A folder to remove if the process is interrupted.
pub(crate) fn remove_on_interrupt(folder: &Path) {
    scratch().push(folder.to_owned());
}

fn scratch() -> MutexGuard<'static, Vec<PathBuf>> {
    SCRATCH.lock().unwrap_or_else(PoisonError::into_inner)
}
