//! The program as users and scripts call it, on the embedded model.

#[path = "support/program.rs"]
mod program;

use program::{json, ok, path, pibit};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Exit code and standard error of a call that must fail.
fn fails(args: &[&str]) -> (i32, String) {
    let out = pibit(args);
    assert!(!out.status.success(), "pibit {args:?} should fail");
    (out.status.code().expect("not killed"), String::from_utf8_lossy(&out.stderr).into_owned())
}

fn files(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().expect("the folder exists");
    entries.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn experts_get_bits_by_use() {
    let report = json(&["moe", "precision", "tiny-moe", "--budget", "22%", "--tokens", "200", "--json"]);
    let rules = report["rules"].as_array().unwrap();
    let rule = |name: &str| rules.iter().find(|r| r["rule"].as_str().unwrap().starts_with(name)).unwrap();
    let figure = |name: &str, of: &str| rule(name)[of].as_f64().unwrap();
    for name in ["knapsack", "percentile", "uniform"] {
        assert!(figure(name, "bytes") <= report["budget_bytes"].as_f64().unwrap(), "{name}: {report:#}");
        assert!(figure(name, "kld_mean") > 0.0);
    }
    assert!(figure("knapsack", "cost") < figure("uniform", "cost").min(figure("percentile", "cost")));
    let plan = report["plan"].as_array().unwrap();
    let experts = report["layers"].as_u64().unwrap() * report["experts"].as_u64().unwrap();
    assert_eq!(plan.len() as u64, experts);
    // Who is hardly used gets least.
    let least =
        plan.iter().min_by(|a, b| a["frequency"].as_f64().partial_cmp(&b["frequency"].as_f64()).unwrap());
    assert_eq!(least.unwrap()["format"], "piq2");
    let (_, text) = fails(&["moe", "precision", "tiny-moe", "--budget", "1%", "--tokens", "50"]);
    assert!(text.contains("budget") || text.contains("allow more"), "{text}");
}

#[test]
fn quality_that_drifts_is_told() {
    let eval = ["eval", "tiny", "--reference", "tiny", "--corpus", "--ctx", "128", "--chunks", "6", "--json"];
    let with = |limits: &[&str]| json(&[&eval[..], limits].concat());
    let calm = with(&["--alarm-perplexity", "100", "--alarm-agreement", "1"]);
    assert!(calm["drifts"].is_null(), "{calm}");
    let loud = with(&["--alarm-perplexity", "1.01", "--alarm-window", "3"]);
    let drifts = loud["drifts"].as_array().unwrap();
    assert_eq!((drifts.len(), drifts[0]["measure"].as_str()), (1, Some("perplexity")), "{loud}");
    assert!(drifts[0]["value"].as_f64().unwrap() > 1.01 && drifts[0]["limit"] == 1.01);
    assert_eq!(drifts[0]["raised"], false, "nobody has more bits");
}

#[test]
fn activations_are_counted_and_have_limits() {
    let eval = ["eval", "tiny", "--corpus", "--ctx", "128", "--chunks", "4", "--json"];
    let seen = json(&eval);
    let share = |name: &str| seen[name].as_f64().unwrap();
    // A few in ten thousand; a trained model has some, and none beyond F16.
    assert!((1e-6..0.05).contains(&share("activation_outliers")), "{seen}");
    assert_eq!(share("activation_saturation"), 0.0);
    let chunks = seen["by_chunk"].as_array().unwrap();
    let mean = chunks.iter().map(|c| c["activations"]["outliers"].as_f64().unwrap()).sum::<f64>() / 4.0;
    assert_eq!(chunks.len(), 4);
    assert!((mean / share("activation_outliers") - 1.0).abs() < 1e-9, "chunks are equally long");
    let limit = (mean / 2.0).to_string();
    let loud = json(&[&eval[..], &["--alarm-outliers", &limit, "--alarm-window", "2"]].concat());
    assert_eq!(loud["drifts"][0]["measure"], "outliers", "{loud}");
    assert_eq!(loud["ppl"], seen["ppl"], "watching changes nothing");
}

/// Dynamic precision: a model that is not good enough hands over to its version with more bits.
#[test]
fn quality_that_drops_brings_more_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("low.gguf");
    let low = file.to_str().unwrap();
    ok(&["quantize", "tiny", "-f", "pit", "--embed", "pit", "-o", low]);
    let eval = |model, more: &[&str]| {
        let common = ["--reference", "tiny", "--corpus", "--ctx", "128", "--chunks", "6", "--json"];
        json(&[&["eval", model][..], &common, more].concat())
    };
    let raised = eval(low, &["--alarm-agreement", "0.97", "--alarm-window", "2", "--raise-to", "tiny"]);
    assert_eq!(
        (raised["drifts"][0]["raised"].as_bool(), raised["drifts"].as_array().unwrap().len()),
        (Some(true), 1)
    );
    let precision = raised["precision"].as_array().unwrap();
    let used: Vec<_> = precision.iter().map(|rung| rung["chunks"].as_u64().unwrap()).collect();
    assert_eq!(used, [2, 4], "from the chunk after the first whole window on");
    assert!(precision[0]["bits_per_weight"].as_f64() < precision[1]["bits_per_weight"].as_f64());
    // Each chunk is what the version that computed it says alone.
    let [alone, best] = [low, "tiny"].map(|model| eval(model, &[])["by_chunk"].clone());
    for (at, chunk) in raised["by_chunk"].as_array().unwrap().iter().enumerate() {
        let version = if at < 2 { &alone } else { &best };
        // Sums over all chunks so far are subtracted from each other.
        let [ppl, expected] = [chunk, &version[at]].map(|chunk| chunk["ppl"].as_f64().unwrap());
        assert!((ppl / expected - 1.0).abs() < 1e-9, "chunk {}: {ppl}, {expected}", at + 1);
    }
    let (_, text) = fails(&["eval", "tiny", "--corpus", "--alarm-perplexity", "9", "--raise-to", low]);
    assert!(text.contains("from few to many"), "{text}");
    let (_, text) = fails(&["eval", low, "--corpus", "--raise-to", "tiny"]);
    assert!(text.contains("needs an alarm"), "{text}");
}

