//! `pibit calibrate` on the embedded model; against llama.cpp where PIBIT_LLAMA_CPP names a folder with its tools.

use domain_types::TensorSource;
use model_store::GgufFile;
use qat_training::corpus::{Corpus, Split};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn pibit(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.env_remove("SOURCE_DATE_EPOCH").envs(variables.iter().copied());
    command.args(args).arg("--quiet").output().expect("pibit starts")
}

fn ok(args: &[&str], variables: &[(&str, &str)]) -> String {
    let out = pibit(args, variables);
    assert!(out.status.success(), "pibit {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("output is UTF-8")
}

fn fails(args: &[&str]) -> String {
    let out = pibit(args, &[]);
    assert!(!out.status.success(), "pibit {args:?} should fail");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("test paths are UTF-8").to_owned()
}

/// A text that the model knows.
fn text(folder: &Path) -> String {
    let samples: Vec<String> = Corpus::new(5).mixed(Split::Train).take(300).map(|s| s.text()).collect();
    let file = path(folder, "text.txt");
    std::fs::write(&file, samples.join("\n\n")).expect("writable");
    file
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let text = text(folder.path());
    let calibrated = |name: &str, seed: &str, variables: &[(&str, &str)]| {
        let file = path(folder.path(), name);
        let domains = ["--domains", "math,tool-use", "--samples", "7", "--ctx", "96", "--seed", seed];
        ok(&[&["calibrate", "tiny", "--text", &text, "-o", &file], &domains[..]].concat(), variables);
        std::fs::read(file).unwrap()
    };
    let one = calibrated("one", "1", &[("RAYON_NUM_THREADS", "1")]);
    assert!(one == calibrated("three", "1", &[("RAYON_NUM_THREADS", "3")]), "threads must not matter");
    assert!(one != calibrated("other", "2", &[]), "another seed chooses other chunks");
    assert!(one != calibrated("dated", "1", &[("SOURCE_DATE_EPOCH", "1700000000")]), "the time is recorded");
    let dated = GgufFile::open(path(folder.path(), "dated"), &quant_core::catalogue()).unwrap();
    assert_eq!(dated.metadata().u64("pibit.calibration.time"), Some(1_700_000_000));
}

#[test]
fn a_killed_run_goes_on_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (path(folder.path(), "whole"), path(folder.path(), "killed"));
    let args =
        |file| ["calibrate", "tiny", "--domains", "math,code", "--samples", "64", "--json", "-o", file];
    let expected = ok(&args(&whole), &[]);

    let mut child = Command::new(env!("CARGO_BIN_EXE_pibit")).args(args(&killed)).spawn().unwrap();
    let kept = |part: &str| Path::new(&killed).with_extension("resume").join(part);
    while !kept("block-2.gguf").exists() {
        assert!(child.try_wait().unwrap().is_none(), "killed before the end");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!Path::new(&killed).exists(), "nothing under the name of the file yet");

    let out = Command::new(env!("CARGO_BIN_EXE_pibit")).args(args(&killed)).output().unwrap();
    let notes = String::from_utf8_lossy(&out.stderr);
    assert!(notes.contains("going on at block 2") || notes.contains("going on at block 3"), "{notes}");
    let report = |text: &str| {
        let mut report: Value = serde_json::from_str(text).unwrap();
        for differs in ["output", "seconds"] {
            report.as_object_mut().unwrap().remove(differs);
        }
        // A number that was kept as text may differ in its last bit.
        let inputs = report["inputs"].as_array_mut().unwrap();
        for input in inputs {
            for number in ["/outlier_ratio", "/unlike/distance"] {
                let number = input.pointer_mut(number).unwrap();
                *number = format!("{:.9}", number.as_f64().unwrap()).into();
            }
        }
        report
    };
    assert_eq!(report(&expected), report(&String::from_utf8_lossy(&out.stdout)));
    assert!(std::fs::read(&whole).unwrap() == std::fs::read(&killed).unwrap(), "the same file in parts");
    assert!(!kept("").exists(), "a finished run leaves nothing behind");
}

