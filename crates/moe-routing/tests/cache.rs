//! Experts from a file, through the cache, to a model: events, failures, stand-ins, loading ahead.

#[path = "support/experts.rs"]
mod support;

use domain_types::Direction::{In, Out};
use domain_types::port::NullSink;
use domain_types::testing::{
    CollectingSink, DenseLinear, MemoryExperts, expert_provider_conformance, expert_store_conformance,
};
use domain_types::{
    DomainEvent, ExpertChoice, ExpertId, ExpertPart, ExpertProvider, ExpertStore, Linear, PinnedExpert,
    Shape, scalar,
};
use moe_routing::cache::{CacheParts, ExpertCache};
use moe_routing::eviction::PolicyKind;
use moe_routing::precision::{MissPolicy, Restraint};
use moe_routing::prefetch::NextGates;
use moe_routing::{ExpertCopy, FileExperts, ModelSize, MoeError, PagedExperts, PlacedExpert};
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{InPlace, SinceStart, experts, sha256};

const COUNTS: [usize; 2] = [3, 4];
const SIZE: ModelSize = ModelSize::new(COUNTS[0], COUNTS[1]);
const SHAPE: [usize; 2] = [8, 16];
const BYTES: usize = 3 * 8 * 16 * 4;

fn full(layer: usize, expert: usize) -> ExpertCopy {
    ExpertCopy::full(ExpertId::new(layer, expert))
}

fn cache_of(store: Arc<dyn ExpertStore>, experts: usize, events: Arc<CollectingSink>) -> Arc<ExpertCache> {
    let clock = Arc::new(SinceStart(Instant::now()));
    let parts = CacheParts { store, codecs: Arc::new(InPlace), events, clock };
    Arc::new(ExpertCache::new(parts, experts * BYTES, PolicyKind::Lru.build(SIZE)))
}

/// A file with the experts of a store, each followed by three bytes of something else, and the places they have. Each
/// has a low copy, which is that of the next expert: so the two can be told apart.
fn file_of(experts: &MemoryExperts) -> (tempfile::NamedTempFile, Vec<PlacedExpert>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut places = Vec::new();
    let up = Shape::matrix(SHAPE[1], SHAPE[0]).unwrap();
    let shapes = [up, up, Shape::matrix(SHAPE[0], SHAPE[1]).unwrap()];
    for index in 0..COUNTS[0] * COUNTS[1] {
        let id = ExpertId::new(index / COUNTS[1], index % COUNTS[1]);
        let start = file.as_file().metadata().unwrap().len();
        file.write_all(experts.bytes(id)).unwrap();
        file.write_all(&[1, 2, 3]).unwrap();
        let offset = |part: usize| start + (part * BYTES / 3) as u64;
        let parts = [0, 1, 2].map(|part| (scalar::F32, shapes[part], offset(part)));
        places.push(PlacedExpert { copy: ExpertCopy::full(id), parts, sha256: None });
        let before = ExpertId::new(id.layer, (id.expert + COUNTS[1] - 1) % COUNTS[1]);
        let sha256 = Some(sha256(experts.bytes(id)));
        places.push(PlacedExpert { copy: ExpertCopy::low(before), parts, sha256 });
    }
    (file, places)
}

fn is_expert(pin: &dyn PinnedExpert, of: &MemoryExperts, id: ExpertId) -> bool {
    let mut row = vec![0.0; SHAPE[0]];
    pin.gate().row(0, &mut row);
    let bytes: Vec<u8> = row.iter().flat_map(|w| w.to_le_bytes()).collect();
    bytes == of.bytes(id)[..bytes.len()]
}

#[test]
fn files_conform_and_give_the_right_bytes() {
    let experts = experts(COUNTS, SHAPE);
    let (file, places) = file_of(&experts);
    let store = FileExperts::open(file.path(), SIZE, places).unwrap().without_page_cache();
    expert_store_conformance(&experts, sha256);
    expert_store_conformance(&store, sha256);
    let cache = cache_of(Arc::new(store), 5, Arc::default());
    let paged = PagedExperts::new(cache.clone());
    expert_provider_conformance(&paged, COUNTS[0], COUNTS[1]);
    for layer in 0..COUNTS[0] {
        assert!(is_expert(&cache.pin(full(layer, 2)).unwrap(), &experts, ExpertId::new(layer, 2)));
    }
    assert_eq!(cache.arena().peak(), 5 * BYTES);
}

