//! Training that is interrupted or killed: the checkpoint is whole, and the same command goes on from it.
#![cfg(all(feature = "train", target_os = "linux"))]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SETTINGS: &str =
    "[qat]\nrow_length = 64\nbatch_size = 2\nwarmup = 1\nlog_every = 1\ncheckpoint_every = 1\n";

/// A folder for a run.
struct Run {
    folder: TempDir,
    steps: usize,
}

impl Run {
    fn new(steps: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("qat.toml"), SETTINGS).unwrap();
        Self { folder, steps }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
        command.current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.args([
            "qat",
            "tiny",
            "-f",
            "piq2",
            "--data",
            "arithmetic",
            "--config",
            "qat.toml",
            "--quiet",
        ]);
        command.args(["--steps", &self.steps.to_string(), "--checkpoint", "run.safetensors"]);
        command.args(["--curve", "curve.json", "-o", "out.gguf"]);
        command
    }

    /// Runs to the end and gives the losses of all steps.
    fn finish(&self) -> Vec<f64> {
        let run = self.command().output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert!(is_intact(&self.path("out.gguf")));
        let curve = std::fs::read(self.path("curve.json")).unwrap();
        let curve: Vec<Value> = serde_json::from_slice(&curve).unwrap();
        curve.iter().map(|point| point["loss"].as_f64().unwrap()).collect()
    }

    /// Starts, and waits for the first checkpoint.
    fn start(&self) -> Child {
        let child = self.command().spawn().unwrap();
        let start = Instant::now();
        while !self.path("run.safetensors").exists() {
            assert!(start.elapsed() < Duration::from_mins(1), "no checkpoint");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }
}

fn is_intact(file: &Path) -> bool {
    Command::new(env!("CARGO_BIN_EXE_pibit")).arg("verify").arg(file).output().unwrap().status.success()
}

#[track_caller]
fn same(losses: &[f64], expected: &[f64]) {
    assert_eq!(losses.len(), expected.len());
    for (loss, expected) in losses.iter().zip(expected) {
        // Threads add up sums in any order.
        assert!((loss - expected).abs() < 1e-5, "{losses:?} are not {expected:?}");
    }
}

/// A training that is killed again and again gets to the end, with the losses of one that never was.
#[test]
fn killed_at_many_points_training_goes_on() {
    let (undisturbed, run) = (Run::new(8), Run::new(8));
    let start = Instant::now();
    let expected = undisturbed.finish();
    let whole = start.elapsed();
    let mut killed = 0;
    for round in 1..=8_u32 {
        let mut child = run.command().spawn().unwrap();
        std::thread::sleep(whole * (3 + round) / 16);
        child.kill().unwrap();
        child.wait().unwrap();
        if run.path("out.gguf").exists() {
            assert!(is_intact(&run.path("out.gguf")), "round {round}: it has its name, so it is whole");
            std::fs::remove_file(run.path("out.gguf")).unwrap();
        } else {
            killed += 1;
        }
    }
    assert!(killed > 0, "no run was killed in time");
    same(&run.finish(), &expected);
}

/// From too little to start with to what is enough: said, exit code 1, and no file that is not whole.
#[test]
fn too_little_memory_for_training_is_said() {
    let run = Run::new(1);
    let mut said = 0;
    for megabytes in (40..2000).step_by(60) {
        let command = run.command();
        let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        let script = format!(
            "ulimit -v {}; exec {} {} --threads 1",
            megabytes * 1000,
            env!("CARGO_BIN_EXE_pibit"),
            args.join(" ")
        );
        let mut limited = Command::new("bash");
        let limited = limited.args(["-c", &script]).current_dir(run.folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&limited.stderr);
        match limited.status.code() {
            Some(0) => break,
            Some(1) if text.contains("out of memory") => said += 1,
            Some(1) if text.starts_with("error: could not") => {}
            None | Some(127) if said == 0 => {}
            code => panic!("{megabytes} MB: {code:?}: {text}"),
        }
        assert!(!run.path("out.gguf").exists() && !run.path("curve.json").exists(), "{megabytes} MB");
    }
    assert!(said > 0, "no limit was met");
    assert!(is_intact(&run.path("out.gguf")));
}

#[test]
fn ctrl_c_ends_training_within_a_second_and_keeps_the_checkpoint() {
    let run = Run::new(40);
    let child = run.start();
    let start = Instant::now();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let stopped = child.wait_with_output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(stopped.status.code(), Some(130), "{}", String::from_utf8_lossy(&stopped.stderr));
    assert!(!run.path("out.gguf").exists());
    let again = run.finish();
    same(&again, &Run::new(40).finish());
}
