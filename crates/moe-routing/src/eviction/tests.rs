//! Policies against oracles that are written another way.

use super::{Affinity, Arc, Belady, EvictionPolicy, LeastStale, Lru, Moment, PolicyKind};
use crate::{ExpertCopy, ModelSize};
use domain_types::ExpertId;
use proptest::prelude::*;

const LAYERS: usize = 2;
const EXPERTS: usize = 4;
const SIZE: ModelSize = ModelSize::new(LAYERS, EXPERTS);

fn copy(index: usize) -> ExpertCopy {
    ExpertCopy::full(ExpertId::new(index / EXPERTS, index % EXPERTS))
}

/// Uses experts one after another in a cache of `capacity` experts of one byte; misses.
fn misses(policy: &mut dyn EvictionPolicy, uses: &[usize], capacity: usize) -> usize {
    let (mut resident, mut misses, mut now) = (Vec::new(), 0, Moment::default());
    policy.resized(capacity);
    for &index in uses {
        let used = copy(index);
        now.pass += u64::from(used.id.layer < now.layer);
        now.layer = used.id.layer;
        if !resident.contains(&used) {
            misses += 1;
            policy.missed(used, 1);
            if resident.len() == capacity {
                resident.sort_unstable();
                let victim = resident.remove(policy.victim(&resident, now));
                policy.evicted(victim);
            }
            resident.push(used);
            policy.loaded(used, 1, now);
        }
        policy.used(used, now);
    }
    misses
}

/// The fewest misses possible: tries every victim.
fn fewest(uses: &[usize], resident: &[usize], capacity: usize) -> usize {
    let Some((&first, rest)) = uses.split_first() else { return 0 };
    if resident.contains(&first) {
        return fewest(rest, resident, capacity);
    }
    let with = |kept: Vec<usize>| fewest(rest, &[kept, vec![first]].concat(), capacity);
    if resident.len() < capacity {
        return 1 + with(resident.to_vec());
    }
    let without = |gone: usize| resident.iter().copied().filter(|&r| r != gone).collect();
    1 + resident.iter().map(|&gone| with(without(gone))).min().unwrap_or(0)
}

/// LRU as a list.
fn lru_misses(uses: &[usize], capacity: usize) -> usize {
    let (mut list, mut misses) = (Vec::new(), 0);
    for &used in uses {
        match list.iter().position(|&l| l == used) {
            Some(at) => drop(list.remove(at)),
            None => misses += 1,
        }
        list.push(used);
        list.drain(..list.len().saturating_sub(capacity));
    }
    misses
}

proptest! {
    #[test]
    fn belady_is_optimal_and_lru_is_lru(
        uses in prop::collection::vec(0..LAYERS * EXPERTS, 1..11), capacity in 1..4_usize,
    ) {
        let mut belady = Belady::new(SIZE, uses.iter().map(|&u| copy(u)));
        let best = misses(&mut belady, &uses, capacity);
        prop_assert_eq!(best, fewest(&uses, &[], capacity));
        prop_assert_eq!(misses(&mut Lru::new(SIZE), &uses, capacity), lru_misses(&uses, capacity));
        for kind in PolicyKind::ALL {
            prop_assert!(misses(&mut *kind.build(SIZE), &uses, capacity) >= best, "{kind}");
        }
    }

    #[test]
    fn affinity_falls_without_use(passes in prop::collection::vec(1..4_u64, 1..20), half_life in 0.5_f64..50.0) {
        let mut policy = Affinity::new(SIZE, half_life);
        let mut now = Moment::default();
        for step in passes {
            now.pass += step;
            policy.used(copy(1), now);
            let [here, next, later] = [0, 1, 5].map(|after| policy.affinity(copy(1), now.pass + after));
            prop_assert!(here > next && next > later && here <= 1.0 + 1e-9 && later > 0.0);
        }
    }
}

#[test]
fn affinity_half_life_is_what_it_says() {
    let mut policy = Affinity::new(SIZE, 4.0);
    for pass in 1..500 {
        policy.used(copy(0), Moment { pass, layer: 0 });
    }
    assert!((policy.affinity(copy(0), 499) - 1.0).abs() < 1e-9, "always used");
    assert!((policy.affinity(copy(0), 503) - 0.5).abs() < 1e-9);
}

/// A scan over experts that come once must not push out those that come again and again.
#[test]
fn arc_withstands_scans() {
    let size = ModelSize::new(1, 64);
    // Every third use is of 0 or 1, in turn; the others come once in a long while.
    let often = |i: usize| if i < 4 { Some(i / 2) } else { i.is_multiple_of(3).then_some(i % 2) };
    let uses: Vec<usize> = (0..600).map(|i| often(i).unwrap_or(2 + i % 61)).collect();
    let copies = |u: usize| ExpertCopy::full(ExpertId::new(0, u));
    let play = |policy: &mut dyn EvictionPolicy| {
        let (mut resident, mut hits) = (Vec::new(), 0);
        policy.resized(4);
        for used in uses.iter().map(|&u| copies(u)) {
            if resident.contains(&used) {
                hits += 1;
            } else {
                policy.missed(used, 1);
                if resident.len() == 4 {
                    let victim = resident.remove(policy.victim(&resident, Moment::default()));
                    policy.evicted(victim);
                }
                resident.push(used);
                policy.loaded(used, 1, Moment::default());
            }
            policy.used(used, Moment::default());
        }
        hits
    };
    let (arc, lru) = (play(&mut Arc::new(size)), play(&mut Lru::new(size)));
    assert!(lru <= 4, "after the start, five others come between two uses of one: {lru} hits");
    assert!(arc >= 195, "ARC keeps them: {arc} hits of 200");
}

#[test]
fn least_stale_evicts_what_its_layer_passed_over() {
    let size = ModelSize::new(3, 4);
    let at = |layer, expert| ExpertCopy::full(ExpertId::new(layer, expert));
    let mut policy = LeastStale::new(size);
    for layer in 0..3 {
        policy.loaded(at(layer, 0), 1, Moment { pass: 4, layer });
        policy.loaded(at(layer, 1), 1, Moment { pass: 5, layer });
    }
    let now = Moment { pass: 6, layer: 1 };
    policy.used(at(0, 1), Moment { pass: 6, layer: 0 });
    let mut residents = vec![at(0, 0), at(0, 1), at(1, 0), at(1, 1), at(2, 0), at(2, 1)];
    let mut order = Vec::new();
    while !residents.is_empty() {
        let copy = residents.remove(policy.victim(&residents, now)).id;
        order.push((copy.layer, copy.expert));
    }
    // Passed over in this pass, oldest first; then those to come; then the current one.
    assert_eq!(order, [(1, 0), (0, 0), (1, 1), (2, 0), (2, 1), (0, 1)]);
}
