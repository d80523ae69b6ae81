//! How OTLP reaches a collector: blocking HTTP, on the exporters' own threads.

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ureq::Agent;

/// How long a request may take, where `OTEL_EXPORTER_OTLP_TIMEOUT` does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The first thing that went wrong, from whichever thread: exporters would keep it to themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    pub(super) fn first(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, reason: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }
}

/// Sends requests with `ureq`: plain HTTP, no proxy, since collectors are near.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    failure: Failure,
}

impl Client {
    pub(super) fn new(failure: Failure) -> Self {
        let config = Agent::config_builder().timeout_global(Some(timeout())).http_status_as_error(false);
        Self { agent: config.proxy(None).build().into(), failure }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = self.agent.run(request.map(|body| body.to_vec()))?.into_parts();
        let mut body = body;
        Ok(Response::from_parts(parts, body.read_to_vec()?.into()))
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let to = request.uri().clone();
        let response = self.send(request);
        match &response {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => self.failure.note(format!("{to} answered {}", response.status())),
            Err(error) => self.failure.note(format!("{to}: {error}")),
        }
        Ok(response?)
    }
}

fn timeout() -> Duration {
    let asked = std::env::var("OTEL_EXPORTER_OTLP_TIMEOUT").ok().and_then(|text| text.parse().ok());
    asked.map_or(TIMEOUT, Duration::from_millis)
}
