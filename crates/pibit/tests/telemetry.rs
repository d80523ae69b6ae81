//! What a run tells a collector, Prometheus and a trace viewer, and that the documentation lists all of it.
#![cfg(feature = "telemetry")]

#[path = "telemetry/collector.rs"]
mod collector;

use collector::{Collector, Received};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value as Number};
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn pibit(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("OTEL_") || name == "PIBIT_LOG") {
        command.env_remove(name);
    }
    command.args(args);
    command
}

fn output(command: &mut Command) -> Output {
    let output = command.output().expect("pibit starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn quantize(file: &Path) -> Command {
    pibit(&["quantize", "tiny", "-f", "piq3", "--rotate", "-o", file.to_str().unwrap()])
}

/// Runs a quantization that reports to a collector.
fn observed_quantization() -> Received {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start());
    let mut command = quantize(&folder.path().join("out.gguf"));
    output(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address));
    collector.received()
}

/// A span's name and its ancestors' names, from the root.
fn path(span: &Span, by_id: &HashMap<&[u8], &Span>) -> String {
    let Some(parent) = by_id.get(span.parent_span_id.as_slice()) else {
        assert!(span.parent_span_id.is_empty(), "{}: its parent was not sent", span.name);
        return span.name.clone();
    };
    format!("{}/{}", path(parent, by_id), span.name)
}

#[test]
fn a_collector_gets_the_tree_of_a_run() {
    let received = observed_quantization();
    let spans = &received.spans;
    assert!(received.services.iter().all(|name| name == "pibit") && !received.services.is_empty());
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!(traces.len(), 1, "one run is one trace");
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let paths: BTreeSet<String> = spans.iter().map(|span| path(span, &by_id)).collect();
    let expected = [
        "command",
        "command/hash",
        "command/open",
        "command/plan",
        "command/rotate",
        "command/write",
        "command/write/finish",
        "command/write/tensor",
    ];
    assert_eq!(paths, expected.map(String::from).into());
    let tensors: Vec<&Span> = spans.iter().filter(|span| span.name == "tensor").collect();
    assert_eq!(tensors.len(), 38, "a span for each tensor");
    let events: Vec<&str> = tensors.iter().flat_map(|t| &t.events).map(|event| event.name.as_str()).collect();
    assert!(events.contains(&"WeightsQuantized"), "events lie in the span that they happened in: {events:?}");
    assert!(spans.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
}

#[test]
fn a_collector_gets_metrics() {
    let received = observed_quantization();
    let metric = |name: &str| received.metrics.iter().find(|metric| metric.name == name).expect(name);
    let Some(Data::Sum(quantized)) = &metric("pibit.tensor.quantized").data else { panic!("a counter") };
    let counted: i64 = quantized
        .data_points
        .iter()
        .filter_map(|point| match point.value {
            Some(Number::AsInt(count)) => Some(count),
            _ => None,
        })
        .sum();
    assert_eq!(counted, 29, "28 matrices and the embedding");
    assert_eq!(metric("pibit.stage.duration").unit, "s");
    let Some(Data::Histogram(durations)) = &metric("pibit.stage.duration").data else {
        panic!("a histogram")
    };
    let spans: u64 = durations.data_points.iter().map(|point| point.count).sum();
    assert_eq!(spans as usize, received.spans.len(), "every span has a duration");
}

/// As the specification has it: each signal by itself, `none`, and what the telemetry is of.
#[test]
fn the_environment_says_what_is_sent() {
    let run = |variables: &dyn Fn(&str) -> Vec<(&'static str, String)>| {
        let collector = Collector::start();
        let mut command = pibit(&["formats", "--json"]);
        output(command.envs(variables(&collector.address)));
        collector.received()
    };
    let both = run(&|at| vec![("OTEL_EXPORTER_OTLP_ENDPOINT", at.into())]);
    assert!(!both.spans.is_empty() && both.services.iter().all(|name| name == "pibit"));
    let spans = run(&|at| vec![("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{at}/v1/traces"))]);
    assert!(!spans.spans.is_empty() && spans.metrics.is_empty());
    let none =
        run(&|at| vec![("OTEL_EXPORTER_OTLP_ENDPOINT", at.into()), ("OTEL_TRACES_EXPORTER", "none".into())]);
    assert!(none.spans.is_empty());
    let nothing = run(&|at| {
        let off = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"].map(|name| (name, "none".to_owned()));
        off.into_iter().chain([("OTEL_EXPORTER_OTLP_ENDPOINT", at.to_owned())]).collect()
    });
    assert!(nothing.spans.is_empty() && nothing.metrics.is_empty());
    let named = |service: &'static str| {
        run(&move |at| {
            vec![
                ("OTEL_EXPORTER_OTLP_ENDPOINT", at.into()),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=my%20model,team=a".into()),
                ("OTEL_SERVICE_NAME", service.into()),
            ]
        })
    };
    assert!(named("").services.iter().all(|name| name == "my model"));
    assert!(named("other").services.iter().all(|name| name == "other"));
    let unknown = pibit(&["formats"]).env("OTEL_METRICS_EXPORTER", "console").output().unwrap();
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("OTEL_METRICS_EXPORTER=console"));
}