#[test]
fn places_outside_the_file_are_refused() {
    let experts = experts(COUNTS, SHAPE);
    let (file, mut places) = file_of(&experts);
    let open = |places: &[PlacedExpert]| FileExperts::open(file.path(), SIZE, places.to_vec()).unwrap_err();
    places[3].parts[2].2 = u64::MAX - 5;
    assert!(matches!(open(&places), MoeError::OutsideFile { .. }));
    let huge = Shape::matrix(1 << 25, 1 << 25).unwrap();
    places[3].parts = [(scalar::F32, huge, 0); 3];
    assert!(open(&places).to_string().contains("was cut off"), "and no 4 PB are allocated");
    places[3].copy = full(COUNTS[0], 0);
    assert!(matches!(open(&places), MoeError::NoSuchExpert { .. }));
}

#[test]
fn what_changed_on_the_disk_is_not_used() {
    let experts = experts(COUNTS, SHAPE);
    let (file, places) = file_of(&experts);
    let offset = places[0].parts[1].2;
    let store = FileExperts::open(file.path(), SIZE, places).unwrap();
    let mut writer = file.reopen().unwrap();
    writer.seek(SeekFrom::Start(offset + 7)).unwrap();
    writer.write_all(&[0xA5]).unwrap();
    let cache = cache_of(Arc::new(store), 2, Arc::default());
    let Err(error) = cache.pin(full(0, 0)) else { panic!("a changed expert was accepted") };
    let text = error.to_string();
    assert!(
        text.contains("expert 0 of layer 0") && text.contains("3 attempts") && text.contains("SHA-256"),
        "{text}"
    );
    assert_eq!((cache.arena().used(), cache.is_resident(full(0, 0)), cache.stats().failures), (0, false, 1));
    assert!(cache.pin(full(0, 1)).is_ok(), "the others are as good as before");
    drop(writer);
    file.as_file().set_len(10).unwrap();
    let Err(error) = cache.pin(full(1, 1)) else { panic!("a file cut short was accepted") };
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn every_move_is_told() {
    let events = Arc::new(CollectingSink::default());
    let cache = cache_of(Arc::new(experts(COUNTS, SHAPE)), 2, events.clone());
    for expert in [0, 1, 0, 2] {
        drop(cache.pin(full(1, expert)).unwrap());
    }
    let moves: Vec<_> = events
        .events()
        .into_iter()
        .map(|event| match event {
            DomainEvent::ExpertPaged { expert_id, direction, .. } => (expert_id, direction),
            other => panic!("{other:?}"),
        })
        .collect();
    // The eviction for a load comes before it.
    assert_eq!(moves, [(4, In), (5, In), (5, Out), (6, In)]);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.evictions), (1, 3, 1));
    assert_eq!((stats.hit_rate(), stats.bytes_loaded), (0.25, 3 * BYTES as u64));
}

#[test]
fn the_hit_rate_is_told_every_64_passes() {
    let events = Arc::new(CollectingSink::default());
    let cache = cache_of(Arc::new(experts(COUNTS, SHAPE)), 1, events.clone());
    for pass in 0..130 {
        for layer in 0..2 {
            cache.enter_layer(layer);
            // The first 64 passes want two experts in turn, the others one twice.
            drop(cache.pin(full(0, if pass < 64 { layer } else { 2 })).unwrap());
        }
    }
    let rates = events.events().into_iter().filter_map(|event| match event {
        DomainEvent::CacheHitRateChanged { old, new } => Some((old, new)),
        _ => None,
    });
    assert_eq!(rates.collect::<Vec<_>>(), [(0.0, 0.0), (0.0, 127.0 / 128.0)]);
}

#[test]
fn a_layers_choice_is_evicted_last() {
    let cache = cache_of(Arc::new(experts(COUNTS, SHAPE)), 2, Arc::default());
    drop(cache.pin(full(1, 0)).unwrap());
    drop(cache.pin(full(1, 1)).unwrap());
    cache.enter_layer(1);
    cache.spare([full(1, 0), full(1, 2)]);
    drop(cache.pin(full(1, 2)).unwrap());
    assert!(cache.is_resident(full(1, 0)), "the oldest, but wanted next");
    drop(cache.pin(full(1, 3)).unwrap());
    assert!(
        !cache.is_resident(full(1, 0)) && cache.is_resident(full(1, 2)),
        "where all are spared, the policy says"
    );
}

