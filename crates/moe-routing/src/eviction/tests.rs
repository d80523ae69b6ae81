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

/// Bytes of an expert.
const BYTES: usize = 1000;

/// Uses experts one after another in a cache of `capacity` experts; misses.
fn misses(policy: &mut dyn EvictionPolicy, uses: &[usize], capacity: usize) -> usize {
    let (mut resident, mut misses, mut now) = (Vec::new(), 0, Moment::default());
    policy.resized(capacity * BYTES);
    for &index in uses {
        let used = copy(index);
        now.pass += u64::from(used.id.layer < now.layer);
        now.layer = used.id.layer;
        if !resident.contains(&used) {
            misses += 1;
            policy.missed(used, BYTES);
            if resident.len() == capacity {
                resident.sort_unstable();
                let victim = resident.remove(policy.victim(&resident, now));
                policy.evicted(victim);
            }
            resident.push(used);
            policy.loaded(used, BYTES, now);
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

/// ARC as the paper has it (figure 4), with lists whose first entry is the least recent, and sizes in thousandths.
#[derive(Default)]
struct PaperArc {
    capacity: usize,
    target: usize,
    /// T1, T2, B1, B2.
    lists: [Vec<usize>; 4],
}

impl PaperArc {
    fn replace(&mut self, wanted: usize) {
        let once = self.lists[0].len() * 1000;
        let from_once =
            once > 0 && (once > self.target || (self.lists[3].contains(&wanted) && once == self.target));
        let from = usize::from(!from_once);
        let page = self.lists[from].remove(0);
        self.lists[from + 2].push(page);
    }

    fn hit(&mut self, page: usize) -> bool {
        let at = self.lists.iter().position(|list| list.contains(&page));
        let [t1, t2, b1, b2] = [0, 1, 2, 3].map(|list: usize| self.lists[list].len());
        let c = self.capacity;
        match at {
            Some(0 | 1) => {}
            Some(2) => {
                self.target = (self.target + 1000.max(1000 * b2 / b1)).min(1000 * c);
                self.replace(page);
            }
            Some(_) => {
                self.target = self.target.saturating_sub(1000.max(1000 * b1 / b2));
                self.replace(page);
            }
            None if t1 + b1 == c && t1 < c => {
                self.lists[2].remove(0);
                self.replace(page);
            }
            None if t1 + b1 == c => drop(self.lists[0].remove(0)),
            None if t1 + t2 + b1 + b2 >= c => {
                if t1 + t2 + b1 + b2 == 2 * c {
                    self.lists[3].remove(0);
                }
                self.replace(page);
            }
            None => {}
        }
        for list in &mut self.lists {
            list.retain(|&p| p != page);
        }
        self.lists[usize::from(at.is_some())].push(page);
        matches!(at, Some(0 | 1))
    }
}

proptest! {
    #[test]
    fn arc_is_the_papers(uses in prop::collection::vec(0..LAYERS * EXPERTS, 1..200), capacity in 1..7_usize) {
        let mut paper = PaperArc { capacity, ..PaperArc::default() };
        let expected = uses.iter().filter(|&&page| !paper.hit(page)).count();
        prop_assert_eq!(misses(&mut Arc::new(SIZE), &uses, capacity), expected);
    }

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
        let mut policy = Affinity::new(SIZE, [half_life, 2.0 * half_life]);
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
    let mut policy = Affinity::new(SIZE, [4.0, 4.0]);
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
