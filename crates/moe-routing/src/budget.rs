//! Budgets as people write them.

use crate::MoeError;
use std::fmt;
use std::str::FromStr;

/// A budget of memory: bytes, or a share of what there is to hold. Reads `256MB`, `1.5GiB`, `4096` and `25%`; `MB` is a
/// million bytes, `MiB` 2²⁰.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MemoryBudget {
    /// So many bytes.
    Bytes(u64),
    /// A share, 0 to 1.
    Share(f64),
}

const UNITS: [(&str, f64); 8] = [
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("KB", 1e3),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("B", 1.0),
];

impl MemoryBudget {
    /// In bytes, where all together takes `whole` bytes.
    pub fn bytes(self, whole: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(share) => (whole as f64 * share) as u64,
        }
    }
}

impl FromStr for MemoryBudget {
    type Err = MoeError;

    fn from_str(text: &str) -> Result<Self, MoeError> {
        let bad = || MoeError::BadBudget { text: text.into() };
        let number = |digits: &str| digits.trim().parse::<f64>().ok().filter(|n| *n > 0.0);
        if let Some(percent) = text.strip_suffix('%') {
            return number(percent).filter(|p| *p <= 100.0).map(|p| Self::Share(p / 100.0)).ok_or_else(bad);
        }
        let unit = UNITS.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)));
        let (digits, scale) = unit.unwrap_or((text, 1.0));
        let bytes = number(digits).map(|n| n * scale).filter(|b| (1.0..=1e18).contains(b));
        bytes.map(|b| Self::Bytes(b as u64)).ok_or_else(bad)
    }
}

impl fmt::Display for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_understood() {
        let read = |text: &str| text.parse::<MemoryBudget>();
        for (text, bytes) in
            [("256MB", 256_000_000), ("1.5GiB", 3 << 29), ("4096", 4096), ("4 kB", 4000), ("7B", 7)]
        {
            assert_eq!(read(text).unwrap(), MemoryBudget::Bytes(bytes), "{text}");
        }
        assert_eq!(read("25%").unwrap().bytes(1000), 250);
        for text in ["", "%", "-1MB", "0", "101%", "1e30GB", "NaN", "inf", "4 apples", "0.1B"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
