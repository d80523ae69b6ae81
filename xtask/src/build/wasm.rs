//! WebAssembly: with rustup's target where it is installed, else with Debian's toolchain.

use crate::sh;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Crates that run in a browser, with the features that do.
const CRATES: [(&str, &[&str]); 4] = [
    ("domain-types", &[]),
    ("quant-core", &["--no-default-features"]),
    ("model-store", &["--no-default-features"]),
    ("inference", &["--no-default-features"]),
];

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages that build wasm32 without rustup.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

pub(crate) fn build(profile: &[&str]) -> Result<()> {
    let toolchain = Toolchain::find()?;
    for (package, features) in CRATES {
        let mut command = toolchain.cargo();
        command.args(["build", "--target", TARGET, "--package", package]).args(features).args(profile);
        sh::run(&mut command)?;
    }
    Ok(())
}

enum Toolchain {
    Rustup,
    Debian { cargo: &'static str, rustc: &'static str },
}

impl Toolchain {
    fn find() -> Result<Self> {
        if rustup_target_installed() {
            return Ok(Self::Rustup);
        }
        let (cargo, rustc) = ("/usr/bin/cargo", "/usr/bin/rustc");
        if !Path::new("/usr/bin/wasm-ld-19").exists() || !Path::new(cargo).exists() {
            install_debian_packages()?;
        }
        if !Path::new(cargo).exists() || !Path::new(rustc).exists() {
            bail!("Debian's toolchain is installed but {cargo} or {rustc} is missing");
        }
        Ok(Self::Debian { cargo, rustc })
    }

    fn cargo(&self) -> Command {
        match self {
            Self::Rustup => {
                let mut command = sh::cargo([]);
                command.env("RUSTFLAGS", "-C target-feature=+simd128");
                command
            }
            Self::Debian { cargo, rustc } => {
                let mut command = Command::new(cargo);
                command
                    .current_dir(sh::root())
                    .env("RUSTC", rustc)
                    // The outer cargo's wrapper variables belong to another toolchain.
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTC_WRAPPER")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", "-C linker=wasm-ld-19 -C target-feature=+simd128")
                    .arg("-Zbuild-std=std,panic_abort");
                command
            }
        }
    }
}

fn rustup_target_installed() -> bool {
    let Ok(sysroot) = sh::output(Command::new("rustc").args(["--print", "sysroot"])) else { return false };
    Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).exists()
}

fn install_debian_packages() -> Result<()> {
    let hint = format!(
        "building for wasm32 needs `rustup target add {TARGET}` or Debian's packages {}",
        DEBIAN_PACKAGES.join(" ")
    );
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("{hint}");
    }
    sh::run(Command::new("apt-get").args(["update", "-qq"])).context(hint.clone())?;
    sh::run(Command::new("apt-get").args(["install", "-y", "-qq"]).args(DEBIAN_PACKAGES)).context(hint)
}
