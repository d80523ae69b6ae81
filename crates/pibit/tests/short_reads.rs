//! Reads and writes that move less than asked for, and that signals interrupt: results are the same to the byte.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

/// The library that shortens calls, where there is a C compiler.
static SHIM: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.so", std::process::id()));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg("tests/short_reads/shim.c").arg("-ldl");
    let Ok(status) = cc.status() else {
        println!("skipped: no C compiler");
        return None;
    };
    assert!(status.success(), "the shim is valid C");
    Some(library)
});

/// What a command prints, run in a folder as usual or with short reads and writes.
fn run(folder: &TempDir, shim: Option<&Path>, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.current_dir(folder.path()).args(args).args(["--quiet", "--threads", "1"]);
    if let Some(shim) = shim {
        command.env("LD_PRELOAD", shim);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {told}");
    let shortened =
        told.lines().any(|line| line.ends_with(" calls were shortened") && !line.starts_with("0 "));
    assert_eq!(shortened, shim.is_some(), "{args:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs commands both ways; all that they print and write must be equal, but for how long it took.
fn same(commands: &[&[&str]], files: &[&str]) {
    let Some(shim) = SHIM.as_deref() else { return };
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for args in commands {
        let [usual, short] = [(&folders[0], None), (&folders[1], Some(shim))].map(|(f, s)| run(f, s, args));
        let untimed = |text: &str| text.rsplit_once(',').map_or(text, |(result, _)| result).to_owned();
        assert_eq!(untimed(&short), untimed(&usual), "{args:?}");
    }
    for file in files {
        let [usual, short] = folders.each_ref().map(|f| std::fs::read(f.path().join(file)).unwrap());
        assert!(usual == short, "{file} differs");
    }
}

#[test]
fn quantization_and_calibration_write_the_same_files() {
    let calibrate: &[&str] =
        &["calibrate", "tiny", "--domains", "math", "--samples", "2", "--ctx", "64", "-o", "calib.gguf"];
    let quantize: &[&str] = &["quantize", "tiny", "-f", "piq3", "--calib", "calib.gguf", "-o", "out.gguf"];
    same(&[calibrate, quantize, &["verify", "out.gguf"]], &["calib.gguf", "out.gguf"]);
}

#[test]
fn experts_are_read_whole() {
    let quantize: &[&str] = &["quantize", "tiny-moe", "-f", "piq3", "-o", "moe.gguf"];
    let text: &[&str] = &["run", "moe.gguf", "-p", "12+7=", "-n", "16", "--expert-budget", "200KB"];
    same(&[quantize, text], &["moe.gguf"]);
}

/// A checkpoint that was read in pieces goes on as one read at once.
#[cfg(feature = "train")]
#[test]
fn training_goes_on_from_a_checkpoint_read_in_pieces() {
    let Some(shim) = SHIM.as_deref() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = "[qat]\nrow_length=32\nbatch_size=1\nwarmup=1\ncheckpoint_every=1\nlog_every=1\n";
    std::fs::write(folder.path().join("qat.toml"), settings).unwrap();
    let train: &[&str] = &["qat", "tiny", "-f", "piq2", "--data", "arithmetic", "--config", "qat.toml"];
    let train = [train, &["--steps", "2", "--checkpoint", "run.safetensors", "-o", "out.gguf"]].concat();
    let losses = |text: &str| text.split("loss").nth(1).unwrap()[..7].to_owned();
    let first = run(&folder, Some(shim), &train);
    assert_eq!(losses(&run(&folder, Some(shim), &train)), losses(&first), "it was at its end already");
    run(&folder, Some(shim), &["verify", "out.gguf"]);
}
