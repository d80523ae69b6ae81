//! The real model, where it is in the cache (`pibit fetch smollm2`) and the evaluation text lies beside the checkout.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

fn run(args: &[&str]) -> String {
    let out =
        Command::new(env!("CARGO_BIN_EXE_pibit")).args(args).arg("--quiet").output().expect("pibit starts");
    assert!(out.status.success(), "pibit {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("output is UTF-8")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(args)).expect("--json prints JSON")
}

/// The evaluation text, or `None` with a reason where something is missing.
fn evaluation_text() -> Option<PathBuf> {
    let text = PathBuf::from("../../../shared/data/wikitext2.eval.txt");
    let cached =
        Command::new(env!("CARGO_BIN_EXE_pibit")).args(["inspect", "smollm2", "--quiet"]).output().unwrap();
    if !cached.status.success() {
        println!("skipped: smollm2 is not in the cache; run `pibit fetch smollm2`");
        return None;
    }
    if !text.exists() {
        println!("skipped: there is no {}", text.display());
        return None;
    }
    Some(text)
}

#[test]
fn perplexity_is_llama_cpp_s() {
    let Some(text) = evaluation_text() else { return };
    let eval = json(&[
        "eval",
        "smollm2",
        "--text",
        text.to_str().unwrap(),
        "--ctx",
        "512",
        "--chunks",
        "20",
        "--json",
    ]);
    let ppl = eval["ppl"].as_f64().unwrap();
    assert!((ppl - 26.9265).abs() < 0.02, "llama.cpp has 26.9265 with F32 weights, this is {ppl}");
}

#[test]
fn three_and_two_bits_are_that_small() {
    let Some(_) = evaluation_text() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (format, megabytes, bits) in [("piq3", 60.0, 3.084), ("piq2", 46.0, 2.084)] {
        let file = folder.path().join(format);
        let report = json(&[
            "quantize",
            "smollm2",
            "-f",
            format,
            "--embed",
            "q4_0",
            "-o",
            file.to_str().unwrap(),
            "--json",
        ]);
        assert!(report["bytes"].as_f64().unwrap() <= megabytes * 1e6, "{format}: {} bytes", report["bytes"]);
        for tensor in report["tensors"].as_array().unwrap() {
            if tensor["format"] == format {
                // Rows of 576 end in a short block with a scale of its own: three scales for 2.25 blocks.
                assert!(tensor["bits_per_weight"].as_f64().unwrap() < bits, "{tensor}");
            }
            assert_eq!(tensor["fallback"], false);
        }
    }
}

#[test]
fn a_fitted_step_beats_absmax_by_a_fifth_everywhere() {
    let Some(_) = evaluation_text() else { return };
    let folder = tempfile::tempdir().unwrap();
    let errors = |format: &str| -> Vec<(String, f64)> {
        let file = folder.path().join(format);
        let report = json(&["quantize", "smollm2", "-f", format, "-o", file.to_str().unwrap(), "--json"]);
        let linear = report["tensors"].as_array().unwrap().iter().filter(|t| t["format"] == format);
        linear.map(|t| (t["name"].to_string(), t["mse"].as_f64().unwrap())).collect()
    };
    let (fitted, absmax) = (errors("piq3"), errors("uq3"));
    assert_eq!(fitted.len(), 210);
    for ((name, fitted), (_, absmax)) in fitted.iter().zip(&absmax) {
        assert!(*fitted <= 0.8 * absmax, "{name}: {fitted} against {absmax}");
    }
}

#[test]
fn rotation_keeps_the_perplexity() {
    let Some(text) = evaluation_text() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rotated.gguf");
    let (text, file) = (text.to_str().unwrap(), file.to_str().unwrap());
    run(&["quantize", "smollm2", "-f", "f32", "--keep", "token_embd.weight=source", "--rotate", "-o", file]);
    let options = ["--text", text, "--ctx", "512", "--chunks", "2", "--json"];
    let ppl = |model: &str| json(&[&["eval", model], &options[..]].concat())["ppl"].as_f64().unwrap();
    let (original, rotated) = (ppl("smollm2"), ppl(file));
    assert!((rotated / original - 1.0).abs() < 1e-4, "{rotated}, the original has {original}");
}
