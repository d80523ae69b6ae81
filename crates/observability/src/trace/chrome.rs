//! Chrome's trace event format, through `tracing-chrome`.

use crate::ObservabilityError;
use std::fmt::Debug;
use std::fs::File;
use std::path::PathBuf;
use tracing::Event;
use tracing::field::{Field, Visit};
use tracing_chrome::{ChromeLayer, ChromeLayerBuilder, EventOrSpan, FlushGuard};
use tracing_subscriber::Registry;

/// A layer that writes spans and events to `path`; the file is complete once the guard is dropped.
pub(super) fn layer(path: PathBuf) -> Result<(ChromeLayer<Registry>, FlushGuard), ObservabilityError> {
    let file = File::create(&path).map_err(|source| ObservabilityError::Write { path, source })?;
    let builder = ChromeLayerBuilder::new().writer(file).include_args(true).include_locations(false);
    Ok(builder.name_fn(Box::new(name)).build())
}

/// An event is shown by its message (a domain event's name); `tracing` itself would name it after its source line.
fn name(item: &EventOrSpan<'_, '_, Registry>) -> String {
    match item {
        EventOrSpan::Span(span) => span.metadata().name().to_owned(),
        EventOrSpan::Event(event) => message(event).unwrap_or_else(|| event.metadata().name().to_owned()),
    }
}

fn message(event: &Event<'_>) -> Option<String> {
    struct Message(Option<String>);
    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                self.0 = Some(format!("{value:?}"));
            }
        }
    }
    let mut message = Message(None);
    event.record(&mut message);
    message.0
}