#[test]
fn quantize_evaluate_verify() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "t3.gguf");
    let report = json(&["quantize", "tiny", "-f", "piq3", "-o", &file, "--json"]);
    assert_eq!(report["bytes"], std::fs::metadata(&file).unwrap().len());
    for tensor in report["tensors"].as_array().unwrap() {
        let name = tensor["name"].as_str().unwrap();
        match name {
            "token_embd.weight" => assert_eq!(tensor["format"], "q4_0"),
            _ if name.ends_with("norm.weight") => assert_eq!(tensor["format"], "f32"),
            _ => {
                assert_eq!(tensor["format"], "piq3");
                assert_eq!(tensor["bits_per_weight"], 3.0625);
                assert!(tensor["mse"].as_f64().unwrap() > 0.0);
            }
        }
        assert_eq!(tensor["fallback"], false);
    }

    assert_eq!(json(&["verify", &file, "--json"])["status"], "intact");
    let eval =
        json(&["eval", &file, "--reference", "tiny", "--corpus", "--ctx", "256", "--chunks", "4", "--json"]);
    let original = json(&["eval", "tiny", "--corpus", "--ctx", "256", "--chunks", "4", "--json"]);
    assert_eq!(eval["tokens"], 4 * 127);
    let (kld, top1) = (eval["kld_mean"].as_f64().unwrap(), eval["top1"].as_f64().unwrap());
    assert!(kld > 0.0 && kld < 0.5, "KLD {kld}");
    assert!(top1 > 0.8 && top1 < 1.0, "top-1 {top1}");
    assert!(original.get("kld_mean").is_none(), "no reference, no divergence");
    assert!(original["ppl"].as_f64().unwrap() < eval["ppl"].as_f64().unwrap());
}

