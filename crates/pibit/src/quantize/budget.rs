//! The best file of a given size: what each tensor's format costs is measured, then the bytes go where they gain most.

mod search;
mod sensitivity;

pub(crate) use search::{AllocationReport, Chosen, Needs, Search};

use std::str::FromStr;

/// Units of bytes, longest names first.
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

/// The most bytes that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget(pub(crate) u64);

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
            .unwrap_or((text, 1.0));
        match number.trim().parse::<f64>() {
            Ok(number) if number > 0.0 && (number * unit).is_finite() => Ok(Self((number * unit) as u64)),
            _ => Err(format!("{text:?} is no size; write for example 45MB, 43MiB or 45000000")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let parse = |text: &str| text.parse::<Budget>().map(|budget| budget.0);
        assert_eq!(parse("45MB"), Ok(45_000_000));
        assert_eq!(parse("1.5 MiB"), Ok(1_572_864));
        assert_eq!(parse("123"), Ok(123));
        assert_eq!(parse("7B"), Ok(7));
        assert_eq!((parse("800KB"), parse("800kB")), (Ok(800_000), Ok(800_000)));
        for wrong in ["", "MB", "-1MB", "inf", "4 bits"] {
            assert!(parse(wrong).is_err_and(|e| e.contains("45MB")), "{wrong}");
        }
    }
}
