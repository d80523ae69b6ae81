//! Interruptions and faults: output is complete or absent, and the exit code says what happened.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn pibit(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.args(args).arg("--quiet").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn quantize(output: &Path) -> Command {
    pibit(&["quantize", "tiny", "-f", "t3", "-o", output.to_str().unwrap()])
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What lies beside finished parts, which a calibration keeps; those must be whole.
fn files_but_parts(folder: &Path) -> Vec<PathBuf> {
    let (parts, files): (Vec<_>, _) = files(folder).into_iter().partition(|file| file.is_dir());
    assert!(parts.iter().flat_map(|folder| self::files(folder)).all(|part| is_intact(&part)), "{parts:?}");
    files
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn is_intact(file: &Path) -> bool {
    pibit(&["verify", file.to_str().unwrap()]).output().unwrap().status.success()
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = pibit(&["inspect", "tiny", "--tensors"]).spawn().unwrap();
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    // Nobody ever reads: the first write fails already.
    let mut child = pibit(&["formats", "--json"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = pibit(&["formats", "--json"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("standard output"), "{}", stderr(&output));
}

#[test]
fn ctrl_c_ends_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.gguf");
    for (name, args) in [
        ("-INT", vec!["eval", "tiny", "--corpus", "--chunks", "0"]),
        ("-TERM", vec!["quantize", "tiny", "-f", "t2_l12", "-o", output.to_str().unwrap()]),
        ("-INT", vec!["calibrate", "tiny", "--domains", "math,code", "-o", output.to_str().unwrap()]),
    ] {
        let child = pibit(&args).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(150));
        let start = Instant::now();
        signal(&child, name);
        let run = child.wait_with_output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{args:?}: {:?}", start.elapsed());
        assert_eq!(run.status.code(), Some(130), "{args:?}: {}", stderr(&run));
        assert_eq!(files_but_parts(folder.path()), [] as [PathBuf; 0], "{args:?} left something behind");
    }
}

/// Killed at many points; what then has the name must be whole, and nothing else may be there.
#[test]
fn a_killed_quantization_leaves_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.gguf");
    let start = Instant::now();
    assert!(quantize(&output).status().unwrap().success());
    let whole = start.elapsed();
    let expected = std::fs::read(&output).unwrap();
    let mut killed = 0;
    for round in 1..=12 {
        std::fs::remove_file(&output).ok();
        let mut child = quantize(&output).spawn().unwrap();
        std::thread::sleep(whole * round / 12);
        child.kill().unwrap();
        child.wait().unwrap();
        if let Ok(bytes) = std::fs::read(&output) {
            assert_eq!(bytes, expected, "round {round}: the file has its name, so it is whole");
        } else {
            killed += 1;
            assert_eq!(files(folder.path()), [] as [PathBuf; 0], "round {round}");
        }
    }
    assert!(killed > 0, "no run was killed in time");
}

#[test]
fn a_killed_calibration_leaves_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("calib.gguf");
    let calibrate = || {
        pibit(&[
            "calibrate",
            "tiny",
            "--domains",
            "math",
            "--samples",
            "4",
            "--ctx",
            "64",
            "-o",
            output.to_str().unwrap(),
        ])
    };
    let start = Instant::now();
    assert!(calibrate().status().unwrap().success());
    let whole = start.elapsed();
    for round in 1..=6 {
        std::fs::remove_file(&output).ok();
        let mut child = calibrate().spawn().unwrap();
        std::thread::sleep(whole * round / 6);
        child.kill().unwrap();
        child.wait().unwrap();
        let files = files_but_parts(folder.path());
        assert!(files.iter().all(|file| *file == output && is_intact(file)), "round {round}");
    }
}

/// Files above this size cannot be written, as on a full disk.
#[test]
fn a_full_disk_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.gguf");
    for args in [
        format!("quantize tiny -f piq3 -o {}", output.display()),
        format!("calibrate tiny --domains math --samples 2 --ctx 64 -o {}", output.display()),
        format!("dequantize tiny --as f32 -o {}", output.display()),
    ] {
        // SIGXFSZ is ignored, so that writing fails with an error instead.
        let script =
            format!("trap '' XFSZ; ulimit -f 100; exec {} {args} --quiet", env!("CARGO_BIN_EXE_pibit"));
        let run = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(run.status.code(), Some(1), "{args}: {}", stderr(&run));
        assert!(stderr(&run).contains("File too large"), "{args}: {}", stderr(&run));
        assert_eq!(files(folder.path()), [] as [PathBuf; 0], "{args} left something behind");
    }
}

/// From what the program cannot even start with to what is enough, without a crash between and without half a file.
#[track_caller]
fn memory_limits_are_said(args: &str, folder: &Path) {
    let mut said = 0;
    for kib in (30_000..150_000).step_by(1_500) {
        let program = env!("CARGO_BIN_EXE_pibit");
        let script = format!("ulimit -v {kib}; exec {program} {args} --threads 1 --quiet");
        let run = Command::new("bash").args(["-c", &script]).output().unwrap();
        match run.status.code() {
            Some(1) if stderr(&run).contains("out of memory") => said += 1,
            // Not even a thread could be started, or a file mapped.
            Some(1) if stderr(&run).starts_with("error: could not") => {}
            Some(0) => break,
            // The kernel or the loader gave up before `main`.
            None | Some(127) if said == 0 => {}
            code => panic!("{kib} KiB: {code:?}: {}", stderr(&run)),
        }
        assert_eq!(files_but_parts(folder), [] as [PathBuf; 0], "{kib} KiB: {args}");
    }
    assert!(said > 0, "no limit was met");
}

