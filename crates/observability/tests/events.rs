//! `docs/observability.md` lists every event with the fields and level that it really has.

use domain_types::testing::sample_events;
use domain_types::{DomainEvent, EventSink};
use observability::{EVENT_TARGET, TracingSink};
use serde_json::Value;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use tracing::Subscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Remembers level, target and field names of each `tracing` event.
#[derive(Clone, Default)]
struct Remember(Arc<Mutex<Vec<Traced>>>);

struct Traced {
    level: String,
    target: String,
    fields: Vec<String>,
}

impl<S: Subscriber> Layer<S> for Remember {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let fields = event.fields().map(|field| field.name().to_owned());
        let metadata = event.metadata();
        self.0.lock().unwrap().push(Traced {
            level: metadata.level().to_string(),
            target: metadata.target().to_owned(),
            fields: fields.filter(|field| field != "message").collect(),
        });
    }
}

fn traced(event: &DomainEvent) -> Traced {
    let remember = Remember::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(remember.clone()), || {
        TracingSink.record(event);
    });
    remember.0.lock().unwrap().pop().expect("one event in, one out")
}

/// Field names and JSON types, in declaration order.
fn fields(event: &DomainEvent) -> Vec<(String, &'static str)> {
    let text = serde_json::to_string(event).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let mut fields: Vec<(String, &str)> = value
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "event")
        .map(|(n, v)| (n.clone(), kind(v)))
        .collect();
    fields.sort_by_key(|(name, _)| text.find(&format!("\"{name}\":")));
    fields
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::Array(_) => "list",
        _ => "text",
    }
}

#[test]
fn traced_fields_are_the_events_fields() {
    for event in sample_events() {
        let traced = traced(&event);
        let names: Vec<String> = fields(&event).into_iter().map(|(name, _)| name).collect();
        assert_eq!(traced.fields, names, "{}", event.name());
        assert_eq!(traced.target, EVENT_TARGET);
    }
}

#[test]
fn the_docs_list_every_event() {
    let Ok(page) = std::fs::read_to_string("../../docs/observability.md") else {
        println!("skipped: docs/observability.md is not part of the package");
        return;
    };
    let mut table = String::from("| event | level | fields |\n|---|---|---|\n");
    for event in sample_events() {
        let fields: Vec<String> =
            fields(&event).iter().map(|(name, kind)| format!("`{name}` {kind}")).collect();
        writeln!(table, "| `{}` | {} | {} |", event.name(), traced(&event).level, fields.join(", ")).unwrap();
    }
    assert!(page.contains(&table), "docs/observability.md should have this table:\n{table}");
}

/// A subscriber that is off costs a load and a branch: `enabled` says so, and nothing is recorded.
#[test]
fn without_a_subscriber_nobody_listens() {
    assert!(!TracingSink.enabled());
    domain_types::testing::event_sink_conformance(&TracingSink);
}
