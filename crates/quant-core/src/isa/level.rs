//! Which instruction sets there are, and the choice between them: once per process.

#[cfg(target_arch = "aarch64")]
use super::neon::{Dot, Long, Neon};
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
use super::scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::simd128::Simd128;
use super::{Isa, Kernel, PanelKernel};
#[cfg(target_arch = "x86_64")]
use super::{PanelIsa as _, avx2::Avx2, avx512::Avx512};
use std::sync::OnceLock;

/// A token of one of the sets.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    /// Left out where SIMD is certain: modules for browsers are to be small.
    #[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon<Long>),
    #[cfg(target_arch = "aarch64")]
    NeonDot(Neon<Dot>),
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128(Simd128),
}

impl Level {
    /// What `PIBIT_ISA` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
            Self::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(_) => "neon-dotprod",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128(_) => Simd128::NAME,
        }
    }

    /// All that this processor has, the best last.
    pub(crate) fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
        levels.push(Self::Scalar(Scalar));
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(Avx2::new().map(Self::Avx2));
            levels.extend(Avx512::new().map(Self::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        {
            levels.push(Self::Neon(Neon::<Long>::new()));
            levels.extend(Neon::<Dot>::new().map(Self::NeonDot));
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        levels.push(Self::Simd128(Simd128));
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

    /// Whether prefill is faster with tokens in lanes: with [`eval_panel`](Self::eval_panel).
    pub(crate) fn has_panels(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return matches!(self, Self::Avx512(_));
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Runs a kernel that has tokens in lanes.
    pub(crate) fn eval_panel(self, kernel: impl PanelKernel) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(isa) => isa.eval_panel(kernel),
            _ => unreachable!("{} has no panels for {}", self.name(), std::any::type_name_of_val(&kernel)),
        }
    }

    /// Runs a kernel with these instructions.
    pub(crate) fn eval<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
            Self::Scalar(isa) => isa.eval(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(isa) => isa.eval(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(isa) => isa.eval(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(isa) => isa.eval(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(isa) => isa.eval(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128(isa) => isa.eval(kernel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who tests with `PIBIT_ISA` set tests that set.
    #[test]
    fn the_wanted_set_is_there() {
        let Ok(wanted) = std::env::var("PIBIT_ISA") else { return };
        assert_eq!(Level::selected().name(), wanted);
    }
}