#[test]
fn too_little_memory_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.gguf");
    memory_limits_are_said("eval tiny --corpus --chunks 2", folder.path());
    let calibrate = format!("calibrate tiny --domains math --samples 1 --ctx 64 -o {}", output.display());
    memory_limits_are_said(&calibrate, folder.path());
    assert!(is_intact(&output));
    std::fs::remove_file(&output).unwrap();
    memory_limits_are_said(&format!("quantize tiny -f piq3 -o {}", output.display()), folder.path());
    assert!(is_intact(&output));
}

#[test]
fn exit_codes_tell_whose_fault_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = folder.path().join("hostile.gguf");
    std::fs::write(&hostile, b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff").unwrap();
    let hostile = hostile.to_str().unwrap();
    for (args, code) in [
        (vec!["formats"], 0),
        (vec!["inspect", "/absent.gguf"], 1),
        (vec!["quantize", "tiny", "-f", "piq3", "-o", "/absent/folder/out.gguf"], 1),
        (vec!["quantize", "tiny"], 2),
        (vec!["no-such-command"], 2),
        (vec!["inspect", hostile], 3),
        (vec!["verify", hostile], 3),
    ] {
        let run = pibit(&args).output().unwrap();
        assert_eq!(run.status.code(), Some(code), "{args:?}: {}", stderr(&run));
    }
}

/// Links stay and lead to the new file, modes are kept, and what is write-protected is left alone.
#[test]
fn an_output_is_written_where_it_leads() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |output: &Path| quantize(output).output().unwrap();
    std::fs::create_dir(at("elsewhere")).unwrap();
    symlink("elsewhere/new.gguf", at("link")).unwrap();
    for _ in 0..2 {
        assert!(run(&at("link")).status.success(), "first to a file that is not there, then over it");
        assert!(at("link").is_symlink() && is_intact(&at("elsewhere/new.gguf")));
        assert_eq!(files(&at("elsewhere")).len(), 1);
    }

    std::fs::write(at("old.gguf"), "old").unwrap();
    std::fs::set_permissions(at("old.gguf"), PermissionsExt::from_mode(0o640)).unwrap();
    assert!(run(&at("old.gguf")).status.success());
    assert_eq!(at("old.gguf").metadata().unwrap().permissions().mode() & 0o777, 0o640);

    std::fs::write(at("kept.gguf"), "kept").unwrap();
    std::fs::set_permissions(at("kept.gguf"), PermissionsExt::from_mode(0o444)).unwrap();
    let refused = run(&at("kept.gguf"));
    assert!(
        !refused.status.success() && stderr(&refused).contains("write-protected"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(std::fs::read(at("kept.gguf")).unwrap(), b"kept");

    assert!(run(Path::new("/dev/null")).status.success());
    assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());

    symlink("circle", at("circle")).unwrap();
    assert!(stderr(&run(&at("circle"))).contains("circle"));
}

#[test]
fn a_pipe_gets_the_whole_file() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let (pipe, file) = (folder.path().join("pipe"), folder.path().join("file.gguf"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = quantize(&pipe).spawn().unwrap();
    // Opening waits until the program writes.
    std::fs::write(&file, std::fs::read(&pipe).unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(is_intact(&file) && pipe.metadata().unwrap().file_type().is_fifo());
}

/// A program that waits for its user, ended by a signal.
#[test]
fn a_trace_is_whole_whatever_ends_the_program() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("trace.json");
        let target = format!("chrome:{}", trace.display());
        let args = ["chat", "tiny", "--chat-template", "chatml", "-n", "2", "--trace", &target];
        let mut child = pibit(&args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"Hi\n").unwrap();
        // The answer ends with a line; then the program waits.
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
            .unwrap();
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        let events: serde_json::Value = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
        let events = events.as_array().unwrap();
        assert!(events.iter().any(|event| event["name"] == "load"), "{name}");
    }
}

#[test]
fn paths_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&inner).unwrap();
    let (first, second) = (inner.join("a.gguf"), inner.join("b.gguf"));
    let run = |args: &[&OsStr]| {
        let output = pibit(&[]).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        output
    };
    let [quantize, format, output] = ["quantize", "-fq8_0", "-o"].map(OsStr::new);
    run(&[quantize, OsStr::new("tiny"), format, output, first.as_os_str()]);
    run(&[quantize, first.as_os_str(), format, output, second.as_os_str()]);
    let inspected = run(&[OsStr::new("inspect"), second.as_os_str(), OsStr::new("--json")]);
    assert!(serde_json::from_slice::<serde_json::Value>(&inspected.stdout).is_ok());
    run(&[OsStr::new("verify"), second.as_os_str()]);
}