#[test]
fn stand_ins_serve_misses_that_hardly_matter() {
    let experts = experts(COUNTS, SHAPE);
    let (file, places) = file_of(&experts);
    let cache = cache_of(Arc::new(FileExperts::open(file.path(), SIZE, places).unwrap()), 4, Arc::default());
    let paged = PagedExperts::new(cache).with_miss_policy(MissPolicy::hobbit());
    let id = ExpertId::new(2, 1);
    assert!(paged.acquire(id, 0.95).unwrap().is_none(), "skipped");
    let low = paged.acquire(id, 0.7).unwrap().unwrap();
    assert!(is_expert(&*low, &experts, ExpertId::new(2, 2)), "the low copy is the next expert's");
    drop(low);
    assert!(is_expert(&*paged.acquire(id, 0.1).unwrap().unwrap(), &experts, id));
    assert!(is_expert(&*paged.acquire(id, 0.95).unwrap().unwrap(), &experts, id), "what is here is used");
    paged.restrain(Restraint::Minimum);
    let best = paged.acquire(ExpertId::new(0, 0), 0.0).unwrap().unwrap();
    assert!(is_expert(&*best, &experts, ExpertId::new(0, 1)), "a device in trouble loads low copies");
    assert!(is_expert(&*paged.acquire(id, 0.0).unwrap().unwrap(), &experts, id), "and keeps what it has");
}

/// Waits for threads that load ahead.
fn eventually(mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn what_follows_is_loaded_ahead() {
    let choice = |expert| [ExpertChoice { expert, weight: 1.0, before: 0.0 }];
    let hidden = vec![0.0; SHAPE[0]];
    let cache = cache_of(Arc::new(experts(COUNTS, SHAPE)), 3, Arc::default());
    let paged = PagedExperts::new(cache.clone()).with_prefetch(1, None);
    let mut resident = [false; COUNTS[1]];
    // Expert 3 of layer 1 follows expert 0 of layer 0.
    for (layer, expert) in [(0, 0), (1, 3)] {
        paged.residency(layer, &mut resident);
        paged.routed(layer, &choice(expert), &hidden);
    }
    paged.residency(0, &mut resident);
    paged.routed(0, &choice(0), &hidden);
    assert!(eventually(|| cache.is_resident(full(1, 3))));
    drop(paged.acquire(ExpertId::new(1, 3), 0.0).unwrap());
    let stats = cache.stats();
    assert_eq!((stats.prefetches, stats.prefetches_used, stats.hits, stats.misses), (1, 1, 1, 0));
}

#[test]
fn the_next_gate_is_asked() {
    let mut weights = vec![0.0; COUNTS[1] * SHAPE[0]];
    weights[2 * SHAPE[0]] = 1.0;
    let gate = || Some(Box::new(DenseLinear::new(weights.clone(), SHAPE[0])) as Box<dyn Linear>);
    let cache = cache_of(Arc::new(experts(COUNTS, SHAPE)), 3, Arc::default());
    let gates = NextGates::new((0..COUNTS[0]).map(|_| gate()).collect());
    let paged = PagedExperts::new(cache.clone()).with_prefetch(1, Some(gates));
    let mut hidden = vec![0.0; SHAPE[0]];
    hidden[0] = 1.0;
    paged.residency(1, &mut [false; COUNTS[1]]);
    paged.routed(1, &[ExpertChoice { expert: 0, weight: 1.0, before: 0.0 }], &hidden);
    assert!(eventually(|| cache.is_resident(full(2, 2))));
    paged.cancel_prefetch();
}

#[test]
fn a_store_without_hash_or_memory_is_no_excuse() {
    let parts = |store| CacheParts {
        store,
        codecs: Arc::new(InPlace),
        events: Arc::new(NullSink),
        clock: Arc::new(SinceStart(Instant::now())),
    };
    let store = experts(COUNTS, SHAPE);
    assert_eq!(
        store.layout(ExpertId::new(0, 0), domain_types::Grade::Full).unwrap().range(ExpertPart::Up).start
            % 64,
        0
    );
    let cache = ExpertCache::new(parts(Arc::new(store)), BYTES - 1, PolicyKind::Arc.build(SIZE));
    let Err(error) = cache.pin(full(0, 0)) else { panic!("more than the budget was loaded") };
    assert!(error.to_string().contains("raise it"), "{error}");
    assert!(matches!(cache.pin(full(9, 0)), Err(MoeError::NoSuchExpert { .. })));
    assert!(matches!(cache.pin(ExpertCopy::low(ExpertId::new(0, 0))), Err(MoeError::NoSuchExpert { .. })));
}
