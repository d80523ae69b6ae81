//! What every router must do, and what memory-aware ones must do besides.

use domain_types::testing::expert_router_conformance;
use domain_types::{ExpertChoice, ExpertRouter, GateNorm, Gating};
use moe_routing::MoeError;
use moe_routing::routing::{MemoryAwareRouter, Preference, RouterOptions, StandardRouter};
use proptest::prelude::*;

const EXPERTS: usize = 8;
const TOP_K: usize = 3;

fn gating(norm: GateNorm) -> Gating {
    Gating::new(EXPERTS, TOP_K, norm).unwrap()
}

fn preferences() -> [Preference; 4] {
    [
        Preference::CachePrior { lambda: 0.5 },
        Preference::CachePrior { lambda: 1.0 },
        Preference::Additive { bonus: 0.5 },
        Preference::History { history: 0.7, residency: 0.5, decay: 0.95 },
    ]
}

fn router(options: RouterOptions) -> MemoryAwareRouter {
    MemoryAwareRouter::new(gating(GateNorm::Chosen), 2, options).unwrap()
}

fn route(router: &mut dyn ExpertRouter, logits: &[f32], resident: &[bool]) -> Vec<ExpertChoice> {
    let mut chosen = Vec::new();
    router.route(0, logits, resident, &mut chosen).unwrap();
    chosen
}

fn experts(chosen: &[ExpertChoice]) -> Vec<usize> {
    chosen.iter().map(|c| c.expert).collect()
}

#[test]
fn routers_conform() {
    for norm in [GateNorm::Chosen, GateNorm::All] {
        expert_router_conformance(&mut StandardRouter::new(gating(norm)), 2);
        for preference in preferences() {
            for kept in 0..=TOP_K + 1 {
                let options = RouterOptions::default().with_preference(preference).with_always_kept(kept);
                let mut router = MemoryAwareRouter::new(gating(norm), 2, options).unwrap();
                expert_router_conformance(&mut router, 2);
            }
        }
    }
}

/// By hand: Δ = 4, λ = 0.25, so residents gain 1.
#[test]
fn cache_prior_is_the_papers() {
    let options = RouterOptions::default().with_preference(Preference::CachePrior { lambda: 0.25 });
    let logits = [3.0, 2.0, 1.5, 1.1, 0.9, -1.0, -1.0, -1.0];
    let resident = [false, false, false, true, true, true, false, false];
    // 1.1 + 1 passes 2.0 and 1.5; 0.9 + 1 passes 1.5 only; 3.0 is kept.
    assert_eq!(experts(&route(&mut router(options), &logits, &resident)), [0, 1, 3]);
    let four = options.with_preference(Preference::CachePrior { lambda: 0.3 });
    assert_eq!(experts(&route(&mut router(four), &logits, &resident)), [0, 3, 4]);
    assert_eq!(experts(&route(&mut router(four.with_always_kept(2)), &logits, &resident)), [0, 1, 3]);
}

#[test]
fn the_range_is_a_mean_over_tokens() {
    let options = RouterOptions::default().with_preference(Preference::Additive { bonus: 0.0 });
    let mut prior =
        router(options.with_preference(Preference::CachePrior { lambda: 0.5 }).with_always_kept(0));
    let mut resident = [false; EXPERTS];
    resident[7] = true;
    // Ranges of 12 and 2, mean 7: expert 7 gains 3.5, less than what it lacks (4); in the second call 2.
    let wide = [12.0, 8.0, 7.5, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert!(!experts(&route(&mut prior, &wide, &resident)).contains(&7));
    let narrow = [2.0, 1.9, 1.8, 0.1, 0.1, 0.1, 0.1, 0.0];
    assert!(experts(&route(&mut prior, &narrow, &resident)).contains(&7));
    prior.reset();
    assert!(
        !experts(&route(&mut prior, &narrow, &resident)).contains(&7),
        "1 is not enough without the wide token"
    );
}

#[test]
fn hysteresis_keeps_what_was_chosen_on_near_ties() {
    let options = RouterOptions::default().with_preference(Preference::Additive { bonus: 0.0 });
    let resident = [true, true, true, true, true, true, true, false];
    let first = [5.0, 4.0, 3.0, 2.9, 0.0, 0.0, 0.0, 0.0];
    let second = [5.0, 4.0, 2.9, 3.0, 0.0, 0.0, 0.0, 0.0];
    for (hysteresis, last) in [(0.0, 3), (0.1, 2)] {
        let mut router = router(options.with_hysteresis(hysteresis));
        assert_eq!(experts(&route(&mut router, &first, &resident)), [0, 1, 2]);
        assert_eq!(experts(&route(&mut router, &second, &resident))[2], last);
    }
}

#[test]
fn history_prefers_the_familiar() {
    let preference = Preference::History { history: 1.0, residency: 0.0, decay: 0.5 };
    let mut router = router(RouterOptions::default().with_preference(preference));
    let mut resident = [false; EXPERTS];
    resident[6] = true;
    let often = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 3.0, 2.0];
    for _ in 0..4 {
        route(&mut router, &often, &resident);
    }
    // Expert 5 has an affinity of 0.94: it wins against 0.5 more.
    let now = [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 2.0];
    assert_eq!(experts(&route(&mut router, &now, &resident)), [6, 7, 5]);
    router.reset();
    assert_eq!(experts(&route(&mut router, &now, &resident)), [6, 7, 0]);
}

