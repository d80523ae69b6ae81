//! The domains of the corpus.

use crate::random::Rng;
use core::fmt;
use core::str::FromStr;

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Domain {
    /// Sums and word problems with step-by-step answers.
    Arithmetic,
    /// Small programs and their execution, line by line.
    Code,
    /// Requests answered by a call in JSON.
    ToolUse,
    /// A question about one of many facts given before.
    Needle,
    /// Simple stories.
    Language,
}

impl Domain {
    /// All domains.
    pub const ALL: [Self; 5] = [Self::Arithmetic, Self::Code, Self::ToolUse, Self::Needle, Self::Language];

    /// The name used on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arithmetic => "arithmetic",
            Self::Code => "code",
            Self::ToolUse => "tool-use",
            Self::Needle => "needle",
            Self::Language => "language",
        }
    }

    /// How many of 100 samples of the mixture are of this domain. Chosen so that arithmetic, whose samples are
    /// short, has about 45% of the tokens.
    pub const fn share(self) -> u32 {
        match self {
            Self::Arithmetic => 46,
            Self::Code => 14,
            Self::ToolUse => 13,
            Self::Needle => 15,
            Self::Language => 12,
        }
    }

    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut ticket = rng.range(0, 99);
        for domain in Self::ALL {
            if ticket < domain.share() {
                return domain;
            }
            ticket -= domain.share();
        }
        unreachable!("the shares add up to 100, which a test checks")
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No domain has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no domain {0:?}; choose among arithmetic, code, tool-use, needle, language")]
pub struct UnknownDomain(String);

impl FromStr for Domain {
    type Err = UnknownDomain;

    fn from_str(name: &str) -> Result<Self, UnknownDomain> {
        Self::ALL.into_iter().find(|d| d.name() == name).ok_or_else(|| UnknownDomain(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percent() {
        assert_eq!(Domain::ALL.iter().map(|d| d.share()).sum::<u32>(), 100);
    }

    #[test]
    fn names_parse_back() {
        assert!(Domain::ALL.iter().all(|d| d.name().parse() == Ok(*d)));
        assert!("poetry".parse::<Domain>().unwrap_err().to_string().contains("tool-use"));
    }
}
