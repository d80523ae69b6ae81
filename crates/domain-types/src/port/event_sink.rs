//! Where domain events go.

use crate::DomainEvent;

/// Takes domain events. Recording never fails and must be cheap: it may run inside loops over tensors and tokens.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn record(&self, event: &DomainEvent);

    /// Whether anyone listens: expensive figures need not be computed where nobody does.
    fn enabled(&self) -> bool {
        true
    }
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullSink;

impl EventSink for NullSink {
    fn record(&self, _event: &DomainEvent) {}

    fn enabled(&self) -> bool {
        false
    }
}