#[test]
fn bad_input_is_named() {
    let mut router = router(RouterOptions::default());
    let mut chosen = Vec::new();
    let mut logits = [0.0; EXPERTS];
    let e = router.route(2, &logits, &[true; EXPERTS], &mut chosen).unwrap_err();
    assert_eq!(e.to_string(), "there is no layer 2, the model has 2");
    logits[3] = f32::INFINITY;
    let e = router.route(1, &logits, &[true; EXPERTS], &mut chosen).unwrap_err();
    assert!(e.to_string().contains("layer 1 gave expert 3 the logit inf"), "{e}");
    let options = RouterOptions::default().with_preference(Preference::CachePrior { lambda: f32::NAN });
    let e = MemoryAwareRouter::new(gating(GateNorm::All), 1, options).unwrap_err();
    assert!(matches!(e, MoeError::BadOption { option: "lambda", .. }), "{e}");
}

proptest! {
    /// Affinity monotonicity: who is chosen stays chosen when the gate likes it better.
    #[test]
    fn a_greater_logit_never_drops_an_expert(
        tokens in prop::collection::vec(prop::array::uniform8(-8.0_f32..8.0), 1..6),
        resident in prop::array::uniform8(any::<bool>()),
        which in 0..4_usize, kept in 0..=TOP_K, hysteresis in 0.0_f32..1.0,
        raised in 0..EXPERTS, by in 0.0_f32..10.0,
    ) {
        let options = RouterOptions::default()
            .with_preference(preferences()[which])
            .with_always_kept(kept)
            .with_hysteresis(hysteresis);
        let (last, earlier) = tokens.split_last().unwrap();
        let mut router = router(options);
        for logits in earlier {
            route(&mut router, logits, &resident);
        }
        let before = experts(&route(&mut router.clone(), last, &resident));
        let mut better = *last;
        better[raised] += by;
        let after = experts(&route(&mut router, &better, &resident));
        prop_assert!(!before.contains(&raised) || after.contains(&raised), "{before:?} -> {after:?}");
    }

    /// The true top J are chosen whatever memory holds, and weights are those of the original logits.
    #[test]
    fn the_best_are_kept_and_weights_are_the_gates(
        logits in prop::array::uniform8(-8.0_f32..8.0),
        resident in prop::array::uniform8(any::<bool>()),
        which in 0..4_usize, kept in 0..=TOP_K,
    ) {
        let options = RouterOptions::default().with_preference(preferences()[which]).with_always_kept(kept);
        let chosen = route(&mut router(options), &logits, &resident);
        let mut order: Vec<usize> = (0..EXPERTS).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        for best in &order[..kept] {
            prop_assert!(experts(&chosen).contains(best));
        }
        let sum: f64 = chosen.iter().map(|c| f64::from(logits[c.expert]).exp()).sum();
        for c in &chosen {
            let expected = f64::from(logits[c.expert]).exp() / sum;
            prop_assert!((f64::from(c.weight) - expected).abs() < 1e-5);
        }
    }

    /// λ only ever trades absent experts for resident ones.
    #[test]
    fn a_bonus_never_costs_residents(
        logits in prop::array::uniform8(-8.0_f32..8.0),
        resident in prop::array::uniform8(any::<bool>()),
        lambda in 0.0_f32..1.0,
    ) {
        let hits = |chosen: Vec<ExpertChoice>| chosen.iter().filter(|c| resident[c.expert]).count();
        let options = RouterOptions::default().with_preference(Preference::CachePrior { lambda });
        let aware = hits(route(&mut router(options), &logits, &resident));
        let standard = hits(route(&mut StandardRouter::new(gating(GateNorm::Chosen)), &logits, &resident));
        prop_assert!(aware >= standard);
    }
}
