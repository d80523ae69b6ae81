//! Arm's processors, emulated by QEMU: one with SDOT and one without.

use super::{Battery, Run};
use crate::packages::Package;
use crate::toolchain::Toolchain;

const TRIPLE: &str = "aarch64-unknown-linux-gnu";

const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

const PACKAGES: [Package; 3] = [
    Package { name: "gcc-aarch64-linux-gnu", file: LINKER },
    Package { name: "libc6-dev-arm64-cross", file: "/usr/aarch64-linux-gnu/lib/crt1.o" },
    Package { name: "qemu-user", file: EMULATOR },
];

pub(super) fn battery() -> Battery {
    let toolchain = Toolchain::of(TRIPLE);
    let run = |processor: &str, isa| Run {
        isa,
        rustflags: String::new(),
        runner: [EMULATOR, "-L", LIBRARIES, "-cpu", processor].map(str::to_owned).into(),
    };
    Battery {
        triple: TRIPLE,
        toolchain,
        packages: toolchain.packages(&PACKAGES),
        args: vec!["--config".into(), format!("target.{TRIPLE}.linker='{LINKER}'")],
        runs: vec![run("max", "neon-dotprod"), run("cortex-a53", "neon")],
    }
}
