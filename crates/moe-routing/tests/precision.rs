//! Plans against all plans, sensors against folders that look like Linux's.

use domain_types::testing::CollectingSink;
use domain_types::{ConditionSensor, DeviceCondition, DomainEvent, ThermalState};
use moe_routing::MoeError;
use moe_routing::device::SysfsSensor;
use moe_routing::precision::{
    ExpertDemand, ExpertPrecisionAllocator, FormatOption, Knapsack, PercentileRule, Restraint,
};
use proptest::prelude::*;
use std::path::Path;

fn demand(frequency: f64, options: &[(u64, f64)]) -> ExpertDemand {
    let option = |&(bytes, error): &(u64, f64)| FormatOption { bytes, bits: bytes as f64, error };
    ExpertDemand::new(0, frequency, options.iter().map(option).collect()).unwrap()
}

/// The least cost of all plans that fit.
fn cheapest(experts: &[ExpertDemand], budget: u64) -> Option<f64> {
    let Some((first, rest)) = experts.split_first() else { return Some(0.0) };
    let price = |o: &FormatOption| {
        let left = budget.checked_sub(o.bytes)?;
        Some(first.frequency() * o.error + cheapest(rest, left)?)
    };
    first.options().iter().filter_map(price).min_by(f64::total_cmp)
}

fn experts() -> impl Strategy<Value = Vec<ExpertDemand>> {
    let options = prop::collection::vec((1..40_u64, 0.0..10.0_f64), 1..5);
    let one = (0.0..1.0_f64, options).prop_map(|(frequency, options)| demand(frequency, &options));
    prop::collection::vec(one, 1..6)
}

proptest! {
    #[test]
    fn the_knapsack_is_optimal(experts in experts(), budget in 1..150_u64, coarse in 1..4_u64) {
        // Sizes with a common divisor are counted in it.
        let scaled: Vec<_> = experts.iter().map(|e| {
            let options: Vec<_> = e.options().iter().map(|o| (o.bytes * coarse, o.error)).collect();
            demand(e.frequency(), &options)
        }).collect();
        match (Knapsack::default().allocate(&scaled, budget), cheapest(&scaled, budget)) {
            (Ok(plan), Some(best)) => {
                prop_assert!(plan.bytes() <= budget);
                prop_assert!((plan.cost() - best).abs() < 1e-9, "{} against {best}", plan.cost());
                prop_assert!(plan.gap() <= 1e-9);
            }
            (Err(MoeError::PrecisionBudget { .. }), None) => {}
            (plan, best) => prop_assert!(false, "{plan:?} against {best:?}"),
        }
    }

    #[test]
    fn the_relaxations_bound_holds(experts in experts(), budget in 1..150_u64) {
        if let Ok(plan) = Knapsack::default().with_most_cells(0).allocate(&experts, budget) {
            let best = cheapest(&experts, budget).unwrap();
            prop_assert!(plan.bytes() <= budget && plan.cost() >= best - 1e-9);
            prop_assert!(plan.cost() - plan.gap() <= best + 1e-9, "the bound {} is above {best}", plan.cost() - plan.gap());
        }
    }

    #[test]
    fn the_rule_of_thumb_fits_and_never_beats_the_knapsack(experts in experts(), budget in 1..150_u64) {
        if let Ok(rule) = PercentileRule::default().allocate(&experts, budget) {
            let best = Knapsack::default().allocate(&experts, budget).unwrap();
            prop_assert!(rule.bytes() <= budget && rule.cost() >= best.cost() - 1e-9);
        }
    }
}

/// 4,096 experts, as of 32 layers of 128, with sizes as of 4, 3 and 2 bits.
#[test]
fn large_models_have_a_small_proven_gap() {
    let expert = |i: usize| {
        let (frequency, sensitivity) = (1.0 / (1 + i % 128) as f64, 1.0 + (i * 7 % 13) as f64);
        let options = [(33 * 65_536, 1.0), (49 * 65_536, 0.25), (72 * 65_536, 0.06)];
        demand(frequency, &options.map(|(bytes, error)| (bytes, error * sensitivity)))
    };
    let experts: Vec<_> = (0..4096).map(expert).collect();
    let budget = 4096 * 44 * 65_536 + 12_345;
    let plan = Knapsack::default().allocate(&experts, budget).unwrap();
    assert!(plan.bytes() <= budget && plan.gap() < 1e-4 * plan.cost(), "gap {}", plan.gap() / plan.cost());
    let rule = PercentileRule { hot: 0.9, warm: 0.3 }.allocate(&experts, budget).unwrap();
    assert!(
        rule.cost() > 1.2 * plan.cost(),
        "knowing sensitivities pays: {} against {}",
        rule.cost(),
        plan.cost()
    );
}

