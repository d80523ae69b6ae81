//! Folders for downloads under way, gone with them: those that a killed process left behind, too.

use crate::interrupt;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::path::Path;
use tempfile::TempDir;

const PREFIX: &str = "fetch-";
/// Locked in each folder as long as its process lives: the system unlocks what a killed process held.
const LOCK: &str = "lock";

/// A folder in the cache, removed when this is dropped.
pub(super) struct Scratch {
    // Before the folder: some systems do not remove an open file.
    _lock: File,
    folder: TempDir,
}

impl Scratch {
    /// A new folder in `cache`, after those that nobody works in any more are removed.
    pub(super) fn new(cache: &Path) -> Result<Self> {
        remove_abandoned(cache);
        let problem = || format!("could not make a folder in {}", cache.display());
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(cache).with_context(problem)?;
        let lock = File::create(folder.path().join(LOCK)).with_context(problem)?;
        lock.lock().with_context(problem)?;
        interrupt::remove_on_interrupt(folder.path());
        Ok(Self { _lock: lock, folder })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Whatever cannot be removed is only in the way of the disk: fetching goes on.
fn remove_abandoned(cache: &Path) {
    for entry in std::fs::read_dir(cache).into_iter().flatten().flatten() {
        let is_scratch = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_abandoned = || File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_scratch && is_abandoned() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_works_in_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let left = cache.path().join("fetch-left");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join(LOCK), "").unwrap();
        std::fs::write(cache.path().join("model.gguf"), "kept").unwrap();
        let first = Scratch::new(cache.path()).unwrap();
        let second = Scratch::new(cache.path()).unwrap();
        assert!(!left.exists() && first.path().exists() && second.path().exists());
        drop((first, second));
        let names: Vec<_> = cache.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["model.gguf"]);
    }
}
