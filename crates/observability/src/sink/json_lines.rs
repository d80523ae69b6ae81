//! Domain events as JSON, one object a line.

use crate::ObservabilityError;
use domain_types::{Clock, DomainEvent, EventSink};
use serde::Serialize;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Writes `{"unix_s":1764000000.25,"event":"ModelLoaded","model":"tiny",…}` lines. Numbers that JSON does not know (NaN,
/// infinities) become `null`.
///
/// Recording never fails: after the first write error the sink is off, and [`JsonLines::finish`] reports that error.
#[derive(Debug)]
pub struct JsonLines<W, C> {
    state: Mutex<State<W>>,
    clock: C,
}

#[derive(Debug)]
struct State<W> {
    writer: W,
    failure: Option<io::Error>,
}

/// One line: the time beside the event's own fields.
#[derive(Serialize)]
struct Line<'a> {
    unix_s: f64,
    #[serde(flatten)]
    event: &'a DomainEvent,
}

impl<W: Write + Send, C: Clock> JsonLines<W, C> {
    /// A sink into `writer` (buffer it, if it is a file), with times from `clock`.
    pub fn new(writer: W, clock: C) -> Self {
        Self { state: Mutex::new(State { writer, failure: None }), clock }
    }

    /// Flushes and gives the writer back, or the first error that writing met.
    pub fn finish(self) -> Result<W, ObservabilityError> {
        let State { mut writer, failure } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let flushed = writer.flush();
        match failure.map_or(flushed, Err) {
            Ok(()) => Ok(writer),
            Err(error) => Err(ObservabilityError::EventLog(error)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write + Send, C: Clock> EventSink for JsonLines<W, C> {
    fn record(&self, event: &DomainEvent) {
        let line = Line { unix_s: self.clock.unix().as_secs_f64(), event };
        // Built outside the lock and written at once, so that a line is whole or absent.
        let text = serde_json::to_string(&line).map(|text| text + "\n").map_err(io::Error::from);
        let mut state = self.state();
        if state.failure.is_none() {
            state.failure = text.and_then(|text| state.writer.write_all(text.as_bytes())).err();
        }
    }

    fn enabled(&self) -> bool {
        self.state().failure.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;
    use domain_types::testing::{event_sink_conformance, sample_events};
    use std::time::Duration;

    fn clock() -> ManualClock {
        ManualClock::at(Duration::from_millis(1_800_000_000_250))
    }

    #[test]
    fn a_line_is_the_event_and_its_time() {
        let sink = JsonLines::new(Vec::new(), clock());
        sink.record(&DomainEvent::ModelLoaded { model: "a \"b\"\n".into(), tensors: 2, bytes: 7 });
        let text = String::from_utf8(sink.finish().unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"unix_s\":1800000000.25,\"event\":\"ModelLoaded\",\"model\":\"a \\\"b\\\"\\n\",\"tensors\":2,\"bytes\":7}\n"
        );
    }

    #[test]
    fn lines_from_several_threads_stay_whole() {
        let sink = JsonLines::new(Vec::new(), clock());
        event_sink_conformance(&sink);
        let text = String::from_utf8(sink.finish().unwrap()).unwrap();
        assert_eq!(text.lines().count(), 3 * sample_events().len());
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(value["event"].is_string(), "{line}");
        }
    }

    #[test]
    fn the_first_write_error_is_kept_and_turns_the_sink_off() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::StorageFull, "disk full"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let sink = JsonLines::new(Full, clock());
        assert!(sink.enabled());
        sink.record(&DomainEvent::CacheHitRateChanged { old: 0.1, new: 0.2 });
        assert!(!sink.enabled());
        let message = sink.finish().err().unwrap().to_string();
        assert!(message.contains("disk full"), "{message}");
    }
}
