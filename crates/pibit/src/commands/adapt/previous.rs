//! The state of a file before it was adapted.

use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// `FILE.previous`.
pub(super) fn path(file: &Path) -> PathBuf {
    with_suffix(file, ".previous")
}

/// Keeps a file as it is now, under both names until it is replaced. Whoever is killed in between loses nothing.
pub(super) fn keep(file: &Path) -> Result<()> {
    let scratch = with_suffix(file, ".previous.part");
    let _ = fs::remove_file(&scratch);
    // Links cost nothing; some file systems have none.
    if fs::hard_link(file, &scratch).is_err() {
        fs::copy(file, &scratch).with_context(|| format!("could not keep a copy of {}", file.display()))?;
    }
    fs::rename(&scratch, path(file)).with_context(|| format!("could not keep a copy of {}", file.display()))
}

/// Exchanges a file and its previous state.
pub(super) fn swap(file: &Path) -> Result<()> {
    let previous = path(file);
    if !previous.exists() {
        bail!("{} has no previous state: {} is not there", file.display(), previous.display());
    }
    let scratch = with_suffix(file, ".undo.part");
    let steps = [(file, scratch.as_path()), (&previous, file), (&scratch, &previous)];
    for (from, to) in steps {
        fs::rename(from, to)
            .with_context(|| format!("could not rename {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file.as_os_str());
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_back_and_forth() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.gguf");
        fs::write(&file, "one").unwrap();
        assert!(swap(&file).unwrap_err().to_string().contains("no previous state"));
        for state in ["two", "three"] {
            keep(&file).unwrap();
            // A replacement, as files are written: the kept one is another file.
            fs::write(folder.path().join("new"), state).unwrap();
            fs::rename(folder.path().join("new"), &file).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!((read(&file), read(&path(&file))), ("three".into(), "two".into()));
        swap(&file).unwrap();
        assert_eq!((read(&file), read(&path(&file))), ("two".into(), "three".into()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no scratch is left");
    }
}
