//! WebAssembly in Node.js: with SIMD, and with relaxed SIMD. Tests are WASI programs, which can print and
//! exit.

use super::{Battery, Run};
use crate::build::wasm::LINKER;
use crate::packages::Package;
use crate::sh;
use crate::toolchain::{Toolchain, wasm_flags};

const TRIPLE: &str = "wasm32-wasip1";

/// Debian's C library, which rustup's target brings along.
const LIBRARIES: &str = "/usr/lib/wasm32-wasi";
const WASI_LIBC: Package = Package { name: "wasi-libc", file: "/usr/lib/wasm32-wasi/crt1-command.o" };

const NODE: Package = Package { name: "nodejs", file: "node" };

pub(super) fn battery() -> Battery {
    let script = sh::root().join("xtask/src/test/isa/wasi.mjs").display().to_string();
    let toolchain = Toolchain::of(TRIPLE);
    let others: &[Package] =
        if toolchain == Toolchain::Debian { &[LINKER, WASI_LIBC, NODE] } else { &[NODE] };
    let run = |features, isa| Run {
        isa,
        rustflags: rustflags(toolchain, features),
        runner: vec!["node".into(), "--no-warnings".into(), script.clone()],
    };
    Battery {
        triple: TRIPLE,
        toolchain,
        packages: toolchain.packages(others),
        args: vec!["--no-default-features".into()],
        runs: vec![run("+simd128", "simd128"), run("+simd128,+relaxed-simd", "relaxed-simd")],
    }
}

fn rustflags(toolchain: Toolchain, features: &str) -> String {
    let mut flags = vec![wasm_flags(toolchain, features)];
    if toolchain == Toolchain::Debian {
        flags.push(format!("-C link-self-contained=no -L native={LIBRARIES}"));
        flags.push(format!("-C link-arg={LIBRARIES}/crt1-command.o"));
        // This C library is too old to have pthread_join, which a target without threads never calls: let it trap.
        flags.push("-C link-arg=--unresolved-symbols=ignore-all".into());
    }
    flags.join(" ")
}
