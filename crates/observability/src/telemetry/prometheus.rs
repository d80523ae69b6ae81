//! `GET /metrics` in Prometheus' text format.

use crate::ObservabilityError;
use opentelemetry_prometheus::PrometheusExporter;
use prometheus::{Encoder, Registry, TextEncoder};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// The longest request that is read: a request line and a few headers.
const REQUEST_LIMIT: usize = 8192;
/// How long a client may take to ask, and to read the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// An address that answers until the process ends.
pub(super) struct Endpoint {
    addr: SocketAddr,
}

impl Endpoint {
    /// Listens on `addr` (port 0 takes a free one); the reader collects what is served.
    pub(super) fn open(addr: SocketAddr) -> Result<(PrometheusExporter, Self), ObservabilityError> {
        let refused = |reason: String| ObservabilityError::Telemetry(reason);
        let listener = TcpListener::bind(addr)
            .map_err(|error| refused(format!("cannot serve metrics on {addr}: {error}")))?;
        let addr = listener.local_addr().map_err(|error| refused(error.to_string()))?;
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
        let reader = exporter.build().map_err(|error| refused(error.to_string()))?;
        std::thread::spawn(move || {
            // A client that breaks off is its own problem; the next one is served.
            listener.incoming().flatten().for_each(|stream| drop(answer(stream, &registry)));
        });
        Ok((reader, Self { addr }))
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn answer(mut stream: TcpStream, registry: &Registry) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = read_request(&mut stream)?;
    let mut line = request.split(|&byte| byte == b' ');
    match (line.next(), line.next()) {
        (Some(b"GET"), Some(b"/metrics")) => {
            let mut body = Vec::new();
            let encoder = TextEncoder::new();
            encoder.encode(&registry.gather(), &mut body).map_err(io::Error::other)?;
            respond(&mut stream, "200 OK", encoder.format_type(), &body)
        }
        (Some(b"GET"), _) => {
            respond(&mut stream, "404 Not Found", "text/plain", b"metrics are at /metrics\n")
        }
        _ => respond(&mut stream, "405 Method Not Allowed", "text/plain", b"only GET is answered\n"),
    }
}

/// The request's head.
fn read_request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 || request.len() + read > REQUEST_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    Ok(request)
}

fn respond(stream: &mut TcpStream, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
