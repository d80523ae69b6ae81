//! `--device`.

use anyhow::{Result, bail};
use clap::ValueEnum;
use qat_training::TrainBackend;

/// What trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Device {
    /// The processor
    Cpu,
    /// The processor, with the slower implementation that the others are tested against
    Reference,
    /// A graphics processor, through Vulkan, Metal or DirectX; several times slower where the driver computes on the CPU.
    /// CUBECL_WGPU_DEFAULT_DEVICE chooses among several
    Gpu,
}

impl Device {
    /// The backend, or an error where this program has it not.
    pub(super) fn backend(self) -> Result<TrainBackend> {
        Ok(match self {
            Self::Cpu => TrainBackend::Flex,
            Self::Reference => TrainBackend::NdArray,
            Self::Gpu if cfg!(feature = "gpu") => TrainBackend::Wgpu,
            Self::Gpu => bail!(
                "this pibit was built without training on graphics processors; \
                 `cargo build --release --package pibit --features gpu` builds one with it"
            ),
        })
    }
}