/// Spans that are complete when a signal comes reach the collector.
#[test]
#[cfg(unix)]
fn a_signal_loses_no_spans() {
    let collector = Collector::start();
    let mut command = pibit(&["chat", "tiny", "--chat-template", "chatml", "-n", "2", "--quiet"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"Hi\n").unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let received = collector.received();
    for name in ["load", "generate"] {
        assert!(received.spans.iter().any(|span| span.name == name), "{name}");
    }
}

#[test]
fn a_collector_that_is_not_there_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.gguf");
    let start = Instant::now();
    let run = output(
        quantize(&file).args(["--trace", "otlp"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
    );
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(stderr.contains("not delivered") && stderr.contains("127.0.0.1:9"), "{stderr}");
    assert!(file.exists() && start.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_protocol_that_is_not_spoken_is_an_error() {
    let run =
        pibit(&["formats", "--trace", "otlp"]).env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("http/protobuf"));
}

/// What `GET path` answers.
fn get(addr: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("the endpoint listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Serves metrics while a chat waits for its next line, and scrapes them.
fn scrape() -> (String, String) {
    let mut chat = pibit(&["chat", "tiny", "-n", "4", "--metrics-addr", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = chat.stderr.take().unwrap();
    let mut line = Vec::new();
    let mut byte = [0];
    while byte != *b"\n" && stderr.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).unwrap();
    let addr = line.trim().strip_prefix("metrics: http://").and_then(|l| l.strip_suffix("/metrics"));
    let addr = addr.unwrap_or_else(|| panic!("no address: {line}")).to_owned();
    let start = Instant::now();
    let found = loop {
        let answer = get(&addr, "/metrics");
        // The model is loaded by then.
        if answer.contains("pibit_stage_duration") && answer.contains("stage=\"load\"") {
            break answer;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let missing = get(&addr, "/");
    drop(chat.stdin.take());
    chat.wait().unwrap();
    (found, missing)
}

#[test]
fn prometheus_reads_the_metrics() {
    let (answer, missing) = scrape();
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("# TYPE pibit_stage_duration_seconds histogram"), "{body}");
    assert!(body.contains("pibit_model_loaded_total"), "{body}");
    let script = "import sys\ntry:\n  from prometheus_client.parser import text_string_to_metric_families as p\n\
        except ImportError:\n  sys.exit(77)\nprint(len(list(p(sys.stdin.read()))))";
    let Ok(mut python) =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    else {
        println!("skipped: no python3");
        return;
    };
    python.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let parsed = python.wait_with_output().unwrap();
    if parsed.status.code() == Some(77) {
        println!("skipped: no Python package prometheus_client");
        return;
    }
    let families: usize = String::from_utf8(parsed.stdout).unwrap().trim().parse().expect("it parses");
    assert!(families >= 3, "{families} families");
}

/// The documentation's table of `what`, replaced where `PIBIT_BLESS` is set.
fn documented(first_line: &str, table: &str) {
    let page = Path::new("../../docs/observability.md");
    let Ok(text) = std::fs::read_to_string(page) else {
        println!("skipped: docs/observability.md is not part of the package");
        return;
    };
    if text.contains(&format!("{table}\n")) {
        return;
    }
    assert!(
        std::env::var_os("PIBIT_BLESS").is_some(),
        "docs/observability.md should have this table (PIBIT_BLESS=1 writes it):\n{table}"
    );
    let start = text.find(first_line).expect("the table begins somewhere");
    let length = text[start..].find("\n\n").map_or(text.len() - start, |end| end + 1);
    std::fs::write(page, format!("{}{table}{}", &text[..start], &text[start + length..])).unwrap();
}

#[test]
fn the_docs_list_every_span() {
    let head = "| span | fields | what |\n|---|---|---|\n";
    let row = |stage: &pibit::StageInfo| {
        let fields: Vec<String> = stage.fields.iter().map(|field| format!("`{field}`")).collect();
        format!("| `{}` | {} | {} |\n", stage.name, fields.join(", "), stage.description)
    };
    documented(head, &pibit::STAGES.iter().fold(head.to_owned(), |table, stage| table + &row(stage)));
}

#[test]
fn the_docs_list_every_metric() {
    let head = "| metric | kind | unit | what |\n|---|---|---|---|\n";
    let row = |metric: &observability::MetricInfo| {
        format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind, metric.unit, metric.description)
    };
    documented(
        head,
        &observability::metrics().iter().fold(head.to_owned(), |table, metric| table + &row(metric)),
    );
}

/// VizTracer reads the format, too.
#[test]
fn another_program_reads_the_chrome_trace() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.json");
    let target = format!("chrome:{}", trace.display());
    output(quantize(&folder.path().join("out.gguf")).args(["--trace", &target]));
    let script = "import sys\ntry:\n  from viztracer.vcompressor import VCompressor\n  from viztracer.report_builder import ReportBuilder\n\
        except ImportError:\n  sys.exit(77)\nimport json\nd=json.load(open(sys.argv[1]))\n\
        assert isinstance(d,list)\nReportBuilder({'traceEvents':d},verbose=0).prepare_json()";
    let checked = Command::new("python3").args(["-c", script]).arg(&trace).output();
    match checked {
        Ok(run) if run.status.success() => {}
        Ok(run) if run.status.code() != Some(77) => panic!("{}", String::from_utf8_lossy(&run.stderr)),
        _ => println!("skipped: no Python package viztracer"),
    }
    let events: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
    let opened = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
    assert!(opened("B") > 40 && opened("B") == opened("E"), "{} spans, {} ends", opened("B"), opened("E"));
}
