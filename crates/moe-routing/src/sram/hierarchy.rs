//! The memories of a device.

use crate::MoeError;
use std::borrow::Cow;

/// One kind of memory.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryTier {
    /// For example `L3` or `flash`.
    pub name: Cow<'static, str>,
    /// Bytes of it that experts may use.
    pub bytes: u64,
    /// Bytes per second that are read from it in order.
    pub bandwidth: f64,
}

/// Memories from the fastest to the slowest. The last one is where the file lies: it holds everything, and what is read
/// from it counts as a miss.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryHierarchy {
    name: Cow<'static, str>,
    tiers: Vec<MemoryTier>,
}

impl MemoryHierarchy {
    /// Checks that there is a storage and that bandwidths are positive.
    pub fn new(name: impl Into<Cow<'static, str>>, tiers: Vec<MemoryTier>) -> Result<Self, MoeError> {
        if tiers.is_empty() {
            let (option, range) =
                ("memory tiers", "a device has at least the storage that the model lies in");
            return Err(MoeError::BadOption { option, value: 0.0, range });
        }
        if let Some(tier) = tiers.iter().find(|t| !(t.bandwidth.is_finite() && t.bandwidth > 0.0)) {
            let (option, range) = ("bandwidth of a memory", "finite and positive, in bytes per second");
            return Err(MoeError::BadOption { option, value: tier.bandwidth, range });
        }
        Ok(Self { name: name.into(), tiers })
    }

    /// The device.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its memories, fastest first.
    pub fn tiers(&self) -> &[MemoryTier] {
        &self.tiers
    }
}