#[test]
fn the_rule_of_thumb_is_the_rule() {
    let formats = [(2, 0.4), (3, 0.1), (4, 0.0)];
    let experts: Vec<_> = (0..10).map(|i| demand(f64::from(i), &formats)).collect();
    let plan = PercentileRule::default().allocate(&experts, 1000).unwrap();
    assert_eq!(plan.choices(), [0, 0, 0, 1, 1, 1, 1, 1, 1, 2]);
    let tight = PercentileRule::default().allocate(&experts, 26).unwrap();
    assert_eq!((tight.bytes(), tight.choices()), (26, &[0, 0, 0, 0, 0, 1, 1, 1, 1, 2][..]));
    let e = PercentileRule::default().allocate(&experts, 19).unwrap_err();
    assert!(e.to_string().contains("take 20 bytes, the budget is 19"), "{e}");
}

#[test]
fn changes_are_told() {
    let experts: Vec<_> = (0..3).map(|i| demand(f64::from(i), &[(2, 0.5), (3, 0.25), (4, 0.0)])).collect();
    let plan = Knapsack::default().allocate(&experts, 9).unwrap();
    assert_eq!(plan.choices(), [0, 1, 2]);
    let less = plan.restrained(&experts, Restraint::OneStep);
    assert_eq!((less.choices(), less.bytes()), (&[0, 0, 1][..], 7));
    assert_eq!(plan.restrained(&experts, Restraint::Minimum).choices(), [0, 0, 0]);
    assert_eq!(plan.restrained(&experts, Restraint::None), plan);
    let events = CollectingSink::default();
    less.announce(&plan, &experts, "thermal", &events);
    let changed = |expert_id, old_bits, new_bits| DomainEvent::PrecisionRebalanced {
        expert_id,
        old_bits,
        new_bits,
        reason: "thermal".into(),
    };
    assert_eq!(events.events(), [changed(1, 3.0, 2.0), changed(2, 4.0, 3.0)]);
}

#[test]
fn figures_that_make_no_sense_are_refused() {
    let option = |error| FormatOption { bytes: 1, bits: 2.0, error };
    assert!(ExpertDemand::new(7, f64::NAN, vec![option(0.0)]).is_err());
    assert!(ExpertDemand::new(7, 0.1, vec![]).is_err());
    let e = ExpertDemand::new(7, 0.1, vec![option(f64::INFINITY)]).unwrap_err();
    assert!(e.to_string().starts_with("expert 7:"), "{e}");
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn sysfs_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sensor = SysfsSensor::at(root);
    assert_eq!(sensor.condition(), DeviceCondition::default(), "nothing there is nothing known");
    write(root, "sys/class/power_supply/AC/type", "Mains\n");
    write(root, "sys/class/power_supply/BAT0/type", "Battery\n");
    write(root, "sys/class/power_supply/BAT0/capacity", "17\n");
    write(root, "sys/class/power_supply/BAT0/status", "Discharging\n");
    for (zone, temperature) in [(0, 50_000), (1, 81_000)] {
        let zone = format!("sys/class/thermal/thermal_zone{zone}");
        write(root, &format!("{zone}/temp"), &format!("{temperature}\n"));
        write(root, &format!("{zone}/trip_point_0_type"), "passive\n");
        write(root, &format!("{zone}/trip_point_0_temp"), "80000\n");
        write(root, &format!("{zone}/trip_point_1_type"), "critical\n");
        write(root, &format!("{zone}/trip_point_1_temp"), "95000\n");
    }
    write(
        root,
        "proc/pressure/memory",
        "some avg10=12.50 avg60=1.00 avg300=0.10 total=1\nfull avg10=3.00 avg60=0.0 avg300=0.0 total=0\n",
    );
    let expected = DeviceCondition {
        battery: Some(0.17),
        discharging: Some(true),
        thermal: Some(ThermalState::Warm),
        memory_pressure: Some(0.125),
    };
    assert_eq!(sensor.condition(), expected);
    write(root, "sys/class/thermal/thermal_zone1/temp", "91000\n");
    assert_eq!(sensor.condition().thermal, Some(ThermalState::Critical));
    write(root, "sys/class/power_supply/BAT0/capacity", "rubbish\n");
    write(root, "proc/pressure/memory", "some avg10=NaN\n");
    let spoilt = sensor.condition();
    assert_eq!((spoilt.battery, spoilt.discharging, spoilt.memory_pressure), (None, None, None));
}
