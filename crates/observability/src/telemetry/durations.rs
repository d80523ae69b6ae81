//! How long spans last, as a histogram.

use super::instruments::Instruments;
use opentelemetry::KeyValue;
use std::sync::Arc;
use std::time::Instant;
use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Records the time from a span's creation to its end under the span's name.
pub(crate) struct SpanDurations {
    instruments: Arc<Instruments>,
}

struct Start(Instant);

impl SpanDurations {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        Self { instruments }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanDurations {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Start(Instant::now()));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(Start(start)) = span.extensions().get() {
            let stage = [KeyValue::new("pibit.stage", span.name())];
            self.instruments.stage_duration.record(start.elapsed().as_secs_f64(), &stage);
        }
    }
}