#[test]
fn a_model_against_itself_does_not_diverge() {
    let eval =
        json(&["eval", "tiny", "--reference", "tiny", "--corpus", "--ctx", "128", "--chunks", "2", "--json"]);
    assert_eq!((eval["kld_mean"].as_f64(), eval["top1"].as_f64()), (Some(0.0), Some(1.0)));
}

#[test]
fn the_embedded_model_has_learnt_its_tasks() {
    let eval = json(&["eval", "tiny", "--tasks", "arithmetic", "--task-samples", "100", "--json"]);
    let accuracy = eval["tasks"]["arithmetic"].as_f64().unwrap();
    assert!(accuracy >= 0.9, "arithmetic accuracy {accuracy}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (path(folder.path(), "a.gguf"), path(folder.path(), "b.gguf"));
    ok(&["quantize", "tiny", "-f", "piq2", "-o", &a]);
    ok(&["quantize", "tiny", "-f", "piq2", "-o", &b, "--threads", "1"]);
    assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
}

#[test]
fn exports_keep_every_value() {
    let folder = tempfile::tempdir().unwrap();
    for (ours, theirs) in [("piq2", "q2_k"), ("piq3", "q3_k"), ("pit", "tq2_0")] {
        let (a, b) = (path(folder.path(), ours), path(folder.path(), theirs));
        ok(&["quantize", "tiny", "-f", ours, "-o", &a]);
        let report = json(&["export", &a, "--to", "llama.cpp", "-o", &b, "--strict", "--json"]);
        assert!(report["exact"].as_u64().unwrap() > 20);
        let formats = &json(&["inspect", &b, "--json"])["formats"];
        assert!(formats.get(theirs).is_some() && formats.get(ours).is_none());
        let (a32, b32) = (path(folder.path(), "a32"), path(folder.path(), "b32"));
        ok(&["dequantize", &a, "-o", &a32, "--as", "f32"]);
        ok(&["dequantize", &b, "-o", &b32, "--as", "f32"]);
        let difference = fails(&["compare", &a32, &b32]);
        assert!(difference.1.contains("nothing to compare"), "both are F32: {}", difference.1);
        let hashes =
            |file: &str| json(&["inspect", file, "--json"])["metadata"]["pibit.tensor.sha256"].clone();
        assert_eq!(hashes(&a32), hashes(&b32));
        let eval = |file: &str| json(&["eval", file, "--corpus", "--ctx", "128", "--chunks", "2", "--json"]);
        assert_eq!(eval(&a)["ppl"], eval(&b)["ppl"], "{ours} and {theirs} are the same numbers");
    }
}

#[test]
fn formats_without_an_exact_twin_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (path(folder.path(), "nf4"), path(folder.path(), "f16"));
    ok(&["quantize", "tiny", "-f", "nf4", "-o", &a]);
    let report = json(&["export", &a, "-o", &b, "--json"]);
    assert!(!report["inexact"].as_array().unwrap().is_empty());
    assert!(fails(&["export", &a, "-o", &b, "--strict"]).1.contains("cannot be exported exactly"));
}

#[test]
fn run_is_repeatable_and_seeded() {
    let run = |seed: &str| ok(&["run", "tiny", "-p", "17+25=", "-n", "12", "--temp", "1.5", "--seed", seed]);
    assert_eq!(run("1"), run("1"));
    assert!((2..8).any(|seed| run(&seed.to_string()) != run("1")), "a hot sampler depends on its seed");
}

/// What the README and `--help` ask first.
#[test]
fn the_first_question_is_answered() {
    let question = "Ann has 12 pens. Ann buys 7 more. How many pens does Ann have?";
    let answer = ok(&["run", "tiny", "-p", question]);
    assert!(answer.trim_end().ends_with("Answer: 19"), "{answer}");
}

#[test]
fn bench_reports_both_speeds() {
    let speed = json(&["bench", "tiny", "-p", "32", "-n", "4", "--json"]);
    assert!(speed["prefill_tps"].as_f64().unwrap() > 0.0 && speed["decode_tps"].as_f64().unwrap() > 0.0);
}

