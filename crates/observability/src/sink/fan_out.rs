//! One sink in front of several.

use domain_types::{DomainEvent, EventSink};
use std::fmt;
use std::sync::Arc;

/// Hands each event to several sinks. With none, or none that listens, it is not [`enabled`](EventSink::enabled), so
/// callers skip the figures that nobody would read.
#[derive(Clone, Default)]
pub struct FanOut {
    sinks: Vec<Arc<dyn EventSink>>,
}

impl FanOut {
    /// A fan-out to `sinks`, in this order. Keep a clone of an `Arc` to read a sink back later.
    pub fn new(sinks: impl IntoIterator<Item = Arc<dyn EventSink>>) -> Self {
        Self { sinks: sinks.into_iter().collect() }
    }
}

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut").field("sinks", &self.sinks.len()).finish()
    }
}

impl EventSink for FanOut {
    fn record(&self, event: &DomainEvent) {
        for sink in &self.sinks {
            sink.record(event);
        }
    }

    fn enabled(&self) -> bool {
        self.sinks.iter().any(|sink| sink.enabled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::port::NullSink;
    use domain_types::testing::{CollectingSink, event_sink_conformance};

    #[test]
    fn every_sink_gets_every_event() {
        let (first, second) = (Arc::new(CollectingSink::default()), Arc::new(CollectingSink::default()));
        let fan_out = FanOut::new([first.clone() as Arc<dyn EventSink>, second.clone()]);
        event_sink_conformance(&fan_out);
        assert!(first.events().len() > 3);
        assert_eq!(first.events().len(), second.events().len());
    }

    #[test]
    fn is_on_only_while_somebody_listens() {
        assert!(!FanOut::default().enabled());
        let deaf: Arc<dyn EventSink> = Arc::new(NullSink);
        assert!(!FanOut::new([deaf.clone()]).enabled());
        assert!(FanOut::new([deaf, Arc::new(CollectingSink::default())]).enabled());
    }
}