#[test]
fn the_report_says_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (text, file) = (text(folder.path()), path(folder.path(), "calib.gguf"));
    let args = ["--domains", "code,reasoning,language", "--samples", "10", "--ctx", "64", "--json"];
    let report = ok(&[&["calibrate", "tiny", "--text", &text, "-o", &file], &args[..]].concat(), &[]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((report["samples"].as_u64(), report["tokens"].as_u64()), (Some(10), Some(640)));
    let sources: Vec<_> =
        report["sources"].as_array().unwrap().iter().map(|s| (&s["name"], &s["chunks"])).collect();
    let expected = [("text.txt", 3), ("pibit:code", 2), ("pibit:reasoning", 2), ("pibit:language", 3)];
    assert_eq!(sources.len(), expected.len());
    for ((name, chunks), expected) in sources.iter().zip(expected) {
        assert_eq!((name.as_str(), chunks.as_u64()), (Some(expected.0), Some(expected.1)));
    }
    let layers =
        serde_json::from_str::<Value>(&ok(&["inspect", "tiny", "--tensors", "--json"], &[])).unwrap();
    let linear = |name: &str| name.ends_with(".weight") && !name.contains("norm");
    let names = layers["tensors"].as_array().unwrap().iter().filter_map(|t| t["name"].as_str());
    let mut names: Vec<_> = names.filter(|name| linear(name)).collect();
    let inputs = report["inputs"].as_array().unwrap();
    let mut seen: Vec<_> =
        inputs.iter().flat_map(|i| i["tensors"].as_array().unwrap()).filter_map(Value::as_str).collect();
    names.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, names, "every linear layer, each once");
    assert!(inputs.iter().all(|i| i["outlier_ratio"].as_f64().unwrap() >= 1.0));
    assert!(inputs[0]["unlike"]["distance"].as_f64().unwrap() > 0.0);
    assert_eq!(
        serde_json::from_str::<Value>(&ok(&["verify", &file, "--json"], &[])).unwrap()["status"],
        "intact"
    );
}

#[test]
fn quantization_reads_the_file_as_an_imatrix() {
    let folder = tempfile::tempdir().unwrap();
    let (calib, plain, weighted) =
        (path(folder.path(), "c"), path(folder.path(), "plain"), path(folder.path(), "weighted"));
    ok(&["calibrate", "tiny", "--domains", "math", "--ctx", "128", "-o", &calib], &[]);
    ok(&["quantize", "tiny", "-f", "piq3", "-o", &plain], &[]);
    ok(&["quantize", "tiny", "-f", "piq3", "--step", "imatrix", "--imatrix", &calib, "-o", &weighted], &[]);
    assert!(std::fs::read(plain).unwrap() != std::fs::read(weighted).unwrap(), "importance must matter");
}

#[test]
fn layers_are_rounded_for_what_they_read() {
    let folder = tempfile::tempdir().unwrap();
    let calib = path(folder.path(), "c");
    ok(&["calibrate", "tiny", "--domains", "math,tool-use", "--ctx", "128", "-o", &calib], &[]);
    let quantized = |name: &str, args: &[&str], variables: &[(&str, &str)]| -> (String, Value) {
        let file = path(folder.path(), name);
        let all = [&["quantize", "tiny", "-f", "t2", "--rotate", "--json", "-o", &file], args].concat();
        let report = serde_json::from_str(&ok(&all, variables)).expect("JSON");
        (file, report)
    };
    let kld = |file: &str| {
        let args =
            ["eval", file, "--reference", "tiny", "--corpus", "--ctx", "128", "--chunks", "4", "--json"];
        let eval: Value = serde_json::from_str(&ok(&args, &[])).expect("JSON");
        eval["kld_mean"].as_f64().expect("a divergence")
    };
    let (nearest, _) = quantized("rtn", &[], &[]);
    let (one, report) = quantized("one", &["--calib", &calib], &[("RAYON_NUM_THREADS", "1")]);
    let (three, _) = quantized("three", &["--calib", &calib], &[("RAYON_NUM_THREADS", "3")]);
    assert!(std::fs::read(&one).unwrap() == std::fs::read(three).unwrap(), "threads must not matter");
    assert!(kld(&one) < 0.7 * kld(&nearest), "feedback must pay: {} and {}", kld(&one), kld(&nearest));

    let (_, original) = quantized("original", &["--calib", &calib, "--prefix", "original"], &[]);
    let (_, plain) = quantized("plain", &["--calib", &calib, "--rounding", "rtn"], &[]);
    let losses = |report: &Value| -> Vec<f64> {
        let tensors = report["tensors"].as_array().expect("tensors").iter();
        tensors.filter_map(|t| t["proxy_loss"].as_f64()).collect()
    };
    assert_eq!(losses(&report).len(), 4 * 7 + 1, "every matrix of the blocks, and the embedding");
    let total = |report: &Value| losses(report).iter().sum::<f64>();
    assert!(total(&original) < 0.6 * total(&plain), "{} and {}", total(&original), total(&plain));

    let other = path(folder.path(), "other.gguf");
    ok(&["quantize", "tiny", "-f", "q8_0", "-o", &other], &[]);
    let text = fails(&["quantize", &other, "-f", "t2", "--calib", &calib, "-o", &path(folder.path(), "x")]);
    assert!(text.contains("made from another model"), "{text}");
}