#[test]
fn compare_measures_every_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "t2.gguf");
    ok(&["quantize", "tiny", "-f", "piq2", "-o", &file]);
    let comparison = json(&["compare", "tiny", &file, "--json"]);
    let total = &comparison["total"];
    let cosine = total["cosine"].as_f64().unwrap();
    // 2 bits on near-normal weights: relative error about 0.13, so the cosine is near √(1 − 0.13).
    assert!((0.90..0.96).contains(&cosine), "cosine {cosine}");
    assert!(total["bits_per_weight"].as_f64().unwrap() < 2.3);
    assert!(total["mse"].as_f64().unwrap() > 0.0);
}

#[test]
fn mistakes_have_their_exit_codes_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path(), "out.gguf");
    let (code, text) = fails(&["quantize", "tiny", "-f", "q9_9", "-o", &out]);
    assert!(code == 1 && text.contains("pibit formats"), "{code}: {text}");
    assert_eq!(fails(&["quantize", "tiny"]).0, 2);
    assert_eq!(fails(&["eval", "tiny", "--trace", "loud"]).0, 2);
    let (code, text) = fails(&["eval", "no-such-file.gguf", "--corpus"]);
    assert!(code == 1 && text.contains("does not exist"), "{code}: {text}");
    let junk = path(folder.path(), "junk.gguf");
    std::fs::write(&junk, b"not a model at all, but long enough to look at").unwrap();
    assert_eq!(fails(&["inspect", &junk]).0, 3);
    assert_eq!(files(folder.path()), ["junk.gguf"], "a failed command leaves nothing behind");
}

#[test]
fn damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "t.gguf");
    ok(&["quantize", "tiny", "-f", "piq3", "-o", &file]);
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (code, text) = fails(&["verify", &file]);
    assert!(code == 3 && text.contains("damaged"), "{code}: {text}");
}

#[test]
fn a_killed_quantize_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "t.gguf");
    let mut killed = 0;
    for delay_ms in [0, 5, 10, 20, 40, 60, 80, 120] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pibit"))
            .args(["quantize", "tiny", "-f", "q2_k", "-o", &file, "--quiet", "--threads", "1"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        if Path::new(&file).exists() {
            assert_eq!(json(&["verify", &file, "--json"])["status"], "intact");
            std::fs::remove_file(&file).unwrap();
        }
        assert!(files(folder.path()).is_empty(), "after {delay_ms} ms: {:?}", files(folder.path()));
    }
    assert!(killed > 0, "no run was killed in time: the test proves nothing");
}

#[test]
fn chrome_traces_name_the_domain_events() {
    let folder = tempfile::tempdir().unwrap();
    let (file, trace) = (path(folder.path(), "t.gguf"), path(folder.path(), "trace.json"));
    ok(&["quantize", "tiny", "-f", "piq3", "-o", &file, "--trace", &format!("chrome:{trace}")]);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(trace).unwrap()).unwrap();
    let text = trace.to_string();
    assert!(text.contains("WeightsQuantized") && text.contains("FileWritten"), "{text}");
}

