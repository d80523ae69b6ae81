//! Who is compared.

use crate::MoeError;
use crate::eviction::PolicyKind;
use std::fmt;
use std::str::FromStr;

/// A way to route and to evict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contender {
    /// Top-k whatever memory holds, and a policy.
    Standard(PolicyKind),
    /// Routing that minds memory, and eviction by affinity.
    MemoryAware,
    /// Top-k and the oracle: the bound for everyone who routes like that.
    Belady,
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Standard(PolicyKind::Lru),
        Self::Standard(PolicyKind::Lfu),
        Self::Standard(PolicyKind::Arc),
        Self::Standard(PolicyKind::LeastStale),
        Self::Standard(PolicyKind::Affinity),
        Self::MemoryAware,
        Self::Belady,
    ];

    /// Its name, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard(kind) => kind.name(),
            Self::MemoryAware => "memory-aware",
            Self::Belady => "belady",
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Contender {
    type Err = MoeError;

    fn from_str(name: &str) -> Result<Self, MoeError> {
        let found = Self::ALL.into_iter().find(|contender| contender.name() == name);
        found.ok_or_else(|| MoeError::UnknownPolicy { name: name.into() })
    }
}
