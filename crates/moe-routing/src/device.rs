//! What Linux tells of the device, in files.

mod sysfs;

pub use sysfs::SysfsSensor;

use std::path::Path;
use std::str::FromStr;

/// The first word of a file as a value; nothing where there is no such file or it holds something else.
pub(crate) fn read<T: FromStr>(path: &Path) -> Option<T> {
    text(path)?.split_whitespace().next()?.parse().ok()
}

/// A small file as text.
pub(crate) fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Folders whose names begin with `prefix`, sorted.
pub(crate) fn folders(path: &Path, prefix: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix)).map(|e| e.path()).collect();
    found.sort();
    found
}
