//! `init` as a program meets it: each case runs in a process of its own, and its stderr is read.

use domain_types::testing::sample_events;
use domain_types::{DomainEvent, EventSink};
use observability::{EVENT_TARGET, FILTER_VARIABLE, TraceOptions, TracingSink, init};
use serde_json::Value;
use std::process::{Command, Output};

/// Runs [`child`] with a `--trace` value ("" for none).
fn run(target: &str, quiet: bool, filter: Option<&str>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture"]).env_remove(FILTER_VARIABLE);
    command.env("CHILD_TARGET", target).env("CHILD_QUIET", if quiet { "1" } else { "" });
    command.envs(filter.map(|filter| (FILTER_VARIABLE, filter)));
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
#[ignore = "the other tests run it as a program"]
fn child() {
    let Ok(target) = std::env::var("CHILD_TARGET") else { return };
    let target = (!target.is_empty()).then(|| target.parse().unwrap());
    let quiet = std::env::var("CHILD_QUIET").is_ok_and(|quiet| quiet == "1");
    let guard = init(TraceOptions { target, quiet, ..TraceOptions::default() });
    let guard = guard.unwrap_or_else(|error| {
        eprintln!("refused: {error}");
        std::process::exit(3);
    });
    assert!(init(TraceOptions::default()).is_err(), "a second subscriber is refused");
    let span = tracing::info_span!("quantize", format = "piq3").entered();
    for event in sample_events() {
        TracingSink.record(&event);
    }
    tracing::warn!("a warning");
    tracing::error!("an error");
    eprintln!("enabled: {}", TracingSink.enabled());
    drop(span);
    drop(guard);
}

#[test]
fn without_a_target_there_are_warnings_only() {
    let text = stderr(&run("", false, None));
    assert!(text.contains("a warning") && text.contains("enabled: false"), "{text}");
    assert!(!text.contains("WeightsQuantized"), "{text}");
    let quiet = stderr(&run("", true, None));
    assert!(quiet.contains("an error") && !quiet.contains("a warning"), "{quiet}");
}

#[test]
fn pretty_lines_name_the_event_and_its_fields() {
    let text = stderr(&run("pretty", false, None));
    let line = text.lines().find(|line| line.contains("WeightsQuantized")).expect("the event is there");
    assert!(line.contains("mse=0.037") && line.contains("piq3") && !line.contains('\u{1b}'), "{line}");
    assert!(!text.contains("ExpertPaged"), "debug events are off by default");
    assert!(text.contains("enabled: true"));
}

#[test]
fn the_filter_variable_decides_and_is_checked() {
    let text = stderr(&run("pretty", false, Some("pibit::domain=debug")));
    assert!(text.contains("ExpertPaged") && !text.contains("a warning"), "{text}");
    let output = run("pretty", false, Some("pibit=loud"));
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("PIBIT_LOG=\"pibit=loud\""), "{}", stderr(&output));
}

#[test]
fn json_fields_are_typed_and_complete() {
    let text = stderr(&run("json", false, Some("debug")));
    let objects = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let events: Vec<Value> = objects.filter(|object| object["target"] == EVENT_TARGET).collect();
    assert_eq!(events.len(), sample_events().len());
    for (traced, event) in events.iter().zip(sample_events()) {
        assert_eq!(traced["fields"]["message"], event.name());
        compare_fields(&traced["fields"], &event);
        assert_eq!(traced["span"]["name"], "quantize");
    }
}

/// Numbers and texts arrive as such; lists and enums as their debug text.
fn compare_fields(traced: &Value, event: &DomainEvent) {
    let expected = serde_json::to_value(event).unwrap();
    for (field, value) in expected.as_object().unwrap().iter().filter(|(field, _)| *field != "event") {
        match (&traced[field], value) {
            (traced, Value::Number(_)) => assert_eq!(traced.as_f64(), value.as_f64(), "{event:?}: {field}"),
            (traced, _) if field == "direction" || field == "domains" => {
                assert!(traced.is_string(), "{event:?}");
            }
            (traced, _) => assert_eq!(traced, value, "{event:?}: {field}"),
        }
    }
}

#[test]
fn a_chrome_trace_is_complete_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let output = run(&format!("chrome:{}", path.display()), false, None);
    assert!(output.status.success(), "{}", stderr(&output));
    let trace: Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).expect("the file is valid JSON");
    let entries = trace.as_array().unwrap();
    let count = |phase: &str, name: &str| {
        entries.iter().filter(|entry| entry["ph"] == phase && entry["name"] == name).count()
    };
    assert_eq!((count("B", "quantize"), count("E", "quantize")), (1, 1), "the span opens and closes");
    assert_eq!(count("i", "WeightsQuantized"), 1, "an event is named by its domain name");
    let weights = entries.iter().find(|entry| entry["name"] == "WeightsQuantized").unwrap();
    assert_eq!(weights["args"]["mse"], "0.037");
    assert!(entries.windows(2).all(|pair| pair[0]["ts"].as_f64() <= pair[1]["ts"].as_f64()), "in order");
    assert!(stderr(&output).contains("a warning"), "warnings still reach stderr");
}

#[test]
fn a_chrome_trace_that_cannot_be_written_is_an_error() {
    let output = run("chrome:/absent/folder/trace.json", false, None);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("cannot write /absent/folder/trace.json"), "{}", stderr(&output));
}
