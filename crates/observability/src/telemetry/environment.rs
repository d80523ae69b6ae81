//! OpenTelemetry's environment variables, where the SDK does not read them itself.

use super::SCOPE;
use crate::ObservabilityError;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use percent_encoding::percent_decode_str;

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    /// Whether this signal is sent: by flag, or because an endpoint or an exporter is named, but never against
    /// `OTEL_…_EXPORTER=none`.
    pub(super) fn is_asked(self, flag: bool) -> Result<bool, ObservabilityError> {
        let name = self.name();
        let exporter = format!("OTEL_{name}_EXPORTER");
        let asked = match value(&exporter).as_deref() {
            Some("none") => return Ok(false),
            Some("otlp") => true,
            None => false,
            Some(other) => {
                return Err(ObservabilityError::Telemetry(format!(
                    "{exporter}={other} is not known here: use otlp or none (and --metrics-addr for Prometheus)"
                )));
            }
        };
        let endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT".into(), format!("OTEL_EXPORTER_OTLP_{name}_ENDPOINT")];
        let asked = asked || flag || endpoints.iter().any(|endpoint| value(endpoint).is_some());
        if asked {
            self.only_protobuf()?;
        }
        Ok(asked)
    }

    /// Another protocol is refused, rather than sending a collector what it does not understand.
    fn only_protobuf(self) -> Result<(), ObservabilityError> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_PROTOCOL", self.name());
        for variable in [own.as_str(), "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            match value(variable).as_deref() {
                None => {}
                Some("http/protobuf") => return Ok(()),
                Some(other) => {
                    return Err(ObservabilityError::Telemetry(format!(
                        "{variable}={other} is not spoken here: use http/protobuf (port 4318)"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Whether telemetry is switched off altogether.
pub(super) fn disabled() -> bool {
    value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What the telemetry is of: `OTEL_RESOURCE_ATTRIBUTES`, and the service's name from `OTEL_SERVICE_NAME`, from there, or
/// the program's.
pub(super) fn resource() -> Resource {
    let listed = value("OTEL_RESOURCE_ATTRIBUTES").map_or_else(Vec::new, |text| attributes(&text));
    let named = listed.iter().any(|(key, _)| key == "service.name");
    let builder = Resource::builder();
    let builder = builder.with_attributes(listed.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    match value("OTEL_SERVICE_NAME") {
        Some(name) => builder.with_service_name(name).build(),
        None if named => builder.build(),
        None => builder.with_service_name(SCOPE).build(),
    }
}

/// Keys and values of `key=value,…`; what is reserved in them is percent-encoded. As the specification says, nothing is
/// taken from a list that cannot be read.
fn attributes(text: &str) -> Vec<(String, String)> {
    let decoded = |part: &str| Some(percent_decode_str(part.trim()).decode_utf8().ok()?.into_owned());
    let pair = |entry: &str| {
        let (key, value) = entry.split_once('=')?;
        Some((decoded(key)?, decoded(value)?))
    };
    let entries = text.split(',').filter(|entry| !entry.trim().is_empty());
    entries.map(pair).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// A variable that is set to something.
fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_percent_encoded() {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        assert_eq!(
            attributes("a=1, service.name=my%20model ,b=x%2Cy%3Dz,c=%C3%A9,d=,"),
            pairs(&[("a", "1"), ("service.name", "my model"), ("b", "x,y=z"), ("c", "é"), ("d", "")])
        );
        assert!(attributes("a=1,nonsense").is_empty(), "all or nothing");
        assert!(attributes("a=%FF").is_empty());
        assert!(attributes("").is_empty());
    }
}
