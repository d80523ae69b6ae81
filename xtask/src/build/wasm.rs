//! WebAssembly: with rustup's target where it is installed, else with Debian's toolchain.

use crate::packages::{self, Package};
use crate::sh;
use crate::toolchain::{Toolchain, wasm_flags};
use anyhow::{Context, Result};

/// Crates that run in a browser, with the features that do.
const CRATES: [(&str, &[&str]); 5] = [
    ("domain-types", &[]),
    ("quant-core", &["--no-default-features"]),
    ("model-store", &["--no-default-features"]),
    ("inference", &["--no-default-features"]),
    ("wasm-runtime", &[]),
];

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's linker.
pub(crate) const LINKER: Package = Package { name: "lld-19", file: "wasm-ld-19" };

pub(crate) fn build(profile: &[&str]) -> Result<()> {
    let toolchain = Toolchain::of(TARGET);
    if toolchain == Toolchain::Debian {
        packages::install(&toolchain.packages(&[LINKER]))
            .with_context(|| format!("`rustup target add {TARGET}` or Debian's packages are needed"))?;
    }
    for (package, features) in CRATES {
        let mut command = toolchain.cargo("build", "std,panic_abort");
        command.args(["--target", TARGET, "--package", package]).args(features).args(profile);
        sh::run(command.env("RUSTFLAGS", wasm_flags(toolchain, "+simd128")))?;
    }
    Ok(())
}
