//! Options of every command.

use observability::{ObservabilityError, TraceTarget};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What follows a `--trace`. The name is the contract of two options: of every command's, which says where a trace of
/// the run goes, and of `moe simulate`'s, which reads a recorded one. clap lets a command replace an option of all
/// commands if the values are of one type.
#[derive(Clone)]
pub enum Trace {
    /// Where a trace of the run goes.
    To(TraceTarget),
    /// A file of recorded routing.
    From(PathBuf),
}

impl Trace {
    /// The value of the option that every command has.
    ///
    /// # Errors
    /// What [`TraceTarget`] does not know.
    pub fn to(text: &str) -> Result<Self, ObservabilityError> {
        text.parse().map(Self::To)
    }
}

/// Options of every command.
#[derive(Default, clap::Args)]
pub struct Global {
    /// Write traces: `pretty` or `json` to standard error, `otlp` to a collector, or `chrome:FILE` for Perfetto
    #[arg(long, global = true, value_name = "pretty|json|otlp|chrome:FILE", value_parser = Trace::to)]
    pub trace: Option<Trace>,
    /// Serve metrics for Prometheus while the command runs, such as at 127.0.0.1:9464
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub metrics_addr: Option<SocketAddr>,
    /// Threads to use; all cores where not given
    #[arg(long, global = true)]
    pub threads: Option<usize>,
    /// No progress bars and no notes, only results
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

impl Global {
    /// Where a trace of the run goes.
    #[must_use]
    pub fn trace_target(&self) -> Option<TraceTarget> {
        match &self.trace {
            Some(Trace::To(target)) => Some(target.clone()),
            Some(Trace::From(_)) | None => None,
        }
    }
}
