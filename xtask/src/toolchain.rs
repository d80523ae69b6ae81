//! Compilers for other targets: rustup's where it has the target, else Debian's, which builds the standard library first.

use crate::packages::Package;
use crate::sh;
use std::path::Path;
use std::process::Command;

const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";

/// Debian's compiler with the source of the standard library.
pub(crate) const DEBIAN: [Package; 3] = [
    Package { name: "rustc-web", file: RUSTC },
    Package { name: "cargo-web", file: CARGO },
    Package { name: "rust-web-src", file: "/usr/lib/rustlib/src/rust/library/std/src/lib.rs" },
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    Rustup,
    Debian,
}

impl Toolchain {
    /// Which of them compiles for `target`. Debian's may have to be installed.
    pub(crate) fn of(target: &str) -> Self {
        let sysroot = sh::output(Command::new("rustc").args(["--print", "sysroot"])).unwrap_or_default();
        let is_installed = Path::new(sysroot.trim()).join("lib/rustlib").join(target).exists();
        if is_installed { Self::Rustup } else { Self::Debian }
    }

    /// What has to be installed besides `others`.
    pub(crate) fn packages(self, others: &[Package]) -> Vec<Package> {
        let own: &[Package] = if self == Self::Debian { &DEBIAN } else { &[] };
        [own, others].concat()
    }

    /// `cargo COMMAND` in the workspace's top folder; where there is none, with these crates of the standard library.
    pub(crate) fn cargo(self, command: &str, std: &str) -> Command {
        if self == Self::Rustup {
            return sh::cargo([command]);
        }
        let mut cargo = Command::new(CARGO);
        cargo
            .current_dir(sh::root())
            .env("RUSTC", RUSTC)
            // The outer cargo's wrapper variables belong to another toolchain.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("RUSTC_WRAPPER")
            .env("RUSTC_BOOTSTRAP", "1")
            .arg(command)
            .arg(format!("-Zbuild-std={std}"));
        cargo
    }
}

/// The features of WebAssembly, and the linker where it is not rustup's own.
pub(crate) fn wasm_flags(toolchain: Toolchain, features: &str) -> String {
    let linker = if toolchain == Toolchain::Debian { "-C linker=wasm-ld-19 " } else { "" };
    format!("{linker}-C target-feature={features}")
}
