//! `pibit gate`: gates pass on sound input, and a fault planted in each gate's input makes it fail.

use domain_types::TensorSource;
use model_store::GgufFile;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Exit code and JSON.
fn gate(args: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    let run = command.arg("gate").args(args).args(["--json", "--quiet"]).output().unwrap();
    let value = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&run.stderr)));
    (run.status.code().unwrap(), value)
}

fn quantize(format: &str, file: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.args(["quantize", "tiny", "-f", format, "--quiet", "-o"]).arg(file);
    assert!(command.output().unwrap().status.success());
}

#[track_caller]
fn passes(name: &str, args: &[&str]) -> Value {
    let (code, found) = gate(&[&[name], args].concat());
    assert_eq!((code, &found["gates"][name]["pass"]), (0, &json!(true)), "{found:#}");
    found["gates"][name]["figures"].clone()
}

#[track_caller]
fn fails(name: &str, args: &[&str]) -> Value {
    let (code, found) = gate(&[&[name], args].concat());
    assert_eq!((code, &found["gates"][name]["pass"]), (1, &json!(false)), "{found:#}");
    found["gates"][name]["figures"].clone()
}

#[test]
fn g1_measures_the_weights() {
    assert!(passes("G1", &[])["conditions_met"].as_f64().unwrap() >= 2.0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dead.gguf");
    dead(&file);
    fails("G1", &["--model", file.to_str().unwrap()]);
}

/// The model with all matrices zero: no format is better than another.
fn dead(file: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.args(["dequantize", "tiny", "--as", "f32", "--quiet", "-o"]).arg(file);
    assert!(command.output().unwrap().status.success());
    let mut bytes = std::fs::read(file).unwrap();
    let ranges = {
        let source = GgufFile::from_bytes(bytes.clone(), &quant_core::catalogue()).unwrap();
        let matrices = source.tensors().iter().filter(|info| info.is_matrix());
        matrices.map(|info| source.byte_range(&info.name).unwrap()).collect::<Vec<_>>()
    };
    for range in ranges {
        bytes[range].fill(0);
    }
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn g2_reads_a_log_and_is_no_pass_without() {
    let (code, found) = gate(&["G2"]);
    assert_eq!((code, &found["gates"]["G2"]["pass"]), (1, &json!(null)), "{found:#}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("qat.jsonl");
    let log = |loss: f64, score: f64, peak: f64| {
        let line = |epoch: usize, loss: f64, score: f64| {
            json!({"event": "QatEpochComplete", "epoch": epoch, "loss": loss, "ppl": 2.0,
                "reasoning_score": score, "peak_memory_bytes": peak})
        };
        std::fs::write(&file, format!("{}\n{}\n", line(1, 2.0, 0.8), line(2, loss, score))).unwrap();
    };
    let args = ["--qat-log", file.to_str().unwrap()];
    log(1.5, 0.82, 1.5e9);
    passes("G2", &args);
    for (loss, score, peak) in [(2.1, 0.82, 1.5e9), (1.5, 0.6, 1.5e9), (1.5, 0.82, 2.5e9)] {
        log(loss, score, peak);
        fails("G2", &args);
    }
    std::fs::write(
        &file,
        "{\"event\":\"QatEpochComplete\",\"loss\":2.0}\n{\"event\":\"QatEpochComplete\",\"loss\":1.0}\n",
    )
    .unwrap();
    fails("G2", &args);
}

/// A quantized file with the bytes of a feed-forward matrix turned over.
fn damaged(folder: &Path) -> String {
    let file = folder.join("damaged.gguf");
    quantize("piq2", &file);
    let mut bytes = std::fs::read(&file).unwrap();
    let (from, to) = (bytes.len() / 2, bytes.len() / 2 + 50_000);
    bytes[from..to].reverse();
    std::fs::write(&file, bytes).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn g3_and_g5_find_a_damaged_file() {
    assert!(passes("G3", &["--chunks", "4"])["perplexity_ratio"].as_f64().unwrap() > 1.0);
    let figures = passes("G5", &["--sources", ".."]);
    assert_eq!((&figures["faults_planted"], &figures["undetected_faults"]), (&json!(64.0), &json!(0.0)));
    let folder = tempfile::tempdir().unwrap();
    let file = damaged(folder.path());
    fails("G3", &["--chunks", "4", "--quantized", &file]);
    let figures = fails("G5", &["--quantized", &file]);
    assert!(figures["damaged_tensors"].as_f64().unwrap() >= 1.0);
}

#[test]
fn g5_finds_unsafe_code_that_is_not_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rs");
    let sources = folder.path().to_str().unwrap();
    // In two parts, so that the gate does not find this file.
    let block = format!("    {} {{ *p }}\n", "unsafe");
    std::fs::write(&file, format!("    // SAFETY: never null\n{block}")).unwrap();
    passes("G5", &["--sources", sources]);
    std::fs::write(&file, block).unwrap();
    fails("G5", &["--sources", sources]);
}

#[test]
fn g4_compares_instruction_counts() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: Valgrind is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("instructions.json");
    let args = ["--baseline", file.to_str().unwrap()];
    let (code, _) = gate(&["G4", args[0], args[1], "--record"]);
    assert_eq!(code, 0);
    passes("G4", &args);
    let mut baseline: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let decode = baseline["instructions"]["decode"].as_f64().unwrap();
    baseline["instructions"]["decode"] = json!((decode * 0.9) as u64);
    std::fs::write(&file, baseline.to_string()).unwrap();
    fails("G4", &args);
}

#[test]
fn g6_reads_the_module() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wasm");
    let args = ["--wasm", file.to_str().unwrap()];
    std::fs::write(&file, b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00\x00").unwrap();
    passes("G6", &args);
    std::fs::write(&file, b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00").unwrap();
    fails("G6", &args);
    let (code, found) = gate(&["G6"]);
    assert_eq!((code, &found["gates"]["G6"]["pass"]), (1, &json!(null)));
}
