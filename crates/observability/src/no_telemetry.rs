//! What stands for telemetry in a build without it: asking for it is an error.

use crate::{MetricInfo, ObservabilityError};
use domain_types::EventSink;
use std::net::SocketAddr;
use std::sync::Arc;
use tracing_subscriber::layer::Identity;

pub(crate) const METRICS: &[MetricInfo] = &[];

pub(crate) struct Telemetry;

impl Telemetry {
    pub(crate) fn start(otlp: bool, metrics_addr: Option<SocketAddr>) -> Result<Self, ObservabilityError> {
        if otlp || metrics_addr.is_some() {
            let reason = "this program was built without it: build it with feature `telemetry`";
            return Err(ObservabilityError::Telemetry(reason.to_owned()));
        }
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "the interface of the build with telemetry")]
    pub(crate) fn span_layer(&self) -> Option<Identity> {
        None
    }

    #[expect(clippy::unused_self, reason = "the interface of the build with telemetry")]
    pub(crate) fn duration_layer(&self) -> Option<Identity> {
        None
    }

    #[expect(clippy::unused_self, reason = "the interface of the build with telemetry")]
    pub(crate) fn sink(&self) -> Option<Arc<dyn EventSink>> {
        None
    }

    #[expect(clippy::unused_self, reason = "the interface of the build with telemetry")]
    pub(crate) fn metrics_addr(&self) -> Option<SocketAddr> {
        None
    }
}
