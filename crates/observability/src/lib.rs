#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod error;
pub mod report;
mod sink;
mod table;
mod trace;

pub use clock::{ManualClock, SystemClock};
pub use error::ObservabilityError;
pub use report::Report;
pub use sink::{Counters, EVENT_TARGET, EventCount, FanOut, JsonLines, TracingSink};
pub use table::{Cell, Column, Table};
pub use trace::{FILTER_VARIABLE, TraceGuard, TraceTarget, init};
