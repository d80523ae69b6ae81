//! Memories of devices and what lies in them.

use moe_routing::sram::{MappedExpert, MemoryHierarchy, MemoryTier, PRESETS, SramMapper, detect, preset};
use proptest::prelude::*;
use std::path::Path;

fn device(tiers: &[(u64, f64)]) -> MemoryHierarchy {
    let tier = |&(bytes, bandwidth): &(u64, f64)| MemoryTier { name: "memory".into(), bytes, bandwidth };
    MemoryHierarchy::new("test", tiers.iter().map(tier).collect()).unwrap()
}

fn experts(uses: &[f64]) -> Vec<MappedExpert> {
    uses.iter().map(|&uses_per_token| MappedExpert { bytes: 10, uses_per_token }).collect()
}

#[test]
fn the_most_used_lie_in_the_fastest() {
    let mapper = SramMapper::new(device(&[(10, 100.0), (25, 10.0), (0, 1.0)]));
    let map = mapper.map(&experts(&[0.1, 0.5, 0.2, 0.4, 0.8]));
    assert_eq!(map.tiers, [2, 1, 2, 1, 0]);
    assert_eq!(map.bytes_per_token, [8.0, 9.0, 3.0]);
    assert!((map.hit_rate - 0.85).abs() < 1e-12 && (map.shares[0] - 0.4).abs() < 1e-12);
    assert!((map.seconds_per_token - (0.08 + 0.9 + 3.0)).abs() < 1e-12);
    let nothing = mapper.map(&[]);
    assert!(nothing.tiers.is_empty() && nothing.shares == [0.0; 3]);
}

/// Time of the best of all placements, for experts of one size.
fn fastest(uses: &[f64], left: [u64; 2]) -> f64 {
    let Some((first, rest)) = uses.split_first() else { return 0.0 };
    let mut best = first * 10.0 + fastest(rest, left);
    for (tier, bandwidth) in [(0, 100.0), (1, 10.0)] {
        if left[tier] >= 10 {
            let mut less = left;
            less[tier] -= 10;
            best = best.min(first * 10.0 / bandwidth + fastest(rest, less));
        }
    }
    best
}

proptest! {
    #[test]
    fn no_placement_is_faster(uses in prop::collection::vec(0.0..2.0_f64, 0..7), sizes in [0..40_u64, 0..40]) {
        let mapper = SramMapper::new(device(&[(sizes[0], 100.0), (sizes[1], 10.0), (0, 1.0)]));
        let map = mapper.map(&experts(&uses));
        prop_assert!((map.seconds_per_token - fastest(&uses, sizes)).abs() < 1e-9);
    }
}

#[test]
fn presets_go_from_fast_to_slow() {
    for name in PRESETS {
        let device = preset(name).unwrap();
        assert_eq!(device.name(), name);
        let fall =
            |pair: &[MemoryTier]| pair[0].bandwidth > pair[1].bandwidth && pair[0].bytes < pair[1].bytes;
        assert!(device.tiers().windows(2).all(fall), "{device:?}");
    }
    assert!(preset("toaster").unwrap_err().to_string().contains("raspberry-pi-5"));
    let odd = MemoryTier { name: "odd".into(), bytes: 1, bandwidth: f64::NAN };
    assert!(MemoryHierarchy::new("odd", vec![odd]).is_err() && MemoryHierarchy::new("none", vec![]).is_err());
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn this_machine_is_what_linux_says() {
    let folder = tempfile::tempdir().unwrap();
    let tiers = |root: &Path| -> Vec<(String, u64)> {
        detect(root).unwrap().tiers().iter().map(|t| (t.name.to_string(), t.bytes)).collect()
    };
    let storage = ("storage".to_owned(), u64::MAX);
    assert_eq!(tiers(folder.path()), std::slice::from_ref(&storage));
    let caches = [
        (0, 1, "Data", "32K"),
        (1, 1, "Instruction", "64M"),
        (2, 2, "Unified", "512K"),
        (3, 3, "Unified", "32M"),
    ];
    for (index, level, kind, size) in caches {
        let cache = format!("sys/devices/system/cpu/cpu0/cache/index{index}");
        write(folder.path(), &format!("{cache}/level"), &format!("{level}\n"));
        write(folder.path(), &format!("{cache}/type"), &format!("{kind}\n"));
        write(folder.path(), &format!("{cache}/size"), &format!("{size}\n"));
    }
    write(
        folder.path(),
        "proc/meminfo",
        "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:   8000 kB\n",
    );
    assert_eq!(tiers(folder.path()), [("L3".into(), 16 << 20), ("RAM".into(), 8000 << 10), storage]);
    assert!(!tiers(Path::new("/")).is_empty());
}
