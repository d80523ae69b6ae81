//! Mixtures of experts whose experts page in from a file, as users run them.

#[path = "support/program.rs"]
mod program;

use program::{json, ok, path, pibit};
use serde_json::Value;

/// Standard error of a call that must fail.
fn fails(args: &[&str]) -> String {
    let out = pibit(args);
    assert!(!out.status.success(), "pibit {args:?} should fail");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

const RUN: [&str; 6] = ["run", "tiny-moe", "-p", "Tom has 12 apples.", "-n", "60"];

/// Continues a text with more options.
fn run(options: &[&str]) -> Value {
    json(&[&RUN[..], options, &["--json"]].concat())
}

fn number(value: &Value, of: &str) -> u64 {
    value[of].as_u64().unwrap_or_else(|| panic!("{of} in {value:#}"))
}

#[test]
fn a_budget_is_never_exceeded_and_with_the_model_s_routing_changes_no_text() {
    let resident = run(&[]);
    assert!(resident.get("experts").is_none() && number(&resident, "output_tokens") > 20, "{resident:#}");
    // Room for 2, 5 and 20 of 48 experts of 196,608 bytes; 4 MB is the 20.
    for (budget, bytes) in [("400kB", 400_000), ("1MB", 1_000_000), ("4MB", 4_000_000)] {
        for policy in ["lru", "lfu", "arc", "least-stale", "affinity"] {
            let paged = run(&["--expert-budget", budget, "--expert-policy", policy]);
            assert_eq!(paged["text"], resident["text"], "{policy} with {budget}");
            let experts = &paged["experts"];
            assert_eq!(number(experts, "budget_bytes"), bytes);
            assert!((1..=bytes).contains(&number(experts, "peak_bytes")), "{policy}: {experts:#}");
            assert!(number(experts, "misses") > 0 && number(experts, "evictions") > 0, "{experts:#}");
            assert!(number(experts, "bytes_loaded") >= 196_608 * number(experts, "misses"));
        }
    }
}

#[test]
fn memory_aware_routing_finds_more_in_memory_and_is_deterministic() {
    let hits = |policy: &str| {
        let ran = run(&["--expert-budget", "25%", "--expert-policy", policy]);
        (ran["experts"]["hit_rate"].as_f64().unwrap(), ran["text"].clone(), ran["experts"].clone())
    };
    let (aware, again, lru) = (hits("memory-aware"), hits("memory-aware"), hits("lru"));
    assert_eq!(aware, again, "the same input and the same cache make the same choices");
    assert!(aware.0 > lru.0 + 0.05, "memory-aware {:.3}, LRU {:.3}", aware.0, lru.0);
}

#[test]
fn more_memory_means_more_hits() {
    let budgets = ["10%", "25%", "50%", "100%"];
    let hits = budgets.map(|budget| {
        let ran = run(&["--expert-budget", budget, "--expert-policy", "lru"]);
        ran["experts"]["hit_rate"].as_f64().unwrap()
    });
    assert!(hits.is_sorted(), "{budgets:?}: {hits:?}");
    assert!(hits[3] > 0.8, "with room for all, each expert is loaded once: {hits:?}");
}

#[test]
fn what_gates_said_is_recorded_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let routes = path(folder.path(), "routes.jsonl");
    // One token of a prompt, so that every token is decoded by itself, as the simulator supposes.
    let ask = ["run", "tiny-moe", "-p", "T", "-n", "200", "--json", "--expert-policy", "lru"];
    let ran = json(&[&ask[..], &["--expert-budget", "25%", "--record-routes", &routes]].concat());
    let plain = json(&["run", "tiny-moe", "-p", "T", "-n", "200", "--json"]);
    assert_eq!(ran["text"], plain["text"], "recording changes nothing");

    let replay = ["moe", "simulate", "--trace", &routes, "--policy", "lru,memory-aware,belady", "--json"];
    let replayed = json(&[&replay[..], &["--budget", "25%"]].concat());
    let tokens = number(&ran, "prompt_tokens") + number(&ran, "output_tokens");
    // The last token drawn is not read any more.
    assert!((tokens - 1..=tokens).contains(&number(&replayed, "tokens")), "{tokens} tokens: {replayed:#}");
    assert_eq!([number(&replayed, "layers"), number(&replayed, "experts")], [3, 16]);
    let rate = |policy: &str| {
        let rows = replayed["policies"].as_array().unwrap();
        let row = rows.iter().find(|row| row["policy"] == policy).unwrap();
        row["hit_rate"].as_f64().unwrap()
    };
    // The runtime takes a token's experts in the order of their numbers, the simulator in that of their weights.
    let real = ran["experts"]["hit_rate"].as_f64().unwrap();
    assert!((rate("lru") - real).abs() < 0.03, "simulated {:.3}, really {real:.3}", rate("lru"));
    assert!(rate("lru") < rate("belady") && rate("lru") < rate("memory-aware"), "{replayed:#}");
}

#[test]
fn a_trace_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let routes = path(folder.path(), "routes.jsonl");
    let record = ["--record-routes", &routes];
    // The model is refused after the file was begun: 1 kB holds no expert.
    let text = fails(&[&RUN[..], &record, &["--expert-budget", "1kB"]].concat());
    assert!(text.contains("budget"), "{text}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left");
    let text = fails(&["run", "tiny", "-p", "x", "--record-routes", &routes]);
    assert!(text.contains("not a mixture of experts"), "{text}");
    ok(&[&RUN[..], &record].concat());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[test]
