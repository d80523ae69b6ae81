//! Where large files lie that are made once: in pibit's cache folder.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// A folder in pibit's cache (by the same rule as `pibit fetch`), made where it is missing.
pub(super) fn folder(name: &str) -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = from("PIBIT_CACHE")
        .or_else(|| Some(from("XDG_CACHE_HOME")?.join("pibit")))
        .or_else(|| Some(from("LOCALAPPDATA")?.join("pibit")))
        .or_else(|| Some(from("HOME")?.join(".cache/pibit")))
        .context("no cache folder: set PIBIT_CACHE")?;
    let folder = std::path::absolute(cache)?.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}
