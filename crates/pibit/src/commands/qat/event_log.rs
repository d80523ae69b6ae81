//! The events of a run, in a file that goes on where a stopped run ended.

use anyhow::{Context as _, Result};
use domain_types::EventSink;
use observability::{JsonLines, SystemClock};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of JSON lines: events as they come, and at the end the largest memory that the process had.
pub(super) struct EventLog {
    path: PathBuf,
    lines: Arc<JsonLines<File, SystemClock>>,
}

impl EventLog {
    /// Appends to `path`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("could not open {}", path.display()))?;
        Ok(Self { path: path.to_path_buf(), lines: Arc::new(JsonLines::new(file, SystemClock::new())) })
    }

    pub(super) fn sink(&self) -> Arc<dyn EventSink> {
        self.lines.clone()
    }

    /// Fails where anything could not be written.
    pub(super) fn finish(self) -> Result<()> {
        let Self { path, lines } = self;
        let context = || format!("could not write {}", path.display());
        // Another sink may still hold the lines; they are unbuffered, so only an error is of interest.
        let mut file = match Arc::try_unwrap(lines) {
            Ok(lines) => lines.finish().with_context(context)?,
            Err(lines) if lines.enabled() => {
                OpenOptions::new().append(true).open(&path).with_context(context)?
            }
            Err(_) => anyhow::bail!("{}: is the disk full?", context()),
        };
        if let Some(bytes) = peak_memory() {
            writeln!(file, "{{\"peak_memory_bytes\":{bytes}}}").with_context(context)?;
        }
        Ok(())
    }
}

/// The largest resident memory of this process so far, where the system tells.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
