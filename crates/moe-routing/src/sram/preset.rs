//! Devices that are known beforehand.

use super::hierarchy::{MemoryHierarchy, MemoryTier};
use crate::MoeError;
use std::borrow::Cow;

/// Names of the devices that [`preset`] knows.
pub const PRESETS: [&str; 5] = ["esp32-p4", "raspberry-pi-5", "phone", "browser", "server"];

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Name, bytes for experts, bytes per second.
type Row = (&'static str, u64, f64);

/// A device by name. Capacities are those of the data sheets less what the system and the rest of a model need;
/// bandwidths are nominal: measure, and make a [`MemoryHierarchy`] of your own, where they matter.
pub fn preset(name: &str) -> Result<MemoryHierarchy, MoeError> {
    let rows: &[Row] = match name {
        // 768 kB of L2 memory of which half is cache; 8 MB of PSRAM; QSPI flash.
        "esp32-p4" => &[("SRAM", 384 * KIB, 1.6e9), ("PSRAM", 6 * MIB, 300e6), ("flash", u64::MAX, 40e6)],
        // 2 MB of shared L3, 8 GB LPDDR4X-4267 on 32 bits, a good SD card.
        "raspberry-pi-5" => &[("L3", MIB, 40e9), ("RAM", 6 * GIB, 10e9), ("SD card", u64::MAX, 90e6)],
        // 8 MB of system cache, 8 GB LPDDR5X of which an app may use half, UFS 4.0 in practice.
        "phone" => &[("system cache", 4 * MIB, 100e9), ("RAM", 4 * GIB, 40e9), ("UFS", u64::MAX, 2e9)],
        // A tab's 4 GB of 32-bit memory, half of it for experts; the origin's private file system.
        "browser" => &[("L2", MIB, 50e9), ("WebAssembly memory", 2 * GIB, 10e9), ("OPFS", u64::MAX, 400e6)],
        // 32 MB of L3 on a chiplet, 256 GB in eight channels, NVMe.
        "server" => &[("L3", 24 * MIB, 400e9), ("RAM", 200 * GIB, 200e9), ("NVMe", u64::MAX, 6e9)],
        _ => return Err(MoeError::UnknownDevice { name: name.into() }),
    };
    let tier = |&(name, bytes, bandwidth): &Row| MemoryTier { name: Cow::Borrowed(name), bytes, bandwidth };
    MemoryHierarchy::new(name.to_owned(), rows.iter().map(tier).collect())
}
