//! What can go wrong while observing.

use std::io;
use std::path::PathBuf;

/// An observability failure, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObservabilityError {
    /// A `--trace` value that names no target.
    #[error("trace target {0:?} is unknown: use `pretty`, `json`, `otlp` or `chrome:FILE`")]
    UnknownTarget(String),
    /// The filter variable does not parse.
    #[error(
        "{variable}={value:?} is not a log filter ({reason}): use for example `info` or `warn,pibit=debug`"
    )]
    BadFilter {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What the parser said.
        reason: String,
    },
    /// OTLP or the Prometheus endpoint could not be set up.
    #[error("telemetry: {0}")]
    Telemetry(String),
    /// A second subscriber for one process.
    #[error("tracing is already set up in this process: call `init` once, from `main`")]
    AlreadyInitialised,
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// An event line could not be written; later events were dropped.
    #[error("cannot write the event log: {0}; events from there on were dropped")]
    EventLog(#[source] io::Error),
    /// A table row that does not fit the columns.
    #[error("a row of table {table:?} has {cells} cells, the table has {columns} columns")]
    RowWidth {
        /// The table's caption.
        table: String,
        /// Cells in the row.
        cells: usize,
        /// Columns in the table.
        columns: usize,
    },
    /// A plot whose data does not fit together, or that could not be drawn.
    #[error("plot {title:?}: {reason}")]
    Plot {
        /// The plot's title.
        title: String,
        /// What is wrong.
        reason: String,
    },
}

impl ObservabilityError {
    pub(crate) fn plot(title: &str, reason: impl Into<String>) -> Self {
        Self::Plot { title: title.to_owned(), reason: reason.into() }
    }
}
