//! The programs that measure, built with optimisation.

use crate::sh;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Paths of `pibit` and of the programs in `benches/src/bin`, by name.
pub(super) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    pub(super) fn build() -> Result<Self> {
        let mut command =
            sh::cargo(["build", "--release", "--package", "pibit", "--package", "benches", "--bins"]);
        command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
        let messages = sh::output(&mut command)?;
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let program = |m: Value| {
            Some((m["target"]["name"].as_str()?.to_owned(), PathBuf::from(m["executable"].as_str()?)))
        };
        Ok(Self(messages.filter_map(program).collect()))
    }

    fn path(&self, name: &str) -> Result<&Path> {
        self.0.get(name).map(PathBuf::as_path).with_context(|| format!("cargo did not build {name}"))
    }

    pub(super) fn command(&self, name: &str) -> Result<Command> {
        Ok(Command::new(self.path(name)?))
    }

    /// A pibit command without notes.
    pub(super) fn pibit(&self, command: &str) -> Result<Command> {
        let mut pibit = self.command("pibit")?;
        pibit.args([command, "--quiet"]);
        Ok(pibit)
    }

    /// What a pibit command says in JSON.
    pub(super) fn pibit_json(&self, command: &str, args: &[&str]) -> Result<Value> {
        let text = sh::output(self.pibit(command)?.args(args).arg("--json"))?;
        serde_json::from_str(&text).with_context(|| format!("pibit {command} did not print JSON"))
    }

    /// When pibit was built.
    pub(super) fn pibit_built(&self) -> Result<std::time::SystemTime> {
        Ok(self.path("pibit")?.metadata()?.modified()?)
    }

    /// GB/s at which a buffer of this size is read in order, again and again.
    pub(super) fn read_bandwidth(&self, bytes: u64, threads: usize, seconds: f64) -> Result<f64> {
        let mut command = self.command("read-bandwidth")?;
        command.args([bytes.to_string(), threads.to_string(), seconds.to_string()]);
        Ok(sh::output(&mut command)?.trim().parse()?)
    }

    /// Keeps one core busy until the result is dropped.
    pub(super) fn busy(&self) -> Result<Busy> {
        Ok(Busy(self.command("busy")?.stdin(Stdio::piped()).spawn()?))
    }
}

/// A process that keeps one core busy.
pub(super) struct Busy(Child);

impl Drop for Busy {
    fn drop(&mut self) {
        // It ends when its input does; a failure to wait leaves nothing to do.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
