//! A collector: takes OTLP over HTTP and decodes it with OpenTelemetry's own message types.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub(crate) struct Received {
    pub(crate) spans: Vec<Span>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) services: Vec<String>,
}

pub(crate) struct Collector {
    pub(crate) address: String,
    received: Arc<Mutex<Received>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Received::default()));
        let into = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let into = into.clone();
                std::thread::spawn(move || serve(stream, &into));
            }
        });
        Self { address, received }
    }

    pub(crate) fn received(self) -> Received {
        std::mem::take(&mut self.received.lock().unwrap())
    }
}

/// Answers requests of a connection until it is closed.
fn serve(stream: TcpStream, into: &Mutex<Received>) {
    let mut answer = stream.try_clone().unwrap();
    let mut requests = BufReader::new(stream);
    while let Some((path, body)) = request(&mut requests) {
        match path.as_str() {
            "/v1/traces" => take_spans(&body, into),
            "/v1/metrics" => take_metrics(&body, into),
            other => panic!("no such path: {other}"),
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        answer.write_all(head.as_bytes()).unwrap();
    }
}

fn request(from: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        from.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "content-type" => assert_eq!(value.trim(), "application/x-protobuf"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((path, body))
}

fn take_spans(body: &[u8], into: &Mutex<Received>) {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP traces");
    let mut into = into.lock().unwrap();
    for resource in request.resource_spans {
        for attribute in resource.resource.iter().flat_map(|r| &r.attributes) {
            if let (true, Some(Value::StringValue(name))) =
                (attribute.key == "service.name", attribute.value.as_ref().and_then(|v| v.value.clone()))
            {
                into.services.push(name);
            }
        }
        into.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
}

fn take_metrics(body: &[u8], into: &Mutex<Received>) {
    let request = ExportMetricsServiceRequest::decode(body).expect("OTLP metrics");
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    into.lock().unwrap().metrics.extend(scopes.flat_map(|scope| scope.metrics));
}
