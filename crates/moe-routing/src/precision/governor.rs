//! Less precision where the device is in trouble.

use domain_types::{DeviceCondition, ThermalState};

/// How much precision is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restraint {
    /// None.
    None,
    /// Every expert one format smaller.
    OneStep,
    /// Every expert in its smallest format.
    Minimum,
}

/// Turns what a sensor says into restraint: at once when things get worse, and back only after `patience` calmer
/// readings in a row, so that a device at a threshold does not load experts to and fro.
#[derive(Debug, Clone)]
pub struct Governor {
    patience: u32,
    calm: u32,
    restraint: Restraint,
}

/// Three calmer readings.
impl Default for Governor {
    fn default() -> Self {
        Self::new(3)
    }
}

impl Governor {
    /// A governor that relaxes after so many calmer readings.
    pub fn new(patience: u32) -> Self {
        Self { patience, calm: 0, restraint: Restraint::None }
    }

    /// Takes a reading; the restraint from now on.
    pub fn observe(&mut self, condition: &DeviceCondition) -> Restraint {
        let wanted = demanded(condition);
        if wanted >= self.restraint {
            (self.restraint, self.calm) = (wanted, 0);
        } else {
            self.calm += 1;
            if self.calm >= self.patience {
                (self.restraint, self.calm) = (wanted, 0);
            }
        }
        self.restraint
    }
}

/// What a condition demands by itself: warm, a battery below a fifth, or a tenth of the time lost to waiting for memory
/// cost one step; critical heat, a battery below a twentieth, or two fifths of the time cost all.
fn demanded(condition: &DeviceCondition) -> Restraint {
    let graded = |value: Option<f32>, step: f32, minimum: f32| match value {
        Some(v) if v >= minimum => Restraint::Minimum,
        Some(v) if v >= step => Restraint::OneStep,
        _ => Restraint::None,
    };
    let heat = match condition.thermal {
        Some(ThermalState::Critical) => Restraint::Minimum,
        Some(ThermalState::Warm) => Restraint::OneStep,
        Some(ThermalState::Normal) | None => Restraint::None,
    };
    // A battery that is charged is no reason, however empty.
    let drained =
        condition.battery.filter(|_| condition.discharging == Some(true)).map(|charge| 1.0 - charge);
    heat.max(graded(drained, 0.8, 0.95)).max(graded(condition.memory_pressure, 0.1, 0.4))
}

#[cfg(test)]
mod tests {
    use super::Restraint::{Minimum, None as Free, OneStep};
    use super::*;

    fn heat(thermal: ThermalState) -> DeviceCondition {
        DeviceCondition { thermal: Some(thermal), ..DeviceCondition::default() }
    }

    #[test]
    fn each_sign_is_heeded() {
        let battery = |charge, discharging| DeviceCondition {
            battery: Some(charge),
            discharging: Some(discharging),
            ..DeviceCondition::default()
        };
        let memory = |share| DeviceCondition { memory_pressure: Some(share), ..DeviceCondition::default() };
        let cases = [
            (DeviceCondition::default(), Free),
            (heat(ThermalState::Warm), OneStep),
            (heat(ThermalState::Critical), Minimum),
            (battery(0.5, true), Free),
            (battery(0.15, true), OneStep),
            (battery(0.02, true), Minimum),
            (battery(0.02, false), Free),
            (memory(0.2), OneStep),
            (memory(0.5), Minimum),
        ];
        for (condition, expected) in cases {
            assert_eq!(Governor::default().observe(&condition), expected, "{condition:?}");
        }
    }

    #[test]
    fn relief_waits_and_trouble_does_not() {
        use ThermalState::{Critical, Normal, Warm};
        let mut governor = Governor::new(2);
        let readings = [Warm, Normal, Warm, Critical, Warm, Warm, Normal, Normal];
        let seen = readings.map(|thermal| governor.observe(&heat(thermal)));
        assert_eq!(seen, [OneStep, OneStep, OneStep, Minimum, Minimum, OneStep, OneStep, Free]);
    }
}
