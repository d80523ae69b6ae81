//! The program, as tests call it in their own folder.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn pibit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pibit")).args(args).arg("--quiet").output().expect("pibit starts")
}

/// Standard output of a call that must succeed.
pub(crate) fn ok(args: &[&str]) -> String {
    let out = pibit(args);
    assert!(out.status.success(), "pibit {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("output is UTF-8")
}

pub(crate) fn json(args: &[&str]) -> Value {
    serde_json::from_str(&ok(args)).expect("--json prints JSON")
}

pub(crate) fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("test paths are UTF-8").to_owned()
}
