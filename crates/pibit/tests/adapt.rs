//! A model in use goes on learning, and goes back, as users and scripts call the program.
#![cfg(feature = "train")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// A text of a kind that tiny has never seen.
const RECENT: &str = "The parcel from Oslo weighs nine kilos. The parcel from Rome weighs four kilos. \
    The parcel from Cork weighs seven kilos. The parcel from Bonn weighs two kilos. \
    The parcel from Lyon weighs six kilos. The parcel from Turin weighs five kilos.";

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

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("recent.txt"), RECENT).unwrap();
    ok(folder.path(), &["quantize", "tiny", "-f", "piq2", "-o", "model.gguf"]);
    folder
}

fn number(report: &Value, key: &str) -> f64 {
    report[key].as_f64().unwrap_or_else(|| panic!("{key} in {report:#}"))
}

/// Perplexity on held-out text of the corpus: what the model knew.
fn corpus_ppl(folder: &Path, model: &str) -> f64 {
    number(&json(folder, &["eval", model, "--corpus", "--ctx", "128", "--chunks", "10"]), "ppl")
}

#[test]
fn scales_move_towards_recent_text_and_fisher_information_holds_them() {
    let folder = folder();
    let folder = folder.path();
    let before = std::fs::read(folder.join("model.gguf")).unwrap();
    let report = json(folder, &["adapt", "fisher", "model.gguf", "--rows", "32", "-o", "fisher.gguf"]);
    assert!(number(&report, "scales") > 1000.0, "{report:#}");
    let scales = |more: &[&str]| {
        json(folder, &[&["adapt", "scales", "model.gguf", "--text", "recent.txt"], more].concat())
    };
    let free = scales(&["--fisher", "fisher.gguf", "--ewc", "0", "-o", "free.gguf"]);
    let held = scales(&["--fisher", "fisher.gguf", "--ewc", "100", "-o", "held.gguf"]);
    for report in [&free, &held] {
        assert_eq!(report["changed"], true, "{report:#}");
        assert!(number(report, "loss_after") < number(report, "loss_before"), "{report:#}");
    }
    assert!(number(&held, "change") < 0.7 * number(&free, "change"), "{free:#} {held:#}");
    assert_eq!(std::fs::read(folder.join("model.gguf")).unwrap(), before, "-o leaves the model alone");
    let [was, of_free, of_held] = ["model.gguf", "free.gguf", "held.gguf"].map(|m| corpus_ppl(folder, m));
    println!("corpus: {was} before, {of_free} free, {of_held} held");
    assert!((of_held - was).abs() < (of_free - was).abs(), "{was}, {of_free} free, {of_held} held");
    // What was said about the loss is what the runtime finds in the file.
    let runtime = |model: &str| {
        number(&json(folder, &["eval", model, "--text", "recent.txt", "--ctx", "48", "--chunks", "1"]), "ppl")
    };
    assert!(runtime("free.gguf") < runtime("model.gguf"));
    // In place, and back.
    scales(&[]);
    assert_ne!(std::fs::read(folder.join("model.gguf")).unwrap(), before);
    ok(folder, &["verify", "model.gguf"]);
    json(folder, &["adapt", "undo", "model.gguf"]);
    assert_eq!(std::fs::read(folder.join("model.gguf")).unwrap(), before);
}

#[test]
fn fisher_information_is_an_importance_matrix() {
    let folder = folder();
    let folder = folder.path();
    json(folder, &["adapt", "fisher", "tiny", "--rows", "16", "-o", "fisher.gguf"]);
    let weighed = ["quantize", "tiny", "-f", "piq2", "--step", "imatrix", "--imatrix", "fisher.gguf"];
    json(folder, &[&weighed[..], &["-o", "weighed.gguf"]].concat());
    let differ = std::fs::read(folder.join("weighed.gguf")).unwrap()
        != std::fs::read(folder.join("model.gguf")).unwrap();
    assert!(differ, "channels do not count alike");
    // It has no scales of a model in F16.
    let text = refused(
        folder,
        &["adapt", "scales", "model.gguf", "--text", "recent.txt", "--fisher", "fisher.gguf"],
    );
    assert!(text.contains("measure it again"), "{text}");
    let text =
        refused(folder, &["adapt", "scales", "model.gguf", "--text", "recent.txt", "--fisher", "model.gguf"]);
    assert!(text.contains("no Fisher information"), "{text}");
}

#[test]
fn an_adapter_learns_from_requests_and_is_merged() {
    let folder = folder();
    let folder = folder.path();
    let request = ["adapt", "request", "model.gguf", "--lora", "user.gguf", "--text", "recent.txt"];
    let first = json(folder, &[&request[..], &["--steps", "6"]].concat());
    assert_eq!(first["new"], true);
    let adapter = std::fs::read(folder.join("user.gguf")).unwrap();
    let second = json(folder, &[&request[..], &["--steps", "6"]].concat());
    assert_eq!(second["new"], false);
    assert!(number(&first, "loss_last") < number(&first, "loss_first"), "{first:#}");
    // It goes on where it was, and not from the start.
    assert!(number(&second, "loss_first") < number(&first, "loss_first"), "{first:#} {second:#}");
    assert!(number(&second, "loss_last") < number(&first, "loss_last"), "{first:#} {second:#}");
    assert_eq!(std::fs::read(folder.join("user.gguf.previous")).unwrap(), adapter);
    let merge = ["adapt", "merge", "model.gguf", "--lora", "user.gguf", "--domains", "math"];
    let before = std::fs::read(folder.join("model.gguf")).unwrap();
    let merged = json(folder, &[&merge[..], &["--samples", "8"]].concat());
    assert!(number(&merged, "bytes") <= before.len() as f64, "{merged:#}");
    ok(folder, &["verify", "model.gguf"]);
    ok(folder, &["run", "model.gguf", "-p", "The parcel from", "-n", "4"]);
    json(folder, &["adapt", "undo", "model.gguf"]);
    assert_eq!(std::fs::read(folder.join("model.gguf")).unwrap(), before);
    let text = refused(folder, &["adapt", "request", "model.gguf", "--lora", "new.gguf", "-p", "Too short"]);
    assert!(text.contains("little to learn"), "{text}");
}
