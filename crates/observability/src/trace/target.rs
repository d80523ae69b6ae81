//! Where a trace goes.

use crate::ObservabilityError;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a trace goes: the value of the `--trace` flag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceTarget {
    /// `pretty`: lines for people, on stderr.
    Pretty,
    /// `json`: one object a line, on stderr.
    Json,
    /// `otlp`: to an OpenTelemetry collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` says (else `http://localhost:4318`).
    Otlp,
    /// `chrome:FILE`: a file for <https://ui.perfetto.dev> or `chrome://tracing`.
    Chrome(PathBuf),
}

impl FromStr for TraceTarget {
    type Err = ObservabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "pretty" => Ok(Self::Pretty),
            None if text == "json" => Ok(Self::Json),
            None if text == "otlp" => Ok(Self::Otlp),
            Some(("chrome", file)) if !file.is_empty() => Ok(Self::Chrome(file.into())),
            _ => Err(ObservabilityError::UnknownTarget(text.to_owned())),
        }
    }
}

impl fmt::Display for TraceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pretty => f.write_str("pretty"),
            Self::Json => f.write_str("json"),
            Self::Otlp => f.write_str("otlp"),
            Self::Chrome(path) => write!(f, "chrome:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["pretty", "json", "otlp", "chrome:a.json", "chrome:C:\\t.json"] {
            assert_eq!(text.parse::<TraceTarget>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "chrome", "chrome:", "Pretty", "json:x", "otlp:"] {
            let message = text.parse::<TraceTarget>().unwrap_err().to_string();
            assert!(message.contains("chrome:FILE"), "{message}");
        }
    }
}
