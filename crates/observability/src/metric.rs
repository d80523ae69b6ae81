//! What a metric is called and means.

use serde::Serialize;

/// A metric as OpenTelemetry describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MetricInfo {
    /// Its name, by OpenTelemetry's conventions.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its unit (UCUM); empty where it has none.
    pub unit: &'static str,
    /// What it says, and by which attributes it is split.
    pub description: &'static str,
}

/// Every metric that OTLP and the Prometheus endpoint report; none without feature `telemetry`.
pub fn metrics() -> &'static [MetricInfo] {
    crate::telemetry::METRICS
}
