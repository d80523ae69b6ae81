//! The device that this runs on.

use super::hierarchy::{MemoryHierarchy, MemoryTier};
use crate::MoeError;
use crate::device::{folders, read, text};
use std::path::Path;

/// Nominal bandwidths: no file tells them.
const LAST_CACHE: f64 = 50e9;
const RAM: f64 = 15e9;
const STORAGE: f64 = 500e6;

/// The largest cache of a core and the memory that is free, as Linux tells them below `root` (`/`): half the cache, and
/// what `/proc/meminfo` calls available. What Linux does not tell is left out; elsewhere only storage remains.
pub fn detect(root: impl AsRef<Path>) -> Result<MemoryHierarchy, MoeError> {
    let root = root.as_ref();
    let mut tiers = Vec::new();
    if let Some((level, bytes)) = last_cache(&root.join("sys/devices/system/cpu/cpu0/cache")) {
        tiers.push(MemoryTier { name: format!("L{level}").into(), bytes: bytes / 2, bandwidth: LAST_CACHE });
    }
    if let Some(bytes) = available(&root.join("proc/meminfo")) {
        tiers.push(MemoryTier { name: "RAM".into(), bytes, bandwidth: RAM });
    }
    tiers.push(MemoryTier { name: "storage".into(), bytes: u64::MAX, bandwidth: STORAGE });
    MemoryHierarchy::new("this machine", tiers)
}

/// Level and bytes of the largest cache that holds data.
fn last_cache(folder: &Path) -> Option<(u32, u64)> {
    let caches = folders(folder, "index").into_iter().filter_map(|cache| {
        let kind: String = read(&cache.join("type"))?;
        let size = text(&cache.join("size"))?;
        (kind != "Instruction").then_some((read(&cache.join("level"))?, bytes(size.trim())?))
    });
    caches.max()
}

/// `32K`, `4096K`, `32M`.
fn bytes(size: &str) -> Option<u64> {
    let (number, unit) = match size.strip_suffix(['K', 'M']) {
        Some(number) if size.ends_with('K') => (number, 1 << 10),
        Some(number) => (number, 1 << 20),
        None => (size, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// `MemAvailable:   12345 kB`.
fn available(meminfo: &Path) -> Option<u64> {
    let text = text(meminfo)?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
