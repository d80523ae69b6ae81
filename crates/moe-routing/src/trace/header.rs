//! What model a trace is of.

use crate::MoeError;
use domain_types::{GateNorm, Gating};
use serde::{Deserialize, Serialize};

const FORMAT: &str = "pibit-routes";
const VERSION: u32 = 1;

/// The model of a trace. Limits keep the size of a line, and so of what a reader allocates, within 8 MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceHeader {
    layers: usize,
    gating: Gating,
    expert_bytes: u64,
}

impl TraceHeader {
    /// Layers times experts at most: ten times the largest models.
    const MOST_LOGITS: usize = 1 << 18;

    /// A model of `layers` layers with experts, each of `expert_bytes` bytes.
    pub fn new(layers: usize, gating: Gating, expert_bytes: u64) -> Result<Self, MoeError> {
        let logits = layers.saturating_mul(gating.experts());
        if logits == 0 || logits > Self::MOST_LOGITS {
            let (option, range) = ("layers × experts", "1 to 262144");
            return Err(MoeError::BadOption { option, value: logits as f64, range });
        }
        if expert_bytes == 0 || expert_bytes > 1 << 40 {
            let (option, range) = ("expert_bytes", "1 to 2^40");
            return Err(MoeError::BadOption { option, value: expert_bytes as f64, range });
        }
        Ok(Self { layers, gating, expert_bytes })
    }

    /// Layers that have experts.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Experts per layer, and how they are chosen.
    pub fn gating(&self) -> Gating {
        self.gating
    }

    /// Bytes of an expert.
    pub fn expert_bytes(&self) -> u64 {
        self.expert_bytes
    }

    /// Bytes of all experts.
    pub fn total_bytes(&self) -> u64 {
        self.expert_bytes * self.logits_per_token() as u64
    }

    /// Layers × experts.
    pub fn logits_per_token(&self) -> usize {
        self.layers * self.gating.experts()
    }
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHeader {
    format: String,
    version: u32,
    layers: usize,
    experts: usize,
    top_k: usize,
    norm: RawNorm,
    expert_bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawNorm {
    Chosen,
    All,
}

impl From<&TraceHeader> for RawHeader {
    fn from(header: &TraceHeader) -> Self {
        let gating = header.gating;
        Self {
            format: FORMAT.into(),
            version: VERSION,
            layers: header.layers,
            experts: gating.experts(),
            top_k: gating.top_k(),
            norm: match gating.norm() {
                GateNorm::Chosen => RawNorm::Chosen,
                GateNorm::All => RawNorm::All,
            },
            expert_bytes: header.expert_bytes,
        }
    }
}

impl TryFrom<RawHeader> for TraceHeader {
    type Error = String;

    fn try_from(raw: RawHeader) -> Result<Self, String> {
        if raw.format != FORMAT || raw.version != VERSION {
            return Err(format!(
                "it is {:?} version {}, not {FORMAT} version {VERSION}",
                raw.format, raw.version
            ));
        }
        let norm = match raw.norm {
            RawNorm::Chosen => GateNorm::Chosen,
            RawNorm::All => GateNorm::All,
        };
        let gating = Gating::new(raw.experts, raw.top_k, norm).map_err(|e| e.to_string())?;
        Self::new(raw.layers, gating, raw.expert_bytes).map_err(|e| e.to_string())
    }
}
