//! Battery, heat and memory pressure from sysfs and procfs.

use super::{folders, read, text};
use domain_types::{ConditionSensor, DeviceCondition, ThermalState};
use std::path::{Path, PathBuf};

/// Reads `/sys/class/power_supply`, `/sys/class/thermal` and `/proc/pressure/memory`.
#[derive(Debug, Clone)]
pub struct SysfsSensor {
    root: PathBuf,
}

impl Default for SysfsSensor {
    fn default() -> Self {
        Self::at("/")
    }
}

impl SysfsSensor {
    /// Reads the same files below another folder.
    pub fn at(root: impl AsRef<Path>) -> Self {
        Self { root: root.as_ref().to_path_buf() }
    }

    /// Charge and state of the first battery.
    fn battery(&self) -> Option<(f32, Option<bool>)> {
        let supplies = folders(&self.root.join("sys/class/power_supply"), "");
        let is_battery = |path: &PathBuf| read::<String>(&path.join("type")).as_deref() == Some("Battery");
        let battery = supplies.into_iter().find(is_battery)?;
        let percent: f32 = read(&battery.join("capacity"))?;
        let status = read::<String>(&battery.join("status"));
        Some(((percent / 100.0).clamp(0.0, 1.0), status.map(|status| status == "Discharging")))
    }

    /// The worst of all zones.
    fn thermal(&self) -> Option<ThermalState> {
        folders(&self.root.join("sys/class/thermal"), "thermal_zone")
            .iter()
            .filter_map(|zone| state(zone))
            .max()
    }

    /// `some avg10=1.23 …`: percent of the last ten seconds in which some task waited for memory.
    fn memory_pressure(&self) -> Option<f32> {
        let text = text(&self.root.join("proc/pressure/memory"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
        let percent = line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
        percent.parse::<f32>().ok().filter(|p| p.is_finite()).map(|p| (p / 100.0).clamp(0.0, 1.0))
    }
}

/// A zone by its own trip points: `passive` is where throttling begins, `hot` and `critical` are the last ones. The zone
/// counts as critical from 5 °C below these on.
fn state(zone: &Path) -> Option<ThermalState> {
    const MARGIN: i64 = 5_000;
    let temperature: i64 = read(&zone.join("temp"))?;
    let mut state = ThermalState::Normal;
    for trip in 0..16 {
        let Some(kind) = read::<String>(&zone.join(format!("trip_point_{trip}_type"))) else { break };
        let at = read::<i64>(&zone.join(format!("trip_point_{trip}_temp"))).filter(|&at| at > 0);
        let Some(at) = at else { continue };
        state = state.max(match kind.as_str() {
            "critical" | "hot" if temperature >= at - MARGIN => ThermalState::Critical,
            "passive" if temperature >= at => ThermalState::Warm,
            _ => ThermalState::Normal,
        });
    }
    Some(state)
}

impl ConditionSensor for SysfsSensor {
    fn condition(&self) -> DeviceCondition {
        let battery = self.battery();
        DeviceCondition {
            battery: battery.map(|(charge, _)| charge),
            discharging: battery.and_then(|(_, discharging)| discharging),
            thermal: self.thermal(),
            memory_pressure: self.memory_pressure(),
        }
    }
}
