//! What the cache's lock guards.

use super::arena::{Arena, Reservation};
use super::pin::Weights;
use super::stats::CacheStats;
use crate::eviction::{EvictionPolicy, Moment};
use crate::sync::thread::ThreadId;
use crate::{ExpertCopy, ModelSize, MoeError};
use domain_types::{Direction, DomainEvent};
use std::sync::Arc;
use std::time::Duration;

/// Passes between two reports of the hit rate.
const PASSES_TOLD: u64 = 64;

/// Where a copy is.
pub(super) enum Slot {
    Absent,
    /// A thread without the lock loads it; `wanted` when someone waits for it.
    Loading {
        wanted: bool,
    },
    Resident {
        weights: Arc<Weights>,
        pins: u32,
        /// Loaded ahead and not used yet.
        ahead: bool,
    },
}

pub(super) struct State {
    size: ModelSize,
    slots: Vec<Slot>,
    loading: usize,
    spared: Vec<ExpertCopy>,
    /// Threads with pins, and how many.
    holders: Vec<(ThreadId, u32)>,
    candidates: Vec<ExpertCopy>,
    pub(super) policy: Box<dyn EvictionPolicy>,
    pub(super) moment: Moment,
    pub(super) stats: CacheStats,
    /// Hits and misses up to the last time that the hit rate was told, and that rate.
    told: (u64, u64, f64),
    /// What is to be told once the lock is free.
    pub(super) news: Vec<DomainEvent>,
}

impl State {
    pub(super) fn new(size: ModelSize, mut policy: Box<dyn EvictionPolicy>, budget: usize) -> Self {
        policy.resized(budget);
        Self {
            size,
            slots: (0..size.copies()).map(|_| Slot::Absent).collect(),
            loading: 0,
            spared: Vec::new(),
            holders: Vec::new(),
            candidates: Vec::new(),
            policy,
            moment: Moment::default(),
            stats: CacheStats::default(),
            told: (0, 0, 0.0),
            news: Vec::new(),
        }
    }

    pub(super) fn is_resident(&self, copy: ExpertCopy) -> bool {
        matches!(self.slots[self.size.slot(copy)], Slot::Resident { .. })
    }

    pub(super) fn is_loading(&self, copy: ExpertCopy) -> bool {
        matches!(self.slots[self.size.slot(copy)], Slot::Loading { .. })
    }

    pub(super) fn is_wanted(&self, copy: ExpertCopy) -> bool {
        matches!(self.slots[self.size.slot(copy)], Slot::Loading { wanted: true })
    }

    /// Someone waits for a copy that is being loaded.
    pub(super) fn want(&mut self, copy: ExpertCopy) {
        if let Slot::Loading { wanted } = self.slot(copy) {
            *wanted = true;
        }
    }

    pub(super) fn enter_layer(&mut self, layer: usize) {
        if layer != self.moment.layer {
            self.spared.clear();
        }
        if layer < self.moment.layer {
            self.moment.pass += 1;
            self.tell_hit_rate();
        }
        self.moment.layer = layer;
    }

    /// The hit rate of the passes since the last time, now and then.
    fn tell_hit_rate(&mut self) {
        let (hits, misses, old) = self.told;
        let since = [self.stats.hits - hits, self.stats.misses - misses];
        if self.moment.pass.is_multiple_of(PASSES_TOLD) && since != [0, 0] {
            let new = since[0] as f64 / (since[0] + since[1]) as f64;
            self.told = (self.stats.hits, self.stats.misses, new);
            self.news.push(DomainEvent::CacheHitRateChanged { old, new });
        }
    }

    pub(super) fn spare(&mut self, copy: ExpertCopy) {
        if !self.spared.contains(&copy) {
            self.spared.push(copy);
        }
    }

    /// Pins a resident copy for a thread; `hit` where it had not to wait for it.
    pub(super) fn pin(&mut self, copy: ExpertCopy, owner: ThreadId, hit: bool) -> Option<Arc<Weights>> {
        let Slot::Resident { weights, pins, ahead } = &mut self.slots[self.size.slot(copy)] else {
            return None;
        };
        *pins += 1;
        self.stats.prefetches_used += u64::from(std::mem::take(ahead));
        self.stats.hits += u64::from(hit);
        let weights = weights.clone();
        match self.holders.iter_mut().find(|(thread, _)| *thread == owner) {
            Some((_, count)) => *count += 1,
            None => self.holders.push((owner, 1)),
        }
        self.policy.used(copy, self.moment);
        Some(weights)
    }

