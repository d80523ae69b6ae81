//! Threads that route at random while reads fail, bytes rot and the budget shrinks: never a byte too much (as the
//! allocator counts), never a wrong weight, never a standstill.
//!
//! Runs for seconds. `PIBIT_STRESS_SECONDS=600 cargo test -p moe-routing --release --test stress` runs for ten minutes.

#[path = "support/experts.rs"]
mod support;

use domain_types::port::NullSink;
use domain_types::testing::MemoryExperts;
use domain_types::{
    ExpertChoice, ExpertId, ExpertLayout, ExpertProvider, ExpertRouter, ExpertStore, GateNorm, Gating, Grade,
    PinnedExpert, PortError,
};
use moe_routing::cache::{CacheParts, ExpertCache};
use moe_routing::eviction::PolicyKind;
use moe_routing::routing::{MemoryAwareRouter, RouterOptions};
use moe_routing::{ExpertCopy, ModelSize, PagedExperts};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{InPlace, SinceStart, experts};

const LAYERS: usize = 3;
const EXPERTS: usize = 8;
const WIDTH: usize = 64;
const FFN_WIDTH: usize = 128;
const BYTES: usize = 3 * WIDTH * FFN_WIDTH * 4;
const MOST: usize = 9;
const THREADS: usize = 3;

/// Counts the bytes of buffers of exactly an expert's size.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the counters are atomic and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() == BYTES {
            let live = LIVE.fetch_add(BYTES, Ordering::SeqCst) + BYTES;
            PEAK.fetch_max(live, Ordering::SeqCst);
        }
        // SAFETY: the caller keeps alloc's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if layout.size() == BYTES {
            LIVE.fetch_sub(BYTES, Ordering::SeqCst);
        }
        // SAFETY: the caller keeps dealloc's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Fails every eleventh read and spoils every thirteenth.
struct Faulty {
    inner: MemoryExperts,
    reads: AtomicU64,
}

impl ExpertStore for Faulty {
    fn layers(&self) -> usize {
        LAYERS
    }

    fn experts(&self) -> usize {
        EXPERTS
    }

    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout> {
        self.inner.layout(id, grade)
    }

    fn read(&self, id: ExpertId, grade: Grade, buffer: &mut [u8]) -> Result<(), PortError> {
        let number = self.reads.fetch_add(1, Ordering::SeqCst);
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        if mixed.is_multiple_of(11) {
            return Err(PortError::invalid("injected read error"));
        }
        self.inner.read(id, grade, buffer)?;
        if mixed.is_multiple_of(13) {
            buffer[mixed as usize % BYTES] ^= 0x10;
        }
        if mixed.is_multiple_of(17) {
            std::thread::sleep(Duration::from_micros(mixed % 400));
        }
        Ok(())
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * n) >> 31
    }
}

/// What each expert's gate makes of a vector of ones.
fn answers(experts: &MemoryExperts) -> Vec<f32> {
    let first = |index: usize| {
        let bytes = experts.bytes(ExpertId::new(index / EXPERTS, index % EXPERTS));
        let row = bytes[..WIDTH * 4].chunks_exact(4);
        row.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).sum()
    };
    (0..LAYERS * EXPERTS).map(first).collect()
}

fn right(pin: &dyn PinnedExpert, answer: f32) {
    let mut out = vec![0.0; FFN_WIDTH];
    pin.gate().matvec(&[1.0; WIDTH], &mut out);
    assert_eq!(out[0].to_bits(), answer.to_bits(), "wrong weights were given");
}

/// Decodes tokens at random; counts experts computed and refusals.
fn route(paged: &PagedExperts, answers: &[f32], seed: u64, stop: &AtomicBool) -> (u64, u64) {
    let gating = Gating::new(EXPERTS, 2, GateNorm::Chosen).unwrap();
    let mut router = MemoryAwareRouter::new(gating, LAYERS, RouterOptions::default()).unwrap();
    let mut random = Random(seed);
    let (mut resident, mut chosen) = ([false; EXPERTS], Vec::<ExpertChoice>::new());
    let (mut computed, mut refused) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        for layer in 0..LAYERS {
            let logits: Vec<f32> = (0..EXPERTS).map(|_| random.below(1000) as f32 / 100.0).collect();
            paged.residency(layer, &mut resident);
            router.route(layer, &logits, &resident, &mut chosen).unwrap();
            paged.routed(layer, &chosen, &[]);
            let mut held = Vec::new();
            for choice in &chosen {
                let id = ExpertId::new(layer, choice.expert);
                match paged.acquire(id, choice.before) {
                    Ok(pin) => {
                        let pin = pin.expect("no skipping here");
                        right(&*pin, answers[id.index(EXPERTS)]);
                        computed += 1;
                        // Sometimes both are held at once.
                        if random.below(2) == 0 {
                            held.push((pin, answers[id.index(EXPERTS)]));
                        }
                    }
                    Err(_) => refused += 1,
                }
            }
            for (pin, answer) in &held {
                right(&**pin, *answer);
            }
        }
    }
    (computed, refused)
}

