//! Results: JSON for scripts, text for people. Nothing else is printed on standard output.

use anyhow::{Context as _, Result};
use model_store::AtomicFile;
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// The standard macros panic where a pipe is closed (`pibit inspect tiny | head`). These, which all of this crate gets
/// in their place, leave off printing; [`finish`] reports any other error.
macro_rules! print {
    ($($text:tt)*) => { $crate::output::write(::std::format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::output::write(::std::format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::write(::std::format_args!("{}\n", ::std::format_args!($($text)*))) };
}

/// The first error that printing met: nothing is printed after it.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// What the macros call.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    let mut failure = FAILURE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if failure.is_none() {
        *failure = io::stdout().write_fmt(text).err();
    }
}

/// Flushes what was printed; an error where it could not be, unless nobody reads any more.
pub(crate) fn finish() -> Result<()> {
    let flushed = io::stdout().flush();
    let failure = FAILURE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    match failure.map_or(flushed, Err) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("could not write to standard output")
        }
        _ => Ok(()),
    }
}

/// Prints a value as pretty JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes a value as pretty JSON to a file, which appears whole or not at all.
pub(crate) fn json_file(path: &Path, value: &impl Serialize) -> Result<()> {
    let context = || format!("could not write {}", path.display());
    let mut file = AtomicFile::create(path)?;
    file.write_all(serde_json::to_string_pretty(value)?.as_bytes()).with_context(context)?;
    Ok(file.commit()?)
}

/// A byte count with a decimal unit.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..10_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}
