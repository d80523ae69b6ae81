//! The Grafana dashboard asks for metrics that exist, under the names that Prometheus sees.
#![cfg(feature = "telemetry")]

use observability::{MetricInfo, metrics};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the OpenTelemetry exporter makes of a name, a unit and a kind.
fn prometheus_name(metric: &MetricInfo) -> String {
    let unit = match metric.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        "%" => "_percent",
        "1" => "_ratio",
        _ => "",
    };
    let base = metric.name.replace('.', "_");
    let unit = if base.ends_with(unit) { "" } else { unit };
    let total = if metric.kind == "counter" { "_total" } else { "" };
    format!("{base}{unit}{total}")
}

/// The metrics in an expression: words that begin as ours do, but for labels.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("pibit_") || word.starts_with("gen_ai_"));
    let labels = ["pibit_stage", "pibit_measure", "pibit_direction", "gen_ai_token_type"];
    let suffix = |word: &str| {
        let stems = ["_bucket", "_sum", "_count"];
        stems.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    ours.filter(|word| !labels.contains(word)).map(suffix).collect()
}

#[test]
fn every_panel_asks_for_metrics_that_there_are() {
    let Ok(text) = std::fs::read_to_string("../../docs/grafana.json") else {
        println!("skipped: docs/grafana.json is not part of the package");
        return;
    };
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let known: BTreeSet<String> = metrics().iter().map(prometheus_name).collect();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 10);
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let asked = metrics_of(target["expr"].as_str().unwrap());
            assert!(!asked.is_empty(), "{panel}");
            for name in asked {
                assert!(known.contains(&name), "{}: no metric {name} in {known:?}", panel["title"]);
            }
        }
    }
}
