//! Counts and last values per kind of event.

use domain_types::{DomainEvent, EventSink};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts events and keeps the last of each kind, for summaries and reports.
#[derive(Debug, Default)]
pub struct Counters {
    kinds: Mutex<BTreeMap<&'static str, EventCount>>,
}

/// How often one kind of event happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventCount {
    /// The event's name.
    pub name: &'static str,
    /// How often.
    pub count: u64,
    /// The last one.
    pub last: DomainEvent,
}

impl Counters {
    /// The counts so far, by name. Kinds that never happened are absent.
    pub fn snapshot(&self) -> Vec<EventCount> {
        self.kinds().values().cloned().collect()
    }

    fn kinds(&self) -> MutexGuard<'_, BTreeMap<&'static str, EventCount>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Counters {
    fn record(&self, event: &DomainEvent) {
        let (name, last) = (event.name(), event.clone());
        let mut kinds = self.kinds();
        let count = kinds.get(name).map_or(0, |kind| kind.count) + 1;
        kinds.insert(name, EventCount { name, count, last });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::{event_sink_conformance, sample_events};

    #[test]
    fn counts_each_kind_and_keeps_the_last() {
        let counters = Counters::default();
        assert!(counters.snapshot().is_empty());
        for new in [0.2, 0.3] {
            counters.record(&DomainEvent::CacheHitRateChanged { old: 0.1, new });
        }
        let last = DomainEvent::CacheHitRateChanged { old: 0.1, new: 0.3 };
        assert_eq!(counters.snapshot(), [EventCount { name: "CacheHitRateChanged", count: 2, last }]);
    }

    #[test]
    fn conforms() {
        let counters = Counters::default();
        event_sink_conformance(&counters);
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.len(), sample_events().len());
        assert!(snapshot.iter().all(|kind| kind.count == 3 && kind.last.name() == kind.name));
    }
}
