//! How the key–value cache stores what it remembers.

use crate::InferenceError;
use std::fmt;
use std::str::FromStr;

/// Format of the key–value cache.
///
/// All but [`F32`](Self::F32) and [`F16`](Self::F16) have two tiers: the most recent positions in F16 and the rest in so many bits a number,
/// plus half a bit for steps and offsets. Keys never have fewer bits than values, because errors of keys pass through
/// the softmax (Tiwari et al. 2025, arXiv 2502.15075).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KvFormat {
    /// Single precision throughout: for comparisons with other implementations, at twice the memory of F16.
    F32,
    /// Half precision throughout.
    #[default]
    F16,
    /// 8 bits.
    Q8,
    /// 4 bits.
    Q4,
    /// 2 bits.
    Q2,
    /// Keys in 4 bits, values in 2.
    K4V2,
}

impl KvFormat {
    /// Every format, the most exact first.
    pub const ALL: [Self; 6] = [Self::F32, Self::F16, Self::Q8, Self::Q4, Self::K4V2, Self::Q2];

    /// Its name: what `FromStr` reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
            Self::Q2 => "q2",
            Self::K4V2 => "k4v2",
        }
    }

    /// Bits of a cold key and of a cold value; `None` where nothing becomes cold.
    pub(super) const fn cold_bits(self) -> Option<(usize, usize)> {
        match self {
            Self::F32 | Self::F16 => None,
            Self::Q8 => Some((8, 8)),
            Self::Q4 => Some((4, 4)),
            Self::Q2 => Some((2, 2)),
            Self::K4V2 => Some((4, 2)),
        }
    }
}

impl fmt::Display for KvFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KvFormat {
    type Err = InferenceError;

    fn from_str(text: &str) -> Result<Self, InferenceError> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| InferenceError::KvFormat(text.into()))
    }
}

/// Options of the key–value cache. The default is F16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvOptions {
    pub(super) format: KvFormat,
    pub(super) tail: usize,
    pub(super) rotated: bool,
}

impl Default for KvOptions {
    fn default() -> Self {
        Self { format: KvFormat::default(), tail: 128, rotated: true }
    }
}

impl KvOptions {
    /// The usual options of a format.
    pub fn new(format: KvFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Most recent positions that stay in F16 at least: 128 by default, rounded up to whole blocks of 64.
    #[must_use]
    pub fn with_tail(mut self, positions: usize) -> Self {
        self.tail = positions;
        self
    }

    /// Whether heads are rotated by a Hadamard matrix before they are quantized, which spreads outliers over all
    /// dimensions and changes no result otherwise (Ashkboos et al. 2024, arXiv 2404.00456). On by default; F32 and F16 are
    /// never rotated.
    #[must_use]
    pub fn with_rotation(mut self, rotated: bool) -> Self {
        self.rotated = rotated;
        self
    }
}
