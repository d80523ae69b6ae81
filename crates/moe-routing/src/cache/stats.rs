//! What happened in a cache.

/// Counts since the cache was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStats {
    /// Copies that were resident when they were wanted.
    pub hits: u64,
    /// Copies that had to be waited for.
    pub misses: u64,
    /// Copies loaded because they were wanted.
    pub loads: u64,
    /// Copies loaded ahead.
    pub prefetches: u64,
    /// Of those, used before they were evicted.
    pub prefetches_used: u64,
    /// Copies evicted.
    pub evictions: u64,
    /// Bytes loaded.
    pub bytes_loaded: u64,
    /// Loads given up after all retries.
    pub failures: u64,
}

impl CacheStats {
    /// Hits among all uses, 0 to 1.
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }
}