#[test]
fn impossible_requests_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (short, out) = (path(folder.path(), "short.txt"), path(folder.path(), "out"));
    std::fs::write(&short, "too short").unwrap();
    let text = fails(&["calibrate", "tiny", "--text", &short, "-o", &out]);
    assert!(text.contains("less than one chunk of 512"), "{text}");
    let text = fails(&["calibrate", "tiny", "-o", &out]);
    assert!(text.contains("--text"), "{text}");
    let text =
        fails(&["calibrate", "tiny", "--domains", "math", "--ctx", "100000", "--samples", "1", "-o", &out]);
    assert!(text.contains("needs chunks of 1 to"), "{text}");
    let text = fails(&["calibrate", "tiny", "--domains", "math", "--samples", "0", "-o", &out]);
    assert!(text.contains("at least 1"), "{text}");
    let text = fails(&["calibrate", "tiny", "--domains", "poetry", "-o", &out]);
    assert!(text.contains("tool-use"), "{text}");
    assert!(!Path::new(&out).exists());
}

/// Mean square of each input, by layer.
fn importance(file: &str, name: &str) -> Vec<f32> {
    let file = GgufFile::open(file, &quant_core::catalogue()).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        let tensor = file.tensor(name).unwrap();
        tensor.bytes().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let count = floats(&format!("{name}.counts"))[0];
    floats(&format!("{name}.in_sum2")).iter().map(|sum| sum / count).collect()
}

#[test]
fn llama_cpp_measures_the_same_and_reads_the_file() {
    let Some(tools) = std::env::var_os("PIBIT_LLAMA_CPP").map(PathBuf::from) else {
        println!("skipped: PIBIT_LLAMA_CPP does not name a folder with llama-imatrix");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (text, model) = (text(folder.path()), path(folder.path(), "f32.gguf"));
    let (ours, theirs) = (path(folder.path(), "ours.gguf"), path(folder.path(), "theirs.gguf"));
    let llama = |tool: &str, args: &[&str]| {
        let out = Command::new(tools.join(tool)).args(args).output().expect("it starts");
        let log = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{tool}: {log}");
        log
    };
    ok(&["dequantize", "tiny", "--as", "f32", "-o", &model], &[]);
    let report = ok(&["calibrate", &model, "--text", &text, "--ctx", "128", "--json", "-o", &ours], &[]);
    let chunks = serde_json::from_str::<Value>(&report).unwrap()["samples"].to_string();
    llama(
        "llama-imatrix",
        &["-m", &model, "-f", &text, "-o", &theirs, "-c", "128", "--chunks", &chunks, "-t", "2", "--no-ppl"],
    );
    let file = GgufFile::open(&theirs, &quant_core::catalogue()).unwrap();
    let layers: Vec<_> = file.tensors().iter().filter_map(|t| t.name.strip_suffix(".in_sum2")).collect();
    assert!(layers.len() > 20, "{layers:?}");
    for layer in layers {
        let (ours, theirs) = (importance(&ours, layer), importance(&theirs, layer));
        assert_eq!(ours.len(), theirs.len());
        for (input, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert!((ours - theirs).abs() <= 0.01 * theirs, "{layer}, input {input}: {ours}, there {theirs}");
        }
    }
    let out = path(folder.path(), "q4.gguf");
    let log = llama("llama-quantize", &["--imatrix", &ours, &model, &out, "Q4_K", "2"]);
    assert!(
        log.contains(&format!("importance matrix entries from {ours} computed on {chunks} chunks")),
        "{log}"
    );
}