#[test]
fn the_pi_study_judges_its_gate() {
    let folder = tempfile::tempdir().unwrap();
    let report = path(folder.path(), "pi.html");
    let study = json(&["study", "pi", "--quick", "--eval", "--chunks", "1", "--json", "-o", &report]);
    let sources = study["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 4);
    for source in sources {
        let rows = source["rows"].as_array().unwrap();
        let figure = |name: &str, figure: &str| {
            let row = rows.iter().find(|r| r["quantizer"] == name).unwrap_or_else(|| panic!("no {name}"));
            row[figure].as_f64().unwrap_or_else(|| panic!("{name} has no {figure}"))
        };
        assert!(figure("PiQ3, fitted", "relative_error") < figure("UQ3, absmax", "relative_error"));
        assert!(figure("T3", "relative_error") < figure("PiQ3, fitted", "relative_error"));
        assert!(figure("PiQ3, fitted", "attention_error") < figure("PiQ2, fitted", "attention_error"));
        assert_eq!(source["gate_g1"].as_array().unwrap().len(), 2);
    }
    assert!(sources[3]["rows"][0]["kld"].as_f64().unwrap() > 0.0);
    assert!(std::fs::read_to_string(report).unwrap().contains("Gate G1"));
}

#[test]
fn the_demo_writes_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path(), "demo");
    let summary = json(&["demo", "tiny", "--output", &out, "--chunks", "2", "--task-samples", "4", "--json"]);
    let rows = summary["rows"].as_array().unwrap();
    for format in ["piq2", "piq3", "pit", "uq2", "uq3", "nf2", "nf3", "nf4"] {
        assert!(rows.iter().any(|r| r["format"] == format), "no row for {format}");
    }
    let html = std::fs::read_to_string(summary["report"].as_str().unwrap()).unwrap();
    assert!(html.contains("<svg") && html.contains("piq3"));
}

#[test]
fn rotation_changes_nothing_but_the_basis() {
    let folder = tempfile::tempdir().unwrap();
    let (file, again) = (path(folder.path(), "r.gguf"), path(folder.path(), "again.gguf"));
    let events = pibit(&["quantize", "tiny", "-f", "f32", "--rotate", "-o", &file, "--trace", "json"]);
    assert!(events.status.success());
    ok(&["quantize", "tiny", "-f", "f32", "--rotate", "-o", &again]);
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap(), "the same seed");
    ok(&["quantize", "tiny", "-f", "f32", "--rotate", "--seed", "1", "-o", &again]);
    assert_ne!(std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap(), "another seed");

    let eval =
        json(&["eval", &file, "--reference", "tiny", "--corpus", "--ctx", "256", "--chunks", "2", "--json"]);
    let kld = eval["kld_mean"].as_f64().unwrap();
    assert!(kld < 1e-6, "KLD {kld}");

    let trace = String::from_utf8(events.stderr).unwrap();
    let rotated = trace.lines().filter(|l| l.contains("IncoherenceApplied")).collect::<Vec<_>>();
    assert_eq!(rotated.len(), 4 * 7 + 1, "embedding and each matrix of four blocks once");
    assert!(rotated[0].contains("rotation-256 in"), "{}", rotated[0]);
}

#[test]
fn a_rotated_file_says_so_and_stays_here() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (path(folder.path(), "r.gguf"), path(folder.path(), "x.gguf"));
    ok(&["quantize", "tiny", "-f", "piq3", "--rotate", "--seed", "5", "-o", &file]);
    let inspection = json(&["inspect", &file, "--json"]);
    assert_eq!(inspection["metadata"]["pibit.rotation.seed"], 5);
    assert_eq!(inspection["spec"]["rotation"]["inputs"], true);
    assert!(ok(&["inspect", &file]).contains(
        "rotated: inputs behind norms, embedding and head, value heads, feed-forward inputs; seed 5"
    ));

    // Measured in the rotated basis, the error is that of 3 bits.
    let cosine = json(&["compare", "tiny", &file, "--json"])["total"]["cosine"].as_f64().unwrap();
    assert!(cosine > 0.97, "cosine {cosine}");

    ok(&["dequantize", &file, "-o", &other, "--as", "f32"]);
    let eval =
        json(&["eval", &other, "--reference", &file, "--corpus", "--ctx", "128", "--chunks", "1", "--json"]);
    assert!(eval["kld_mean"].as_f64().unwrap() < 1e-6, "{eval}");

    let (_, error) = fails(&["export", &file, "-o", &path(folder.path(), "llama.gguf")]);
    assert!(error.contains("is rotated") && error.contains("without --rotate"), "{error}");
    let (_, error) =
        fails(&["quantize", &file, "-f", "piq2", "--rotate", "-o", &path(folder.path(), "twice.gguf")]);
    assert!(error.contains("rotated already"), "{error}");
    assert_eq!(files(folder.path()).len(), 2, "nothing was written");
}

