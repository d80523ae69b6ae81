//! Suites for [`ExpertRouter`], [`ExpertStore`] and [`ExpertProvider`].

use super::gaussian_like;
use crate::{ExpertChoice, ExpertId, ExpertPart, ExpertProvider, ExpertRouter, ExpertStore, Grade};
use alloc::vec;
use alloc::vec::Vec;

/// Choices are `top_k` different experts, greatest weight first, with weights that come from a softmax; the same calls
/// make the same choices; where nothing is resident they are the experts of the greatest logits; bad input is an error
/// that changes nothing.
pub fn expert_router_conformance(router: &mut dyn ExpertRouter, layers: usize) {
    let gating = router.gating();
    let (experts, top_k) = (gating.experts(), gating.top_k());
    let logits = gaussian_like(5, 16 * layers * experts);
    let run = |router: &mut dyn ExpertRouter, spoil: bool| {
        router.reset();
        let mut all = Vec::new();
        for (i, logits) in logits.chunks_exact(experts).enumerate() {
            let resident: Vec<bool> = (0..experts).map(|e| (e * 7 + i) % 3 == 0).collect();
            if spoil {
                refuses_bad_input(router, i % layers, logits);
            }
            let mut chosen = Vec::new();
            router.route(i % layers, logits, &resident, &mut chosen).expect("good input");
            well_formed(&chosen, experts, top_k);
            all.extend(chosen);
        }
        all
    };
    let first = run(router, false);
    assert_eq!(first, run(router, false), "the same calls made other choices");
    assert_eq!(first, run(router, true), "a refused call changed the router");

    for logits in logits.chunks_exact(experts) {
        let mut chosen = Vec::new();
        router.route(0, logits, &vec![false; experts], &mut chosen).expect("good input");
        let least = chosen.iter().map(|c| logits[c.expert]).fold(f32::INFINITY, f32::min);
        assert!(logits.iter().filter(|&&z| z > least).count() < top_k, "nothing resident, yet not the top k");
    }
}

fn well_formed(chosen: &[ExpertChoice], experts: usize, top_k: usize) {
    assert_eq!(chosen.len(), top_k);
    let sum: f32 = chosen.iter().map(|c| c.weight).sum();
    assert!(sum > 0.0 && sum < 1.0 + 1e-4, "weights sum to {sum}");
    let mut before = 0.0;
    for (i, choice) in chosen.iter().enumerate() {
        assert!(choice.expert < experts);
        assert!(chosen[..i].iter().all(|c| c.expert != choice.expert && c.weight >= choice.weight));
        assert!((choice.before - before / sum).abs() < 1e-4, "before is {}", choice.before);
        before += choice.weight;
    }
}

fn refuses_bad_input(router: &mut dyn ExpertRouter, layer: usize, logits: &[f32]) {
    let (n, mut chosen) = (logits.len(), Vec::new());
    let mut bad = logits.to_vec();
    bad[n / 2] = f32::NAN;
    assert!(router.route(layer, &bad, &vec![true; n], &mut chosen).is_err(), "NaN was accepted");
    assert!(router.route(layer, &logits[1..], &vec![true; n], &mut chosen).is_err());
    assert!(router.route(layer, logits, &vec![true; n + 1], &mut chosen).is_err());
}

/// Every listed copy can be read into a buffer of its layout's size and hashes to what the layout says; unknown
/// experts have no layout and cannot be read. `sha256` hashes.
pub fn expert_store_conformance(store: &dyn ExpertStore, sha256: impl Fn(&[u8]) -> [u8; 32]) {
    let mut copies = 0;
    for (layer, expert) in (0..store.layers()).flat_map(|l| (0..store.experts()).map(move |e| (l, e))) {
        for grade in [Grade::Full, Grade::Low] {
            let id = ExpertId::new(layer, expert);
            let Some(layout) = store.layout(id, grade) else { continue };
            let mut buffer = vec![0; layout.byte_len()];
            store.read(id, grade, &mut buffer).expect("a listed copy can be read");
            let parts: Vec<&[u8]> = ExpertPart::ALL.iter().map(|&p| &buffer[layout.range(p)]).collect();
            assert_eq!(sha256(&parts.concat()), *layout.sha256(), "{id:?} {grade:?}");
            copies += 1;
        }
    }
    assert!(copies > 0, "a store has experts");
    for id in [ExpertId::new(store.layers(), 0), ExpertId::new(0, store.experts())] {
        assert!(store.layout(id, Grade::Full).is_none());
        assert!(store.read(id, Grade::Full, &mut []).is_err());
    }
}

/// An expert that matters is given, has matrices that fit each other, and is resident while it is held; an unknown one
/// is an error.
pub fn expert_provider_conformance(provider: &dyn ExpertProvider, layers: usize, experts: usize) {
    let mut resident = vec![false; experts];
    for (layer, expert) in (0..layers).flat_map(|l| (0..experts).map(move |e| (l, e))) {
        let pinned = provider.acquire(ExpertId::new(layer, expert), 0.0).expect("the expert can be had");
        let pinned = pinned.expect("the first choice is never skipped");
        let (gate, up, down) = (pinned.gate(), pinned.up(), pinned.down());
        assert_eq!((gate.in_features(), gate.out_features()), (up.in_features(), up.out_features()));
        assert_eq!((down.in_features(), down.out_features()), (gate.out_features(), gate.in_features()));
        provider.residency(layer, &mut resident);
        assert!(resident[expert], "expert {expert} of layer {layer} is held, but not resident");
        provider.routed(
            layer,
            &[ExpertChoice { expert, weight: 1.0, before: 0.0 }],
            &vec![0.5; gate.in_features()],
        );
    }
    assert!(provider.acquire(ExpertId::new(0, experts), 0.0).is_err());
    assert!(provider.acquire(ExpertId::new(layers, 0), 0.0).is_err());
}
