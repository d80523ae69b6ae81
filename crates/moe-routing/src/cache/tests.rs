//! The cache under every schedule that Shuttle tries, deadlocks included.

use super::{CacheParts, ExpertCache};
use crate::eviction::PolicyKind;
use crate::prefetch::Prefetcher;
use crate::sync::{AtomicU64, Ordering, thread};
use crate::{ExpertCopy, ModelSize, MoeError};
use domain_types::port::NullSink;
use domain_types::testing::{DenseCodecs, MemoryExperts};
use domain_types::{Clock, ExpertId, ExpertLayout, ExpertStore, Grade, PinnedExpert, PortError};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

const LAYERS: usize = 2;
const EXPERTS: usize = 3;
const WIDTH: usize = 2;
/// Bytes of an expert: three matrices of 16 bytes, each from a multiple of 64 on.
const BYTES: usize = 2 * 64 + 16;
const SCHEDULES: usize = 300;

struct NoClock;

impl Clock for NoClock {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn unix(&self) -> Duration {
        Duration::ZERO
    }
}

/// Lets other threads run during each read, and spoils reads whose number is in `faults`.
struct Store {
    inner: MemoryExperts,
    reads: AtomicU64,
    faults: fn(u64) -> Fault,
}

enum Fault {
    None,
    Error,
    Corrupt,
    Panic,
}

impl ExpertStore for Store {
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
        thread::yield_now();
        self.inner.read(id, grade, buffer)?;
        match (self.faults)(number) {
            Fault::None => {}
            Fault::Error => return Err(PortError::invalid("injected")),
            Fault::Corrupt => buffer[1] ^= 1,
            Fault::Panic => panic!("injected"),
        }
        Ok(())
    }
}

fn experts() -> MemoryExperts {
    MemoryExperts::new([LAYERS, EXPERTS], [WIDTH, WIDTH], |bytes| Sha256::digest(bytes).into())
}

fn cache(budget: usize, faults: fn(u64) -> Fault) -> Arc<ExpertCache> {
    let store = Store { inner: experts(), reads: AtomicU64::new(0), faults };
    let parts = CacheParts {
        store: Arc::new(store),
        codecs: Arc::new(DenseCodecs),
        events: Arc::new(NullSink),
        clock: Arc::new(NoClock),
    };
    let size = ModelSize::new(LAYERS, EXPERTS);
    Arc::new(ExpertCache::new(parts, budget, PolicyKind::Lru.build(size)))
}

fn copy(expert: usize) -> ExpertCopy {
    ExpertCopy::full(ExpertId::new(1, expert))
}

/// The pinned weights are those of the expert.
fn check(cache: &ExpertCache, pin: &dyn PinnedExpert, copy: ExpertCopy) {
    let all = experts();
    let first = &all.bytes(copy.id)[..4 * WIDTH];
    let mut row = [0.0; WIDTH];
    pin.gate().row(0, &mut row);
    assert_eq!(row.map(f32::to_le_bytes).concat(), first, "{copy}");
    assert!(cache.is_resident(copy));
}

