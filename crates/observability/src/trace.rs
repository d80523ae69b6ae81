//! Tracing for a program: what `--trace pretty|json|otlp|chrome:FILE` and `--metrics-addr` mean.

mod chrome;
mod target;

pub use target::TraceTarget;

use crate::ObservabilityError;
use crate::telemetry::Telemetry;
use domain_types::EventSink;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::{self, format::FmtSpan, time::Uptime};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry};

/// The environment variable that replaces the default filter, for example `PIBIT_LOG=warn,pibit=debug`.
pub const FILTER_VARIABLE: &str = "PIBIT_LOG";

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// What to trace, and where to.
#[derive(Debug, Clone, Default)]
pub struct TraceOptions {
    /// Where the trace goes.
    pub target: Option<TraceTarget>,
    /// Errors alone on stderr, where it is not the target.
    pub quiet: bool,
    /// Where metrics are served in Prometheus' text format; port 0 takes a free one.
    pub metrics_addr: Option<SocketAddr>,
}

/// Completes trace files and sends what a collector has not got yet when dropped: keep it until the end of `main`, and drop it before `std::process::exit`.
#[must_use = "the trace ends where the guard is dropped"]
pub struct TraceGuard {
    _chrome: Option<tracing_chrome::FlushGuard>,
    telemetry: Telemetry,
}

impl TraceGuard {
    /// Where events must go to be counted in metrics, if metrics go anywhere.
    pub fn metrics_sink(&self) -> Option<Arc<dyn EventSink>> {
        self.telemetry.sink()
    }

    /// Where Prometheus finds the metrics, at path `/metrics`.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.telemetry.metrics_addr()
    }
}

/// Sets up tracing for the whole process; messages go to stderr, so stdout stays the program's own.
///
/// With a target, everything from `INFO` up is traced. Without one, or beside a Chrome trace, stderr gets warnings, or
/// errors alone where `quiet`. [`FILTER_VARIABLE`] overrides the levels of the chosen target. OpenTelemetry's own variables
/// (`OTEL_EXPORTER_OTLP_ENDPOINT`) send spans and metrics to a collector beside any target.
pub fn init(options: TraceOptions) -> Result<TraceGuard, ObservabilityError> {
    let TraceOptions { target, quiet, metrics_addr } = options;
    let chosen = filter(if target.is_some() { "info" } else { stderr_level(quiet) })?;
    let telemetry = Telemetry::start(target == Some(TraceTarget::Otlp), metrics_addr)?;
    let (mut layers, chrome) = match target {
        None | Some(TraceTarget::Pretty) => (vec![console(chosen)], None),
        Some(TraceTarget::Otlp) => (vec![console(EnvFilter::new(stderr_level(quiet)))], None),
        Some(TraceTarget::Json) => (vec![json(chosen)], None),
        Some(TraceTarget::Chrome(path)) => {
            let (layer, guard) = chrome::layer(path)?;
            let beside = console(EnvFilter::new(stderr_level(quiet)));
            (vec![layer.with_filter(chosen).boxed(), beside], Some(guard))
        }
    };
    if let Some(spans) = telemetry.span_layer() {
        layers.push(spans.with_filter(filter("info")?).boxed());
    }
    if let Some(durations) = telemetry.duration_layer() {
        layers.push(durations.with_filter(filter("info")?).boxed());
    }
    let subscriber = tracing_subscriber::registry().with(layers);
    subscriber.try_init().map_err(|_| ObservabilityError::AlreadyInitialised)?;
    Ok(TraceGuard { _chrome: chrome, telemetry })
}

fn stderr_level(quiet: bool) -> &'static str {
    if quiet { "error" } else { "warn" }
}

/// The filter from the environment, or the default.
fn filter(default: &str) -> Result<EnvFilter, ObservabilityError> {
    let value = std::env::var_os(FILTER_VARIABLE).filter(|value| !value.is_empty());
    let Some(value) = value else { return Ok(EnvFilter::new(default)) };
    let value = value.to_string_lossy().into_owned();
    EnvFilter::try_new(&value).map_err(|error| ObservabilityError::BadFilter {
        variable: FILTER_VARIABLE,
        reason: error.to_string(),
        value,
    })
}

/// Lines for people: time since the start, level, message, fields; a line with the duration where a span ends.
fn console(filter: EnvFilter) -> BoxedLayer {
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let layer = fmt::layer().compact().with_timer(Uptime::default()).with_span_events(FmtSpan::CLOSE);
    layer.with_ansi(colours).with_writer(std::io::stderr).with_filter(filter).boxed()
}

/// One JSON object a line, with UTC times.
fn json(filter: EnvFilter) -> BoxedLayer {
    let layer = fmt::layer().json().with_span_events(FmtSpan::CLOSE);
    layer.with_writer(std::io::stderr).with_filter(filter).boxed()
}