#[test]
fn caches_of_experts_are_simulated() {
    let folder = tempfile::tempdir().unwrap();
    let trace = path(folder.path(), "routes.jsonl");
    let header = r#"{"format":"pibit-routes","version":1,"layers":1,"experts":3,"top_k":1,"norm":"chosen","expert_bytes":1000}"#;
    // Experts 0, 1, 0, 2, 0, 1: with room for two, LRU finds 0 three times less the first; the future knows 1 comes back.
    let wanted = [0, 1, 0, 2, 0, 1].map(|expert| {
        let logits: Vec<_> = (0..3).map(|e| if e == expert { "1.0" } else { "0.0" }).collect();
        format!("{{\"logits\":[[{}]]}}", logits.join(","))
    });
    std::fs::write(&trace, format!("{header}\n{}\n", wanted.join("\n"))).unwrap();
    let simulated = |policies: &str| {
        json(&["moe", "simulate", "--trace", &trace, "--budget", "2000", "--policy", policies, "--json"])
    };
    let report = simulated("lru,belady");
    assert_eq!((report["tokens"].as_u64(), report["budget_bytes"].as_u64()), (Some(6), Some(2000)));
    let rows = report["policies"].as_array().unwrap();
    let hits: Vec<_> = rows
        .iter()
        .map(|row| (row["policy"].as_str().unwrap(), (6.0 * row["hit_rate"].as_f64().unwrap()).round()))
        .collect();
    assert_eq!(hits, [("lru", 2.0), ("belady", 2.0)]);
    assert!(rows[0]["ppl_ratio"].is_null() && rows[0]["tokens_per_s"].as_f64().unwrap() > 0.0);

    let (_, text) = fails(&["moe", "simulate", "--model", "tiny", "--budget", "25%"]);
    assert!(text.contains("not a mixture of experts"), "{text}");
    std::fs::write(&trace, "{}").unwrap();
    fails(&["moe", "simulate", "--trace", &trace, "--budget", "25%"]);
}

/// What a chat says to this input: exit code, standard output, standard error.
fn chat(input: &[u8], more: &[&str]) -> (Option<i32>, String, String) {
    use std::io::Write;
    let args = ["chat", "tiny", "--chat-template", "chatml", "-n", "4"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.args(args).args(more).stdin(std::process::Stdio::piped());
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn a_chat_goes_on() {
    let plain = chat(b"Hello\nAnd again\n", &[]);
    assert_eq!(plain.0, Some(0), "{}", plain.2);
    assert_eq!(chat(b"\n\r\nHello\r\n\n  \nAnd again\r\n", &[]).1, plain.1, "blank lines and line ends");
    let (code, _, said) = chat(b"caf\xe9\nHello\n", &[]);
    assert!(code == Some(0) && said.contains("no UTF-8"), "{said}");
}

#[test]
fn a_chat_outlives_a_full_context() {
    let long = "Tom has a red ball. ".repeat(20) + "\n";
    let (code, _, said) = chat(long.repeat(6).as_bytes(), &[]);
    assert!(code == Some(0) && said.contains("no longer sees the oldest"), "{said}");
    let longer = "Tom has a red ball. ".repeat(300) + "\nHello\n";
    let (code, out, said) = chat(longer.as_bytes(), &[]);
    assert!(code == Some(0) && said.contains("the message is left out"), "{said}");
    assert_eq!(out, chat(b"Hello\n", &[]).1, "as if it had not been said");
}

#[test]
fn a_prompt_that_is_too_long_is_not_printed() {
    let prompt = "Tom has a red ball. ".repeat(300);
    let out = pibit(&["run", "tiny", "-p", &prompt]);
    assert!(!out.status.success() && out.stdout.is_empty());
    assert!(String::from_utf8_lossy(&out.stderr).contains("the model's context takes"));
}
