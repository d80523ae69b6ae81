//! Pages of commands: figures first, everything in one file, and how it was made at the end.

use std::process::Command;

/// Runs a command with `--report` and gives the page.
fn page(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    let run = command.args(args).args(["--quiet", "--report"]).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read_to_string(file).unwrap()
}

#[track_caller]
fn is_whole(html: &str, in_order: &[&str]) {
    let mut rest = html;
    for text in in_order.iter().chain(&["How this was made", "<dt>command</dt>", "</html>"]) {
        let (_, after) = rest.split_once(text).unwrap_or_else(|| panic!("no {text} in its place"));
        rest = after;
    }
    assert!(!html.contains(" src=") && !html.contains("<script"));
}

#[test]
fn simulations_show_hits_over_time_and_their_price() {
    let html = page(&["moe", "simulate", "--model", "tiny-moe", "--budget", "25%", "--tokens", "60"]);
    is_whole(&html, &["class=\"key\"", "Hits with LRU", "Hits over time", "Hits against perplexity"]);
    let html = page(&["moe", "simulate", "--synthetic", "mixtral", "--budget", "25%", "--tokens", "30"]);
    is_whole(&html, &["class=\"key\"", "Hits over time"]);
    assert!(!html.contains("Hits against perplexity"), "a trace knows no text");
}

#[test]
fn evaluations_show_chunks_and_alarms() {
    let eval = ["eval", "tiny", "--reference", "tiny", "--corpus", "--ctx", "128", "--chunks", "4"];
    let html = page(&eval);
    let plots = ["Perplexity by chunk", "Same top-1 by chunk", "Activations by chunk"];
    is_whole(&html, &[&["class=\"key\"", "Divergence"][..], &plots].concat());
    assert!(html.contains("SHA-256 of the reference"));
    assert!(!html.contains("Alarms") && !html.contains("Tasks"));
    let more = ["--alarm-perplexity", "1.01", "--alarm-window", "2"];
    let html = page(&[&eval[..], &more, &["--tasks", "arithmetic", "--task-samples", "3"]].concat());
    is_whole(&html, &["Alarms", "perplexity", "1.0100", "Tasks", "arithmetic"]);
}

#[test]
fn comparisons_show_a_map_of_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("u.gguf");
    let file = file.to_str().unwrap();
    let quantize = ["quantize", "tiny", "-f", "uq2", "--quiet", "-o", file];
    assert!(Command::new(env!("CARGO_BIN_EXE_pibit")).args(quantize).output().unwrap().status.success());
    let html = page(&["compare", "tiny", file]);
    is_whole(&html, &["Worst tensor", "Error per matrix", "ffn_down", "blk.3.ffn_down.weight"]);
}