fn experts_page_in_from_a_quantized_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "moe.gguf");
    ok(&["quantize", "tiny-moe", "-f", "piq3", "-o", &file]);
    let ask = ["run", &file, "-p", "Tom has 12 apples.", "-n", "60", "--json"];
    let (resident, paged) =
        (json(&ask), json(&[&ask[..], &["--expert-budget", "20%", "--expert-policy", "lru"]].concat()));
    assert_eq!(paged["text"], resident["text"]);
    let experts = &paged["experts"];
    assert!(number(experts, "peak_bytes") <= number(experts, "budget_bytes"), "{experts:#}");
    let text = fails(&[&ask[..], &["--expert-budget", "1kB"]].concat());
    assert!(text.contains("raise it"), "{text}");
}

/// What a run used of what it loaded ahead; it must draw the text and keep the budget all the same.
fn prefetches_used(what: &str, text: &Value) -> u64 {
    let paged = run(&["--expert-budget", "40%", "--expert-policy", "lru", "--expert-prefetch", what]);
    assert_eq!(paged["text"], *text, "{what}");
    let experts = &paged["experts"];
    assert!(number(experts, "peak_bytes") <= number(experts, "budget_bytes"), "{experts:#}");
    let [ahead, used] = ["prefetches", "prefetches_used"].map(|of| number(experts, of));
    assert!(used <= ahead, "{what}: {experts:#}");
    used
}

#[test]
fn loading_ahead_changes_no_text_and_keeps_the_budget() {
    let resident = run(&[]);
    // On a busy machine the thread that loads ahead may come too late in one run, but not in all.
    let some_run_used = |what| (0..10).any(|_| prefetches_used(what, &resident["text"]) > 0);
    for what in ["gates", "affinity"] {
        assert!(some_run_used(what), "{what}: nothing that was loaded ahead was used in ten runs");
    }
    let refused = fails(&[&RUN[..], &["--expert-prefetch", "gates"]].concat());
    assert!(refused.contains("--expert-budget"), "{refused}");
}

#[test]
fn absent_experts_of_little_weight_are_taken_from_a_smaller_file() {
    let folder = tempfile::tempdir().unwrap();
    let low = path(folder.path(), "low.gguf");
    ok(&["quantize", "tiny-moe", "-f", "piq2", "-o", &low]);
    let budget = ["--expert-budget", "20%", "--expert-policy", "lru"];
    let run = |options: &[&str]| run(&[&budget[..], options].concat())["experts"].clone();
    let (plain, low_copies) = (run(&[]), run(&["--expert-low", &low]));
    assert_eq!((number(&plain, "low_uses"), number(&plain, "rebalanced")), (0, 0));
    assert!(number(&low_copies, "low_uses") > 0 && number(&low_copies, "rebalanced") > 0, "{low_copies:#}");
    assert!(number(&low_copies, "bytes_loaded") < number(&plain, "bytes_loaded"), "{plain:#} {low_copies:#}");
    assert!(number(&low_copies, "peak_bytes") <= number(&low_copies, "budget_bytes"));
    assert_eq!(low_copies, run(&["--expert-low", &low]), "the same input makes the same choices");

    let skipping = run(&["--expert-skip-above", "0.8"]);
    assert!(number(&skipping, "skipped") > 0 && number(&skipping, "low_uses") == 0, "{skipping:#}");
    let refused = fails(&[&RUN[..], &budget, &["--expert-low", "tiny-moe"]].concat());
    assert!(refused.contains("fewer bits"), "{refused}");
    let refused = fails(&[&RUN[..], &budget, &["--expert-low-above", "0.5"]].concat());
    assert!(refused.contains("--expert-low"), "{refused}");
}

#[test]
fn a_drained_device_runs_with_low_copies() {
    let folder = tempfile::tempdir().unwrap();
    let low = path(folder.path(), "low.gguf");
    ok(&["quantize", "tiny-moe", "-f", "piq2", "-o", &low]);
    let battery = folder.path().join("sys/class/power_supply/BAT0");
    std::fs::create_dir_all(&battery).unwrap();
    std::fs::write(battery.join("type"), "Battery\n").unwrap();
    std::fs::write(battery.join("status"), "Discharging\n").unwrap();
    let governor = format!("--expert-governor={}", folder.path().display());
    let run = |percent: &str| {
        std::fs::write(battery.join("capacity"), percent).unwrap();
        let paging = ["--expert-budget", "20%", "--expert-policy", "lru", "--expert-low", &low];
        run(&[&paging[..], &["--expert-low-above", "1", &governor]].concat())["experts"].clone()
    };
    let (full, drained) = (run("80\n"), run("3\n"));
    assert_eq!((&full["restraint"], number(&full, "low_uses")), (&"none".into(), 0));
    assert_eq!((&drained["restraint"], number(&drained, "misses") > 0), (&"minimum".into(), true));
    assert!(
        number(&drained, "low_uses") == number(&drained, "hits") + number(&drained, "misses"),
        "{drained:#}"
    );
    assert!(number(&drained, "bytes_loaded") < number(&full, "bytes_loaded") / 3, "{drained:#} {full:#}");
}
