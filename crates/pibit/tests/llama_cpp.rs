//! Exported files in llama.cpp itself, where its tools are: set PIBIT_LLAMA_CPP to their folder.

use qat_training::corpus::{Corpus, Split};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn pibit(args: &[&str]) -> String {
    let out =
        Command::new(env!("CARGO_BIN_EXE_pibit")).args(args).arg("--quiet").output().expect("pibit starts");
    assert!(out.status.success(), "pibit {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("output is UTF-8")
}

#[test]
fn exported_files_have_the_same_perplexity_there() {
    let Some(tools) = std::env::var_os("PIBIT_LLAMA_CPP").map(PathBuf::from) else {
        println!("skipped: PIBIT_LLAMA_CPP does not name a folder with llama-perplexity");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Text that the model knows: elsewhere it is so sure of wrong tokens that llama.cpp's 8-bit activations show.
    let samples: Vec<String> = Corpus::new(5).mixed(Split::HeldOut).take(300).map(|s| s.text()).collect();
    let text = path("text.txt");
    std::fs::write(&text, samples.join("\n\n")).unwrap();
    pibit(&["quantize", "tiny", "-f", "piq3", "-o", &path("ours")]);
    pibit(&["export", &path("ours"), "--to", "llama.cpp", "--strict", "-o", &path("theirs")]);
    let ours = pibit(&["eval", &path("ours"), "--text", &text, "--ctx", "256", "--chunks", "8", "--json"]);
    let ours = serde_json::from_str::<Value>(&ours).unwrap()["ppl"].as_f64().unwrap();
    let theirs = llama_perplexity(&tools, &path("theirs"), &text);
    assert!((theirs / ours - 1.0).abs() < 0.005, "llama.cpp {theirs}, pibit {ours}");
}

/// Perplexity as llama.cpp prints it. Its logging thread is sometimes cut off at exit (code 0, last lines missing), so
/// a run without the figure is repeated.
fn llama_perplexity(tools: &Path, model: &str, text: &str) -> f64 {
    let mut log = String::new();
    for _ in 0..5 {
        let out = Command::new(tools.join("llama-perplexity"))
            .args(["-m", model, "-f", text, "-c", "256", "--chunks", "8", "-t", "2", "--no-repack"])
            .output()
            .expect("llama-perplexity starts");
        log = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "llama-perplexity: {log}");
        if let Some(figure) = log.split("PPL = ").nth(1).and_then(|rest| rest.split_whitespace().next()) {
            return figure.parse().expect("a number follows");
        }
    }
    panic!("no perplexity in: {log}");
}
