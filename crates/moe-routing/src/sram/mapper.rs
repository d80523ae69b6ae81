//! Experts to memories.

use super::hierarchy::MemoryHierarchy;

/// An expert as the mapper sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MappedExpert {
    /// Its size.
    pub bytes: u64,
    /// How often a token uses it: all experts together sum to layers × top-k.
    pub uses_per_token: f64,
}

/// Places experts in the memories of a device, the most used in the fastest.
///
/// Moving an expert up saves `uses · bytes` times a difference of seconds per byte, for `bytes` of room: per byte of room
/// the gain is in proportion to the uses alone. For experts of one size the greedy choice is therefore optimal; of
/// several sizes, up to the room that remains in each memory.
#[derive(Debug, Clone)]
pub struct SramMapper {
    hierarchy: MemoryHierarchy,
}

/// Where experts lie and what to expect of that.
#[derive(Debug, Clone, PartialEq)]
pub struct SramMap {
    /// Index of each expert's memory in [`MemoryHierarchy::tiers`].
    pub tiers: Vec<usize>,
    /// Share of uses that each memory serves.
    pub shares: Vec<f64>,
    /// Bytes that a token reads from each memory.
    pub bytes_per_token: Vec<f64>,
    /// Share of uses that do not reach the storage.
    pub hit_rate: f64,
    /// Time that a token spends on reading experts.
    pub seconds_per_token: f64,
}

impl SramMapper {
    /// A mapper for a device.
    pub fn new(hierarchy: MemoryHierarchy) -> Self {
        Self { hierarchy }
    }

    /// The device.
    pub fn hierarchy(&self) -> &MemoryHierarchy {
        &self.hierarchy
    }

    /// Places experts; the order of equals is kept.
    pub fn map(&self, experts: &[MappedExpert]) -> SramMap {
        let tiers = self.hierarchy.tiers();
        let storage = tiers.len() - 1;
        let mut order: Vec<usize> = (0..experts.len()).collect();
        order.sort_by(|&a, &b| experts[b].uses_per_token.total_cmp(&experts[a].uses_per_token));
        let mut left: Vec<u64> = tiers.iter().map(|tier| tier.bytes).collect();
        let (mut uses, mut bytes_per_token) = (vec![0.0; tiers.len()], vec![0.0; tiers.len()]);
        let mut placed = vec![storage; experts.len()];
        for i in order {
            let MappedExpert { bytes, uses_per_token } = experts[i];
            let tier = (0..storage).find(|&tier| left[tier] >= bytes).unwrap_or(storage);
            left[tier] = left[tier].saturating_sub(bytes);
            placed[i] = tier;
            uses[tier] += uses_per_token;
            bytes_per_token[tier] += uses_per_token * bytes as f64;
        }
        let all: f64 = uses.iter().sum();
        let shares: Vec<f64> = uses.iter().map(|u| if all > 0.0 { u / all } else { 0.0 }).collect();
        let seconds = bytes_per_token.iter().zip(tiers).map(|(bytes, tier)| bytes / tier.bandwidth).sum();
        let hit_rate = 1.0 - shares[storage];
        SramMap { tiers: placed, shares, bytes_per_token, hit_rate, seconds_per_token: seconds }
    }
}
