//! Adapters and norms over a quantized file, as users and scripts call the program.
#![cfg(feature = "train")]

use domain_types::TensorSource;
use model_store::GgufFile;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const SETTINGS: &str =
    "[qat]\nrow_length = 64\nbatch_size = 4\nwarmup = 2\nlog_every = 1\nlearning_rate = 3e-3\n";

fn pibit(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.current_dir(folder).args(args).arg("--quiet").output().expect("pibit starts")
}

fn ok(folder: &Path, args: &[&str]) -> String {
    let out = pibit(folder, args);
    assert!(out.status.success(), "pibit {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("output is UTF-8")
}

fn json(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&ok(folder, &[args, &["--json"]].concat())).expect("--json prints JSON")
}

fn refused(folder: &Path, args: &[&str]) -> String {
    let out = pibit(folder, args);
    assert!(!out.status.success(), "pibit {args:?} should fail");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// A folder with tiny in ternary, rotated, and settings.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("qat.toml"), SETTINGS).unwrap();
    ok(folder.path(), &["quantize", "tiny", "-f", "pit", "--rotate", "-o", "base.gguf"]);
    folder
}

fn perplexity(folder: &Path, args: &[&str]) -> f64 {
    let args = [&["eval"], args, &["--corpus", "--ctx", "128", "--chunks", "10"]].concat();
    json(folder, &args)["ppl"].as_f64().unwrap()
}

fn open(path: &Path) -> GgufFile {
    GgufFile::open(path, &quant_core::catalogue()).unwrap()
}

#[test]
fn an_adapter_is_trained_run_refused_elsewhere_and_merged() {
    let folder = folder();
    let folder = folder.path();
    let train =
        ["qat", "base.gguf", "--lora", "8", "--teacher", "tiny", "--config", "qat.toml", "--steps", "120"];
    let report = json(folder, &[&train[..], &["-o", "adapter.gguf"]].concat());
    assert_eq!((report["base"].as_str(), report["steps"].as_u64()), (Some("base.gguf"), Some(120)));
    let adapter = open(&folder.join("adapter.gguf"));
    let text = |key| adapter.metadata().str(key).map(str::to_owned);
    assert_eq!(
        (text("general.type").as_deref(), text("adapter.type").as_deref()),
        (Some("adapter"), Some("lora"))
    );
    ok(folder, &["verify", "adapter.gguf"]);
    let without = perplexity(folder, &["base.gguf"]);
    let with = perplexity(folder, &["base.gguf", "--lora", "adapter.gguf"]);
    assert!(with < 0.985 * without, "{with} with the adapter, {without} without");
    // Merged in F16 it is the same model, and packed again another one of the same kind.
    ok(folder, &["merge", "base.gguf", "--lora", "adapter.gguf", "-o", "merged.gguf"]);
    let merged = perplexity(folder, &["merged.gguf"]);
    assert!((merged / with - 1.0).abs() < 2e-3, "{merged} merged, {with} beside");
    ok(folder, &["merge", "base.gguf", "--lora", "adapter.gguf", "-f", "piq3", "-o", "packed.gguf"]);
    assert_eq!(open(&folder.join("packed.gguf")).info("blk.0.ffn_up.weight").unwrap().format.id(), "piq3");
    ok(folder, &["run", "base.gguf", "--lora", "adapter.gguf", "-p", "Tom has", "-n", "4"]);
    let text = refused(folder, &["run", "tiny", "--lora", "adapter.gguf", "-p", "Tom"]);
    assert!(text.contains("trained over another file"), "{text}");
    let text = refused(folder, &["run", "base.gguf", "--lora", "base.gguf", "-p", "Tom"]);
    assert!(text.contains("no LoRA adapter"), "{text}");
}

#[test]
fn norms_change_and_packed_matrices_do_not() {
    let folder = folder();
    let folder = folder.path();
    let train =
        ["qat", "base.gguf", "--mode", "norms", "--teacher", "tiny", "--config", "qat.toml", "--steps", "40"];
    json(folder, &[&train[..], &["-o", "norms.gguf"]].concat());
    ok(folder, &["verify", "norms.gguf"]);
    let (base, norms) = (open(&folder.join("base.gguf")), open(&folder.join("norms.gguf")));
    assert_eq!(base.tensors(), norms.tensors());
    for info in base.tensors() {
        let same = base.tensor(&info.name).unwrap().bytes() == norms.tensor(&info.name).unwrap().bytes();
        assert_eq!(same, !info.name.ends_with("norm.weight"), "{}", info.name);
    }
    assert_eq!(base.spec().unwrap(), norms.spec().unwrap(), "rotations included");
    let (with, without) = (perplexity(folder, &["norms.gguf"]), perplexity(folder, &["base.gguf"]));
    assert!(with < without, "{with} with other norms, {without} without");
}

/// With a format the model is quantized first, and learns from what it was.
#[test]
fn a_base_is_made_where_a_format_is_asked_for() {
    let folder = folder();
    let folder = folder.path();
    let train = ["qat", "tiny", "-f", "piq2", "--lora", "4", "--config", "qat.toml", "--steps", "2"];
    let report = json(folder, &[&train[..], &["-o", "a.gguf"]].concat());
    assert_eq!(report["base"].as_str(), Some("a.base.gguf"));
    assert!(report["teacher_sha256"].is_string(), "{report:#}");
    assert_eq!(open(&folder.join("a.base.gguf")).info("blk.0.ffn_up.weight").unwrap().format.id(), "piq2");
    // What has the format already is taken as it is.
    let again = ["qat", "a.base.gguf", "-f", "piq2", "--lora", "4", "--config", "qat.toml", "--steps", "1"];
    let report = json(folder, &[&again[..], &["-o", "b.gguf"]].concat());
    assert_eq!(report["base"].as_str(), Some("a.base.gguf"));
    assert!(refused(folder, &["qat", "tiny", "-o", "c.gguf"]).contains("-f FORMAT is missing"));
}
