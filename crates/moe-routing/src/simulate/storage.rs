//! How long loading and computing take.

use std::time::Duration;

/// A simple model of a device: nothing overlaps, so times are upper bounds for whoever loads ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StorageModel {
    /// Bytes per second that are read from storage.
    pub bandwidth: f64,
    /// Time before the first byte of an expert.
    pub latency: Duration,
    /// Time to compute a token whose experts are all in memory.
    pub compute: Duration,
}

impl StorageModel {
    /// An NVMe drive of 2 GB/s and 0.1 ms, and memory of 20 GB/s that computing is bound by: a token reads `token_bytes`.
    pub fn nvme(token_bytes: u64) -> Self {
        let compute = Duration::from_secs_f64(token_bytes as f64 / 20e9);
        Self { bandwidth: 2e9, latency: Duration::from_micros(100), compute }
    }

    /// Seconds of a token that loads so many experts of so many bytes.
    pub fn token_seconds(&self, loads: u64, bytes: u64) -> f64 {
        let load = self.latency.as_secs_f64() + bytes as f64 / self.bandwidth;
        self.compute.as_secs_f64() + loads as f64 * load
    }
}
