//! Policies by name.

use super::{Affinity, Arc, EvictionPolicy, LeastStale, Lfu, Lru};
use crate::{ModelSize, MoeError};
use std::fmt;
use std::str::FromStr;

/// The policies that need no oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyKind {
    /// [`Lru`].
    Lru,
    /// [`Lfu`].
    Lfu,
    /// [`Arc`].
    Arc,
    /// [`LeastStale`].
    LeastStale,
    /// [`Affinity`] with its default half-lives.
    Affinity,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Lru, Self::Lfu, Self::Arc, Self::LeastStale, Self::Affinity];

    /// A policy for a model of this size.
    pub fn build(self, size: ModelSize) -> Box<dyn EvictionPolicy> {
        match self {
            Self::Lru => Box::new(Lru::new(size)),
            Self::Lfu => Box::new(Lfu::new(size)),
            Self::Arc => Box::new(Arc::new(size)),
            Self::LeastStale => Box::new(LeastStale::new(size)),
            Self::Affinity => Box::new(Affinity::new(size, Affinity::DEFAULT_HALF_LIVES)),
        }
    }

    /// Its name, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Lfu => "lfu",
            Self::Arc => "arc",
            Self::LeastStale => "least-stale",
            Self::Affinity => "affinity",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PolicyKind {
    type Err = MoeError;

    fn from_str(name: &str) -> Result<Self, MoeError> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| MoeError::UnknownPolicy { name: name.into() })
    }
}
