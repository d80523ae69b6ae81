//! What a training run computes on.

use crate::TrainError;
use burn::tensor::Device;

/// A backend of burn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TrainBackend {
    /// The CPU, vectorized on all cores (burn-flex): the fastest there.
    #[default]
    Flex,
    /// The CPU, the reference that the others are tested against (burn-ndarray).
    NdArray,
    /// A graphics processor through Vulkan, Metal or DirectX (burn-wgpu). There with the feature `wgpu`.
    Wgpu,
}

impl TrainBackend {
    /// Its default device. The environment variable `CUBECL_WGPU_DEFAULT_DEVICE` chooses among several graphics
    /// processors.
    ///
    /// # Errors
    /// No graphics processor with a driver, or none compiled in.
    #[expect(deprecated, reason = "burn's NdArray is the reference that Flex is tested against")]
    pub(crate) fn device(self) -> Result<Device, TrainError> {
        match self {
            Self::Flex => Ok(Device::flex()),
            Self::NdArray => Ok(Device::ndarray()),
            Self::Wgpu => wgpu(),
        }
    }
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device, TrainError> {
    use std::sync::OnceLock;
    // burn initializes its runtime once for a process.
    static DEVICE: OnceLock<Result<Device, String>> = OnceLock::new();
    let device = DEVICE.get_or_init(|| Device::wgpu_options().init().map_err(|error| error.to_string()));
    device.clone().map_err(TrainError::Device)
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device, TrainError> {
    let why = "this program was built without the feature that trains on graphics processors";
    Err(TrainError::Config(why.into()))
}
