//! Options of every command.

use observability::TraceTarget;

/// Options of every command.
#[derive(clap::Args)]
pub struct Global {
    /// Write traces: `pretty` or `json` to standard error, or `chrome:FILE` for Perfetto
    #[arg(long, global = true, value_name = "pretty|json|chrome:FILE")]
    pub trace: Option<TraceTarget>,
    /// Threads to use; all cores where not given
    #[arg(long, global = true)]
    pub threads: Option<usize>,
    /// No progress bars and no notes, only results
    #[arg(long, short, global = true)]
    pub quiet: bool,
}
