//! OpenTelemetry: traces and metrics over OTLP, and metrics in Prometheus' text format.

mod durations;
mod environment;
mod http_client;
mod instruments;
mod metrics_sink;
mod prometheus;

use crate::{MetricInfo, ObservabilityError};
use domain_types::EventSink;
use durations::SpanDurations;
use environment::{Signal, disabled, resource};
use http_client::{Client, Failure};
use instruments::Instruments;
use metrics_sink::MetricsSink;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use prometheus::Endpoint;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Registry;

/// The scope that spans and metrics are reported under, and the service's name where `OTEL_SERVICE_NAME` is not set.
const SCOPE: &str = "pibit";

/// Every metric that the program can report.
pub(crate) const METRICS: &[MetricInfo] = instruments::METRICS;

/// What sends traces and metrics until it is dropped.
#[derive(Default)]
pub(crate) struct Telemetry {
    tracer: Option<SdkTracerProvider>,
    meter: Option<SdkMeterProvider>,
    instruments: Option<Arc<Instruments>>,
    endpoint: Option<Endpoint>,
    failure: Failure,
}

impl Telemetry {
    /// Starts what is asked for: OTLP by flag or environment, a Prometheus endpoint by its address.
    pub(crate) fn start(otlp: bool, metrics_addr: Option<SocketAddr>) -> Result<Self, ObservabilityError> {
        let on = !disabled();
        let traces = on && Signal::Traces.is_asked(otlp)?;
        let sends_metrics = on && Signal::Metrics.is_asked(otlp)?;
        if !traces && !sends_metrics && metrics_addr.is_none() {
            return Ok(Self::default());
        }
        let failure = Failure::default();
        let client = || Client::new(failure.clone());
        let tracer = if traces {
            let spans = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
            let spans = spans.with_http_client(client()).build().map_err(refused)?;
            let provider = SdkTracerProvider::builder().with_resource(resource());
            Some(provider.with_batch_exporter(spans).build())
        } else {
            None
        };
        let mut meter = SdkMeterProvider::builder().with_resource(resource());
        if sends_metrics {
            let metrics = MetricExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
            let metrics = metrics.with_http_client(client()).build().map_err(refused)?;
            meter = meter.with_periodic_exporter(metrics);
        }
        let mut endpoint = None;
        if let Some(addr) = metrics_addr {
            let (reader, served) = Endpoint::open(addr)?;
            meter = meter.with_reader(reader);
            endpoint = Some(served);
        }
        let meter = meter.build();
        let instruments = Some(Arc::new(Instruments::new(&meter.meter(SCOPE))));
        Ok(Self { tracer, meter: Some(meter), instruments, endpoint, failure })
    }

    /// Spans to OTLP.
    pub(crate) fn span_layer(&self) -> Option<OpenTelemetryLayer<Registry, Tracer>> {
        let tracer = self.tracer.as_ref()?.tracer(SCOPE);
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Some(layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false))
    }

    /// Durations of spans to a metric.
    pub(crate) fn duration_layer(&self) -> Option<SpanDurations> {
        self.instruments.clone().map(SpanDurations::new)
    }

    /// Events to metrics.
    pub(crate) fn sink(&self) -> Option<Arc<dyn EventSink>> {
        self.instruments.clone().map(|instruments| Arc::new(MetricsSink::new(instruments)) as _)
    }

    /// Where Prometheus can ask.
    pub(crate) fn metrics_addr(&self) -> Option<SocketAddr> {
        self.endpoint.as_ref().map(Endpoint::addr)
    }
}

impl Drop for Telemetry {
    /// Sends what is left. A collector that cannot be reached is a warning: the work itself is done.
    fn drop(&mut self) {
        let spans = self.tracer.take().map(|tracer| tracer.shutdown());
        let metrics = self.meter.take().map(|meter| meter.shutdown());
        let late = [spans, metrics].into_iter().flatten().find_map(Result::err).map(|e| e.to_string());
        if let Some(reason) = self.failure.first().or(late) {
            tracing::warn!("traces or metrics were not delivered: {reason}");
        }
    }
}

fn refused(error: impl Display) -> ObservabilityError {
    ObservabilityError::Telemetry(error.to_string())
}
