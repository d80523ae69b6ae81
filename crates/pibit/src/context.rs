//! What every command is given: formats, event sink, clock, progress.

use crate::global::Global;
use crate::interrupt::{self, TraceEnd};
use crate::progress::Progress;
use crate::threads;
use anyhow::{Context as _, Result, bail};
use domain_types::{Clock, EventSink, FormatCatalogue};
use observability::{FanOut, SystemClock, TraceGuard, TraceOptions, TracingSink};
use quant_core::Codecs;
use std::sync::Arc;

/// The wired contexts.
pub(crate) struct Context {
    pub(crate) catalogue: FormatCatalogue,
    pub(crate) codecs: Codecs,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) progress: Progress,
    _trace: TraceEnd,
}

impl Context {
    /// Sets up tracing and threads as the global options say.
    pub(crate) fn new(global: &Global) -> Result<Self> {
        let trace = observability::init(TraceOptions {
            target: global.trace_target(),
            quiet: global.quiet,
            metrics_addr: global.metrics_addr,
        })?;
        let progress = Progress::new(global.quiet);
        if let Some(addr) = trace.metrics_addr() {
            progress.note(&format!("metrics: http://{addr}/metrics"));
        }
        if let Some(threads) = global.threads {
            if threads == 0 {
                bail!("--threads must be at least 1");
            }
            threads::leave_room_for(threads)?;
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build_global().context("could not start the thread pool")?;
        }
        let sink = sink(&trace);
        Ok(Self {
            catalogue: quant_core::catalogue(),
            codecs: Codecs::default(),
            sink,
            clock: Box::new(SystemClock::new()),
            progress,
            _trace: interrupt::keep(trace),
        })
    }

    /// Seconds that `work` takes, and what it returns.
    pub(crate) fn timed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
        let start = self.clock.monotonic();
        let value = work()?;
        Ok((value, self.clock.monotonic().saturating_sub(start).as_secs_f64()))
    }
}

/// Events become `tracing` events, and metrics where those go anywhere.
fn sink(trace: &TraceGuard) -> Arc<dyn EventSink> {
    let traced: Arc<dyn EventSink> = Arc::new(TracingSink);
    Arc::new(FanOut::new([traced].into_iter().chain(trace.metrics_sink())))
}
