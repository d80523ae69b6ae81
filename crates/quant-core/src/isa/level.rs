//! Which instruction sets there are, and the choice between them: once per process.

use super::{Isa, Kernel, scalar::Scalar};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use std::sync::OnceLock;

/// A token of one of the sets.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Level {
    /// What `PIBIT_ISA` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
        }
    }

    /// All that this processor has, the best last.
    pub(crate) fn available() -> Vec<Self> {
        let mut levels = vec![Self::Scalar(Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(Avx2::new().map(Self::Avx2));
            levels.extend(Avx512::new().map(Self::Avx512));
        }
        levels
    }

    /// The best one, unless the environment variable `PIBIT_ISA` names another. A name that this processor does not
    /// have falls back to the best one, with a line on the error output.
    pub(crate) fn selected() -> Self {
        static SELECTED: OnceLock<Level> = OnceLock::new();
        *SELECTED.get_or_init(|| {
            let available = Self::available();
            let best = available[available.len() - 1];
            let Some(wanted) = std::env::var("PIBIT_ISA").ok().filter(|name| !name.is_empty()) else {
                return best;
            };
            available.iter().find(|level| level.name() == wanted).copied().unwrap_or_else(|| {
                let names: Vec<_> = available.iter().map(|level| level.name()).collect();
                let names = names.join(", ");
                eprintln!("PIBIT_ISA={wanted}: this processor has {names}; using {}", best.name());
                best
            })
        })
    }

    /// Runs a kernel with these instructions.
    pub(crate) fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Scalar(isa) => isa.eval(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(isa) => isa.eval(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(isa) => isa.eval(kernel),
        }
    }
}