/// Moves the budget about; whenever it has been reached, the allocator must agree.
fn squeeze(cache: &ExpertCache, until: Instant) -> u64 {
    let (mut random, mut checks) = (Random(99), 0);
    while Instant::now() < until {
        let budget = (1 + random.below(MOST as u64) as usize) * BYTES + random.below(1000) as usize;
        let budget = budget.min(MOST * BYTES);
        cache.set_budget(budget);
        let lowered = Instant::now();
        while cache.arena().over() > 0 {
            assert!(lowered.elapsed() < Duration::from_mins(1), "the budget is never reached");
            std::thread::yield_now();
        }
        for _ in 0..20 {
            let live = LIVE.load(Ordering::SeqCst);
            assert!(live <= budget, "{live} bytes live under a budget of {budget}");
            checks += 1;
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    cache.set_budget(MOST * BYTES);
    checks
}

#[test]
fn nothing_breaks_under_stress() {
    let seconds = std::env::var("PIBIT_STRESS_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
    let inner = experts([LAYERS, EXPERTS], [WIDTH, FFN_WIDTH]);
    let answers = answers(&inner);
    let store = Arc::new(Faulty { inner, reads: AtomicU64::new(0) });
    let before = LIVE.load(Ordering::SeqCst);
    let parts = CacheParts {
        store: store.clone(),
        codecs: Arc::new(InPlace),
        events: Arc::new(NullSink),
        clock: Arc::new(SinceStart(Instant::now())),
    };
    // The store holds buffers of an expert's size itself: they are not the cache's.
    LIVE.fetch_sub(before, Ordering::SeqCst);
    PEAK.store(0, Ordering::SeqCst);
    for kind in PolicyKind::ALL {
        let policy = kind.build(ModelSize::new(LAYERS, EXPERTS));
        let cache = Arc::new(ExpertCache::new(parts.clone(), MOST * BYTES, policy));
        let paged = PagedExperts::new(cache.clone()).with_prefetch(2, None);
        let until = Instant::now() + Duration::from_secs(seconds) / PolicyKind::ALL.len() as u32;
        let stop = AtomicBool::new(false);
        let (computed, refused, checks) = std::thread::scope(|scope| {
            let work = |seed| route(&paged, &answers, seed, &stop);
            let threads: Vec<_> = (1..=THREADS as u64).map(|seed| scope.spawn(move || work(seed))).collect();
            let checks = squeeze(&cache, until);
            stop.store(true, Ordering::SeqCst);
            let totals: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            (totals.iter().map(|t| t.0).sum::<u64>(), totals.iter().map(|t| t.1).sum::<u64>(), checks)
        });
        let stats = cache.stats();
        println!("{kind}: {computed} computed, {refused} refused, {checks} checks, {stats:?}");
        assert!(computed > 100 && stats.evictions > 100 && refused < computed, "{stats:?}");
        for copy in [ExpertCopy::full(ExpertId::new(0, 0)), ExpertCopy::full(ExpertId::new(2, 7))] {
            let again = (0..50).find_map(|_| cache.pin(copy).ok()).expect("an expert can be had in the end");
            right(&again, answers[copy.id.index(EXPERTS)]);
        }
        drop(paged);
        drop(cache);
        assert_eq!(LIVE.load(Ordering::SeqCst), 0, "memory of a cache outlives it");
    }
    assert!(PEAK.load(Ordering::SeqCst) <= MOST * BYTES, "the allocator saw more than the budget");
    // What the store frees was not counted.
    LIVE.fetch_add(before, Ordering::SeqCst);
}
