#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod error;
mod metric;
mod quality;
pub mod report;
mod sink;
mod table;
#[cfg(feature = "telemetry")]
mod telemetry;
#[cfg(not(feature = "telemetry"))]
#[path = "no_telemetry.rs"]
mod telemetry;
mod trace;

pub use clock::{ManualClock, SystemClock};
pub use error::ObservabilityError;
pub use metric::{MetricInfo, metrics};
pub use quality::{
    ActivationCounts, ActivationShares, ActivationWatch, Drift, Measure, Observation, QualityLimits,
    QualityMonitor, WatchedCodecs,
};
pub use report::Report;
pub use sink::{Counters, EVENT_TARGET, EventCount, FanOut, JsonLines, TracingSink};
pub use table::{Cell, Column, Table};
pub use trace::{FILTER_VARIABLE, TraceGuard, TraceOptions, TraceTarget, init};
