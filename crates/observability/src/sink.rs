//! Where domain events go: implementations of [`EventSink`](domain_types::EventSink).

mod counters;
mod fan_out;
mod json_lines;
mod tracing_sink;

pub use counters::{Counters, EventCount};
pub use fan_out::FanOut;
pub use json_lines::JsonLines;
pub use tracing_sink::{EVENT_TARGET, TracingSink};
