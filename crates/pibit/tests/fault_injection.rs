//! Disks that fail: system calls answer with EIO or ENOSPC, or files end too early (strace tampers with them), and what
//! should have been written is complete or absent.

use std::path::Path;
use std::process::{Command, Output};

/// What a system call answers, and how people are told.
type Fault = (&'static str, &'static str);
const BROKEN: Fault = ("error=EIO", "Input/output error");
const FULL: Fault = ("error=ENOSPC", "No space left on device");
/// A read that finds the end of the file.
const ENDED: Fault = ("retval=0", "");

/// Runs pibit with call number `when` of `syscall` failing.
fn with_fault(fault: Fault, syscall: &str, when: usize, file: Option<&Path>, args: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    if let Some(file) = file {
        command.arg("-P").arg(file);
    }
    command.args([
        "-e",
        &format!("trace={syscall}"),
        "-e",
        &format!("inject={syscall}:{}:when={when}", fault.0),
    ]);
    command.arg(env!("CARGO_BIN_EXE_pibit")).args(args).arg("--quiet");
    command.output().unwrap()
}

fn can_trace() -> bool {
    let works = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    let works = works.is_ok_and(|run| run.status.success());
    if !works {
        println!("skipped: strace is not installed, or tracing is not allowed here");
    }
    works
}

/// Failed with a reason and without output, or succeeded with whole output; tells whether it failed.
#[track_caller]
fn all_or_nothing(run: &Output, fault: Fault, output: &Path) -> bool {
    let is_whole = is_intact;
    let text = String::from_utf8_lossy(&run.stderr);
    assert!(!text.contains("panicked"), "{text}");
    if run.status.success() {
        assert!(is_whole(output), "{} is not whole", output.display());
        return false;
    }
    assert_eq!(run.status.code(), Some(1), "{text}");
    assert!(text.contains(fault.1), "{text}");
    // Where the file has its name already and only the folder could not be flushed, it is whole.
    assert!(!output.exists() || is_whole(output), "{} was left behind: {text}", output.display());
    true
}

fn is_intact(file: &Path) -> bool {
    Command::new(env!("CARGO_BIN_EXE_pibit")).arg("verify").arg(file).output().unwrap().status.success()
}

/// How many of these faults made the command fail.
fn failures(fault: Fault, calls: &[(&str, usize)], command: &[&str]) -> usize {
    let failed = |&&(syscall, when): &&(&str, usize)| {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.gguf");
        let run =
            with_fault(fault, syscall, when, None, &[command, &["-o", output.to_str().unwrap()]].concat());
        all_or_nothing(&run, fault, &output)
    };
    calls.iter().filter(failed).count()
}

/// Each of these is reached: later ones may not be.
const REACHED: [(&str, usize); 4] = [("write", 1), ("write", 7), ("fsync", 1), ("linkat", 1)];

#[test]
fn quantize_writes_all_or_nothing() {
    if !can_trace() {
        return;
    }
    let command = ["quantize", "tiny", "-f", "uq2", "--threads", "1"];
    assert_eq!(failures(BROKEN, &REACHED, &command), REACHED.len());
    assert_eq!(failures(FULL, &REACHED, &command), REACHED.len());
    failures(BROKEN, &[("write", 40), ("fsync", 2), ("ftruncate", 1), ("openat", 20)], &command);
}

#[test]
fn calibrate_writes_all_or_nothing() {
    if !can_trace() {
        return;
    }
    let command = ["calibrate", "tiny", "--domains", "math", "--samples", "1", "--ctx", "64"];
    assert_eq!(failures(BROKEN, &REACHED, &command), REACHED.len());
    assert_eq!(failures(FULL, &REACHED[1..3], &command), 2);
}

/// Checkpoints are written on the way: neither they nor the file are ever half there.
#[cfg(feature = "train")]
#[test]
fn qat_writes_all_or_nothing() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (settings, checkpoint) = (folder.path().join("qat.toml"), folder.path().join("run.safetensors"));
    std::fs::write(&settings, "[qat]\nrow_length=32\nbatch_size=1\nwarmup=1\ncheckpoint_every=1\n").unwrap();
    let command = ["qat", "tiny", "-f", "piq2", "--data", "arithmetic", "--steps", "2", "--config"];
    let paths = [settings.to_str().unwrap(), "--checkpoint", checkpoint.to_str().unwrap()];
    let command = [&command[..], &paths].concat();
    for fault in [BROKEN, FULL] {
        for call in [("write", 2), ("fsync", 1), ("rename", 1), ("linkat", 1)] {
            std::fs::remove_file(&checkpoint).ok();
            assert_eq!(failures(fault, &[call], &command), 1, "{call:?}");
            // What the fault left is no obstacle: the same command ends, from the checkpoint where there is one.
            let output = folder.path().join("again.gguf");
            let again = Command::new(env!("CARGO_BIN_EXE_pibit"))
                .args(&command)
                .args(["-o", output.to_str().unwrap(), "--quiet"])
                .output()
                .unwrap();
            assert!(again.status.success(), "{call:?}: {}", String::from_utf8_lossy(&again.stderr));
            assert!(is_intact(&output));
        }
    }
}

/// Experts are read when they are needed: a disk that fails then ends the text with a reason.
#[test]
fn a_failing_disk_behind_experts_is_said() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("experts.gguf");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.args(["quantize", "tiny-moe", "-f", "piq3", "--quiet", "-o"]).arg(&file);
    assert!(command.output().unwrap().status.success());
    let name = file.to_str().unwrap();
    let args = ["run", name, "-p", "12+7=", "-n", "8", "--expert-budget", "200KB", "--threads", "1"];
    for (fault, when) in [(BROKEN, 1), (BROKEN, 5), (BROKEN, 30), (ENDED, 1), (ENDED, 30)] {
        let run = with_fault(fault, "pread64", when, Some(&file), &args);
        let text = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{fault:?} at read {when}: {text}");
        assert!(text.contains(fault.1) && text.starts_with("error: "), "{fault:?} at read {when}: {text}");
        assert!(!text.contains("panicked"), "{fault:?} at read {when}: {text}");
    }
}
