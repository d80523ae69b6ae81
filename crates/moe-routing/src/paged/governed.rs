//! Restraint that follows the device's condition.

use crate::precision::{Governor, Restraint};
use domain_types::ConditionSensor;
use std::sync::Arc;
use std::time::Duration;

/// A governor and what it looks at.
pub(super) struct Governed {
    sensor: Arc<dyn ConditionSensor>,
    governor: Governor,
    /// Time between two readings.
    interval: Duration,
    last: Option<Duration>,
}

impl Governed {
    pub(super) fn new(sensor: Arc<dyn ConditionSensor>, governor: Governor, interval: Duration) -> Self {
        Self { sensor, governor, interval, last: None }
    }

    /// The restraint from now on, where it is time for a reading.
    pub(super) fn look(&mut self, now: Duration) -> Option<Restraint> {
        let due = self.last.is_none_or(|last| now.saturating_sub(last) >= self.interval);
        due.then(|| {
            self.last = Some(now);
            self.governor.observe(&self.sensor.condition())
        })
    }
}
