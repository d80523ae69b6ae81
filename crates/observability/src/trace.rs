//! Tracing for a program: what `--trace pretty|json|chrome:FILE` means.

mod chrome;
mod target;

pub use target::TraceTarget;

use crate::ObservabilityError;
use std::io::IsTerminal;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::{self, format::FmtSpan, time::Uptime};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry};

/// The environment variable that replaces the default filter, for example `PIBIT_LOG=warn,pibit=debug`.
pub const FILTER_VARIABLE: &str = "PIBIT_LOG";

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Completes trace files when dropped: keep it until the end of `main`, and drop it before `std::process::exit`.
#[must_use = "the trace ends where the guard is dropped"]
pub struct TraceGuard {
    _chrome: Option<tracing_chrome::FlushGuard>,
}

/// Sets up tracing for the whole process; messages go to stderr, so stdout stays the program's own.
///
/// With a target, everything from `INFO` up is traced. Without one, or beside a Chrome trace, stderr gets warnings, or
/// errors alone where `quiet`. [`FILTER_VARIABLE`] overrides the levels of the chosen target.
pub fn init(target: Option<TraceTarget>, quiet: bool) -> Result<TraceGuard, ObservabilityError> {
    let chosen = filter(if target.is_some() { "info" } else { stderr_level(quiet) })?;
    let (layers, chrome) = match target {
        None | Some(TraceTarget::Pretty) => (vec![console(chosen)], None),
        Some(TraceTarget::Json) => (vec![json(chosen)], None),
        Some(TraceTarget::Chrome(path)) => {
            let (layer, guard) = chrome::layer(path)?;
            let beside = console(EnvFilter::new(stderr_level(quiet)));
            (vec![layer.with_filter(chosen).boxed(), beside], Some(guard))
        }
    };
    let subscriber = tracing_subscriber::registry().with(layers);
    subscriber.try_init().map_err(|_| ObservabilityError::AlreadyInitialised)?;
    Ok(TraceGuard { _chrome: chrome })
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
