//! Clocks: the system's, and one that stands still.

use domain_types::Clock;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The machine's clock. Monotonic time starts when the value is made.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn unix(&self) -> Duration {
        // A machine whose clock is set before 1970 has no meaningful date to report.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A clock that moves only when told to: reproducible files and tests.
#[derive(Debug)]
pub struct ManualClock {
    start: Duration,
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that stands at `unix`, time since 1970-01-01 UTC.
    pub fn at(unix: Duration) -> Self {
        Self { start: unix, elapsed: Mutex::default() }
    }

    /// Moves both times forward.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = elapsed.saturating_add(by);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unix(&self) -> Duration {
        self.start.saturating_add(self.monotonic())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::clock_conformance;

    #[test]
    fn both_clocks_conform() {
        clock_conformance(&SystemClock::new());
        clock_conformance(&ManualClock::at(Duration::from_hours(500_000)));
    }

    #[test]
    fn manual_time_moves_both_readings() {
        let clock = ManualClock::at(Duration::from_secs(10));
        clock.advance(Duration::from_secs(5));
        assert_eq!((clock.monotonic().as_secs(), clock.unix().as_secs()), (5, 15));
    }

    #[test]
    fn system_time_passes() {
        let clock = SystemClock::new();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.monotonic() >= Duration::from_millis(2));
    }
}
