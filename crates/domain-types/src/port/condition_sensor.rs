//! How the device feels.

/// How warm a device is, by its own trip points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum ThermalState {
    /// Below every trip point.
    Normal,
    /// Throttling has begun or is near.
    Warm,
    /// Close to where the device would switch off.
    Critical,
}

/// What is known of a device; nothing where it cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DeviceCondition {
    /// Charge of the battery, 0 to 1.
    pub battery: Option<f32>,
    /// Whether the battery is being drained.
    pub discharging: Option<bool>,
    /// How warm it is.
    pub thermal: Option<ThermalState>,
    /// Share of the last ten seconds in which some task waited for memory, 0 to 1.
    pub memory_pressure: Option<f32>,
}

/// Reads the device's condition. Never fails: what cannot be read is not known.
pub trait ConditionSensor: Send + Sync {
    /// The condition now.
    fn condition(&self) -> DeviceCondition;
}