fn run(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn one_pin_per_thread_always_succeeds() {
    shuttle::check_random(
        || {
            // Room for one expert and a half: threads take turns.
            let cache = cache(BYTES * 3 / 2, |_| Fault::None);
            let worker = |first: usize| {
                let cache = cache.clone();
                thread::spawn(move || {
                    for copy in [copy(first), copy((first + 1) % EXPERTS)] {
                        check(&cache, &cache.pin(copy).unwrap(), copy);
                    }
                })
            };
            run((0..3).map(worker).collect());
            assert!(cache.arena().peak() == BYTES && cache.arena().used() == BYTES);
            assert_eq!(cache.stats().hits + cache.stats().misses, 6);
        },
        SCHEDULES,
    );
}

#[test]
fn a_second_pin_is_refused_rather_than_waited_for() {
    shuttle::check_random(
        || {
            let cache = cache(2 * BYTES, |_| Fault::None);
            let worker = |first: usize| {
                let cache = cache.clone();
                thread::spawn(move || {
                    // All different: two threads that hold one each would wait for each other.
                    let (one, two) = (copy(first), ExpertCopy::full(ExpertId::new(0, first)));
                    let held = cache.pin(one).unwrap();
                    match cache.pin(two) {
                        Ok(pin) => check(&cache, &pin, two),
                        Err(error) => assert!(matches!(error, MoeError::Pinned { .. }), "{error}"),
                    }
                    check(&cache, &held, one);
                })
            };
            run((0..3).map(worker).collect());
            assert!(cache.arena().peak() <= 2 * BYTES);
        },
        SCHEDULES,
    );
}

#[test]
fn threads_that_want_one_expert_load_it_once() {
    shuttle::check_random(
        || {
            let cache = cache(2 * BYTES, |_| Fault::None);
            let worker = |_| {
                let cache = cache.clone();
                thread::spawn(move || check(&cache, &cache.pin(copy(0)).unwrap(), copy(0)))
            };
            run((0..3).map(worker).collect());
            assert_eq!(cache.stats().loads, 1);
        },
        SCHEDULES,
    );
}

#[test]
fn failed_loads_leave_nothing_and_are_tried_again() {
    shuttle::check_random(
        || {
            // Every other read fails, in two ways; three attempts are enough unless threads take the good ones.
            let cache = cache(BYTES, |n| match n % 4 {
                0 => Fault::Error,
                2 => Fault::Corrupt,
                _ => Fault::None,
            });
            let worker = |expert: usize| {
                let cache = cache.clone();
                thread::spawn(move || match cache.pin(copy(expert)) {
                    Ok(pin) => check(&cache, &pin, copy(expert)),
                    Err(error) => assert!(matches!(error, MoeError::Load { attempts: 3, .. }), "{error}"),
                })
            };
            run((0..2).map(worker).collect());
            assert!(cache.arena().peak() <= BYTES);
        },
        SCHEDULES,
    );
}

#[test]
fn a_budget_that_shrinks_is_reached_as_pins_go() {
    shuttle::check_random(
        || {
            let cache = cache(3 * BYTES, |_| Fault::None);
            let worker = |expert: usize| {
                let cache = cache.clone();
                thread::spawn(move || {
                    for copy in [copy(expert), copy((expert + 1) % EXPERTS)] {
                        check(&cache, &cache.pin(copy).unwrap(), copy);
                    }
                })
            };
            let workers = (0..3).map(worker).collect();
            cache.set_budget(BYTES);
            run(workers);
            assert!(cache.arena().peak() <= 3 * BYTES);
            assert_eq!((cache.arena().used(), cache.arena().over()), (BYTES, 0));
            assert_eq!(cache.set_budget(0), 0);
            assert!(matches!(cache.pin(copy(0)), Err(MoeError::BudgetTooSmall { .. })));
        },
        SCHEDULES,
    );
}

#[test]
fn prefetching_ends_with_its_owner_and_never_hurts() {
    shuttle::check_random(
        || {
            let cache = cache(2 * BYTES, |n| if n == 1 { Fault::Error } else { Fault::None });
            let prefetcher = Prefetcher::new(cache.clone(), 1);
            prefetcher.request((0..EXPERTS).map(copy));
            for expert in 0..2 {
                check(&cache, &cache.pin(copy(expert)).unwrap(), copy(expert));
            }
            prefetcher.request([copy(2)]);
            prefetcher.cancel();
            check(&cache, &cache.pin(copy(2)).unwrap(), copy(2));
            drop(prefetcher);
            let stats = cache.stats();
            assert!(stats.prefetches_used <= stats.prefetches && cache.arena().peak() <= 2 * BYTES);
        },
        SCHEDULES,
    );
}

#[test]
fn a_cancelled_load_that_someone_waits_for_goes_on() {
    shuttle::check_random(
        || {
            let cache = cache(2 * BYTES, |_| Fault::None);
            let other = {
                let cache = cache.clone();
                thread::spawn(move || cache.prefetch(copy(0), &|| true).unwrap())
            };
            check(&cache, &cache.pin(copy(0)).unwrap(), copy(0));
            other.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_store_that_panics_harms_only_its_caller() {
    shuttle::check_random(
        || {
            let cache = cache(BYTES, |n| if n == 0 { Fault::Panic } else { Fault::None });
            let crash = std::panic::AssertUnwindSafe(|| drop(cache.pin(copy(0))));
            assert!(std::panic::catch_unwind(crash).is_err());
            assert_eq!(cache.arena().used(), 0);
            check(&cache, &cache.pin(copy(0)).unwrap(), copy(0));
        },
        1,
    );
}
