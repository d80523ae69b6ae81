//! The built program in a control group with little memory: a message and exit code 1, where the kernel would have killed it.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A group of our own below the memory controller, removed at the end.
struct Group {
    folder: PathBuf,
    limit: &'static str,
}

impl Group {
    /// `None` where groups cannot be made: that takes root and a mounted controller.
    fn new() -> Option<Self> {
        let name = format!("pibit-test-{}", std::process::id());
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        versions.into_iter().find_map(|(mount, limit)| {
            let folder = Path::new(mount).join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Self { folder, limit };
            // Another controller's folder has no such file.
            group.set_limit(1 << 30).ok().map(|()| group)
        })
    }

    fn set_limit(&self, bytes: u64) -> std::io::Result<()> {
        // Not created: the kernel makes the file, where the controller is there.
        let mut file = fs::OpenOptions::new().write(true).open(self.folder.join(self.limit))?;
        file.write_all(bytes.to_string().as_bytes())
    }

    fn run(&self, args: &str) -> Output {
        let (procs, program) = (self.folder.join("cgroup.procs"), env!("CARGO_BIN_EXE_pibit"));
        let script = format!("echo $$ > {} && exec {program} {args}", procs.display());
        Command::new("bash").args(["-c", &script]).output().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

/// From what is enough to start to what is enough to end.
#[track_caller]
fn limits_are_said(group: &Group, args: &str, output: Option<&Path>) {
    let mut said = 0;
    for mib in 2..100 {
        group.set_limit(mib << 20).unwrap();
        let run = group.run(&format!("{args} --threads 1 --quiet"));
        let stderr = String::from_utf8_lossy(&run.stderr);
        match run.status.code() {
            Some(0) => break,
            Some(1) => said += usize::from(stderr.contains("out of memory")),
            // Not even the loader had enough.
            None if said == 0 => {}
            code => panic!("{args}, {mib} MiB: {code:?}: {stderr}"),
        }
        assert!(output.is_none_or(|file| !file.exists()), "{args}, {mib} MiB left a file");
        assert!(mib < 99, "{args}: 99 MiB were not enough: {stderr}");
    }
    assert!(said > 0, "{args}: no limit was met");
}

#[test]
fn too_little_memory_is_said_before_the_kernel_kills() {
    let Some(group) = Group::new() else {
        println!("skipped: control groups of memory cannot be made here; that takes root");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.gguf");
    limits_are_said(&group, "eval tiny --corpus --chunks 2", None);
    let calibrate = format!("calibrate tiny --domains math --samples 1 --ctx 64 -o {}", output.display());
    limits_are_said(&group, &calibrate, Some(&output));
    assert!(output.exists());
}