    pub(super) fn unpin(&mut self, copy: ExpertCopy, owner: ThreadId) {
        if let Slot::Resident { pins, .. } = self.slot(copy) {
            *pins -= 1;
        }
        if let Some(at) = self.holders.iter().position(|(thread, _)| *thread == owner) {
            self.holders[at].1 -= 1;
            if self.holders[at].1 == 0 {
                self.holders.swap_remove(at);
            }
        }
    }

    /// A copy that is wanted is not there.
    pub(super) fn miss(&mut self, copy: ExpertCopy, bytes: usize) {
        self.stats.misses += 1;
        self.policy.missed(copy, bytes);
    }

    pub(super) fn begin_load(&mut self, copy: ExpertCopy) {
        *self.slot(copy) = Slot::Loading { wanted: false };
        self.loading += 1;
    }

    /// A load has come to nothing.
    pub(super) fn drop_load(&mut self, copy: ExpertCopy, failed: bool) {
        *self.slot(copy) = Slot::Absent;
        self.loading -= 1;
        self.stats.failures += u64::from(failed);
    }

    /// A load has ended well. Who wanted it has it pinned before anyone else can evict it.
    pub(super) fn end_load(
        &mut self,
        copy: ExpertCopy,
        weights: Arc<Weights>,
        owner: Option<ThreadId>,
        latency: Duration,
    ) -> Option<Arc<Weights>> {
        let (bytes, demand) = (weights.bytes.len(), owner.is_some());
        *self.slot(copy) = Slot::Resident { weights, pins: 0, ahead: !demand };
        self.loading -= 1;
        self.policy.loaded(copy, bytes, self.moment);
        self.stats.loads += u64::from(demand);
        self.stats.prefetches += u64::from(!demand);
        self.stats.bytes_loaded += bytes as u64;
        self.tell(copy, Direction::In, latency);
        owner.and_then(|owner| self.pin(copy, owner, false))
    }

    /// Reserves bytes, evicting as long as it takes; nothing where all that is left is pinned or loading. Spared copies
    /// are evicted last, and only on `demand`.
    pub(super) fn make_room(
        &mut self,
        bytes: usize,
        arena: &Arena,
        demand: bool,
    ) -> Result<Option<Reservation>, MoeError> {
        let budget = arena.budget();
        if bytes > budget {
            return Err(MoeError::BudgetTooSmall { bytes, budget });
        }
        loop {
            if let Some(room) = arena.reserve(bytes) {
                return Ok(Some(room));
            }
            if !self.evict_one(demand) {
                return Ok(None);
            }
        }
    }

    /// Evicts down to the budget where it can; the bytes that remain to go.
    pub(super) fn shrink(&mut self, arena: &Arena) -> usize {
        while arena.over() > 0 && self.evict_one(true) {}
        arena.over()
    }

    /// Whether waiting helps a thread that found no room: for a load to end, or for others to release their pins. Who
    /// holds pins never waits for those of others, so nobody waits in a circle.
    pub(super) fn can_wait(&self, me: ThreadId) -> bool {
        let holds = self.holders.iter().any(|(thread, _)| *thread == me);
        self.loading > 0 || (!holds && !self.holders.is_empty())
    }

    fn evict_one(&mut self, demand: bool) -> bool {
        self.gather(|spared, copy| !spared.contains(&copy));
        if demand && self.candidates.is_empty() {
            self.gather(|_, _| true);
        }
        if self.candidates.is_empty() {
            return false;
        }
        let victim = self.candidates[self.policy.victim(&self.candidates, self.moment)];
        *self.slot(victim) = Slot::Absent;
        self.policy.evicted(victim);
        self.stats.evictions += 1;
        self.tell(victim, Direction::Out, Duration::ZERO);
        true
    }

    /// Collects resident copies without pins.
    fn gather(&mut self, want: impl Fn(&[ExpertCopy], ExpertCopy) -> bool) {
        let Self { size, slots, spared, candidates, .. } = self;
        candidates.clear();
        let free =
            slots.iter().enumerate().filter(|(_, slot)| matches!(slot, Slot::Resident { pins: 0, .. }));
        candidates.extend(free.map(|(i, _)| size.copy(i)).filter(|&copy| want(spared, copy)));
    }

    fn slot(&mut self, copy: ExpertCopy) -> &mut Slot {
        &mut self.slots[self.size.slot(copy)]
    }

    fn tell(&mut self, copy: ExpertCopy, direction: Direction, latency: Duration) {
        let expert_id = copy.id.index(self.size.experts());
        let latency_us = latency.as_micros() as u64;
        self.news.push(DomainEvent::ExpertPaged { expert_id, direction, latency_us });
    }
}
