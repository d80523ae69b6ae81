//! Time as a dependency, so that runs can be reproduced.

use core::time::Duration;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// Time since an arbitrary fixed start: never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Time since 1970-01-01 UTC, for provenance.
    fn unix(&self) -> Duration;
}
