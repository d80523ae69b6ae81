//! Experts in a budget of memory: loaded when wanted, pinned while they compute, evicted when others need the room.

mod arena;
mod load;
mod pin;
mod state;
mod stats;
#[cfg(test)]
mod tests;

pub use arena::Arena;
pub use pin::Pin;
pub use stats::CacheStats;

use crate::eviction::{EvictionPolicy, Moment};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait};
use crate::{ExpertCopy, ModelSize, MoeError};
use arena::Reservation;
use domain_types::{Clock, CodecSet, DomainEvent, EventSink, ExpertId, ExpertLayout, ExpertStore};
use load::Loading;
use pin::Weights;
use state::State;
use std::sync::Arc;
use std::time::Duration;

/// What a cache works with.
#[derive(Clone)]
pub struct CacheParts {
    /// Where experts lie.
    pub store: Arc<dyn ExpertStore>,
    /// How their bytes become linear layers. Layers must work on the bytes they are given: what a codec allocates
    /// besides is not counted.
    pub codecs: Arc<dyn CodecSet>,
    /// Who is told.
    pub events: Arc<dyn EventSink>,
    /// For latencies.
    pub clock: Arc<dyn Clock>,
}

/// Experts in memory, never more of them than the budget allows.
///
/// A copy is resident, wholly loaded and with the right hash, or absent: nobody sees anything between. The crate's
/// README argues why this neither deadlocks nor exceeds the budget.
pub struct ExpertCache {
    parts: CacheParts,
    size: ModelSize,
    arena: Arena,
    /// Times that a failed load is tried again.
    retries: u32,
    state: Mutex<State>,
    changed: Condvar,
}

impl ExpertCache {
    /// An empty cache of at most `budget` bytes, whose failed loads are tried twice more.
    pub fn new(parts: CacheParts, budget: usize, policy: Box<dyn EvictionPolicy>) -> Self {
        let size = ModelSize::new(parts.store.layers(), parts.store.experts());
        let state = Mutex::new(State::new(size, policy, budget));
        Self { parts, size, arena: Arena::new(budget), retries: 2, state, changed: Condvar::new() }
    }

    /// The same, but failed loads are tried `retries` times more.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Layers and experts.
    pub fn size(&self) -> ModelSize {
        self.size
    }

    /// The memory and its budget.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// What happened so far.
    pub fn stats(&self) -> CacheStats {
        lock(&self.state).stats
    }

    /// Whether a copy can be had without waiting.
    pub fn is_resident(&self, copy: ExpertCopy) -> bool {
        self.size.contains(copy.id) && lock(&self.state).is_resident(copy)
    }

    /// For each expert of a layer, whether its full copy is resident.
    ///
    /// # Panics
    /// If `resident` has not one entry per expert.
    pub fn residency(&self, layer: usize, resident: &mut [bool]) {
        assert_eq!(resident.len(), self.size.experts(), "one entry per expert");
        let state = lock(&self.state);
        for (expert, resident) in resident.iter_mut().enumerate() {
            *resident = state.is_resident(ExpertCopy::full(ExpertId::new(layer, expert)));
        }
    }

    /// Tells which layer is being computed: a lower one than before begins a new pass.
    pub fn enter_layer(&self, layer: usize) {
        let mut state = lock(&self.state);
        state.enter_layer(layer);
        self.publish(state);
    }

    /// Copies that this layer will use: they are evicted only where nothing else can be. Forgotten at the next layer.
    pub fn spare(&self, copies: impl IntoIterator<Item = ExpertCopy>) {
        let mut state = lock(&self.state);
        copies.into_iter().filter(|copy| self.size.contains(copy.id)).for_each(|copy| state.spare(copy));
    }

    /// Where the model is.
    pub fn moment(&self) -> Moment {
        lock(&self.state).moment
    }

    /// A resident copy, pinned; nothing where it is absent.
    pub fn try_pin(&self, copy: ExpertCopy) -> Option<Pin<'_>> {
        let me = thread::current().id();
        let weights = self.size.contains(copy.id).then(|| lock(&self.state).pin(copy, me, true))?;
        weights.map(|weights| Pin::new(self, copy, me, weights))
    }

    /// A copy, loaded first where it is absent, pinned until the guard is dropped.
    ///
    /// A thread without pins waits until there is room. One that holds pins waits only for loads, and gets
    /// [`MoeError::Pinned`] where that is not enough.
    pub fn pin(&self, copy: ExpertCopy) -> Result<Pin<'_>, MoeError> {
        let bytes = self.bytes_of(copy)?;
        let me = thread::current().id();
        let mut missed = false;
        let mut state = lock(&self.state);
        loop {
            if let Some(weights) = state.pin(copy, me, !missed) {
                return Ok(Pin::new(self, copy, me, weights));
            }
            if !std::mem::replace(&mut missed, true) {
                state.miss(copy, bytes);
            }
            if state.is_loading(copy) {
                state.want(copy);
            } else if let Some(room) = state.make_room(bytes, &self.arena, true)? {
                if let Some(weights) = self.load(state, copy, room, Some(me), &|| false)? {
                    return Ok(Pin::new(self, copy, me, weights));
                }
                state = lock(&self.state);
                continue;
            } else if !state.can_wait(me) {
                return Err(MoeError::Pinned { copy, bytes, budget: self.arena.budget() });
            }
            state = wait(&self.changed, state);
        }
    }

    /// Loads a copy that will probably be wanted. Never waits and evicts nothing that this layer uses: gives up
    /// where there is no room, and as soon as `cancelled` says so and nobody waits for the copy.
    pub fn prefetch(&self, copy: ExpertCopy, cancelled: &dyn Fn() -> bool) -> Result<(), MoeError> {
        let bytes = self.bytes_of(copy)?;
        let mut state = lock(&self.state);
        if state.is_resident(copy) || state.is_loading(copy) || cancelled() {
            return Ok(());
        }
        match state.make_room(bytes, &self.arena, false)? {
            Some(room) => self.load(state, copy, room, None, cancelled).map(drop),
            None => Ok(()),
        }
    }

    /// Sets the budget and evicts what no longer fits. Pinned copies stay until they are released; until then memory
    /// only shrinks. Returns the bytes that are still to go.
    pub fn set_budget(&self, bytes: usize) -> usize {
        let mut state = lock(&self.state);
        self.arena.set_budget(bytes);
        state.policy.resized(bytes);
        let over = state.shrink(&self.arena);
        self.changed.notify_all();
        self.publish(state);
        over
    }

    /// Bits per weight of a copy; nothing where there is none.
    pub(crate) fn bits_of(&self, copy: ExpertCopy) -> Option<f64> {
        self.parts.store.layout(copy.id, copy.grade).map(ExpertLayout::bits_per_weight)
    }

    /// The time of the cache's clock.
    pub(crate) fn now(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    /// Tells an event to whom the cache tells its own.
    pub(crate) fn tell(&self, event: &DomainEvent) {
        self.parts.events.record(event);
    }

    fn bytes_of(&self, copy: ExpertCopy) -> Result<usize, MoeError> {
        let layout = self.parts.store.layout(copy.id, copy.grade);
        let known = layout.filter(|_| self.size.contains(copy.id));
        known.map(ExpertLayout::byte_len).ok_or(MoeError::NoSuchExpert { copy })
    }

    /// Loads a copy into reserved room, without the lock, and makes the outcome known. Returns the weights that `owner`
    /// has pinned now.
    fn load(
        &self,
        mut state: MutexGuard<'_, State>,
        copy: ExpertCopy,
        room: Reservation,
        owner: Option<ThreadId>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Arc<Weights>>, MoeError> {
        state.begin_load(copy);
        let loading = Loading::new(self, copy);
        self.publish(state);
        let start = self.parts.clock.monotonic();
        let abandoned = || cancelled() && !lock(&self.state).is_wanted(copy);
        let outcome = loading.run(room, &abandoned);
        let latency = self.parts.clock.monotonic().saturating_sub(start);
        let mut state = lock(&self.state);
        let outcome = match outcome {
            Ok(Some(weights)) => Ok(state.end_load(copy, weights, owner, latency)),
            Ok(None) => {
                state.drop_load(copy, false);
                Ok(None)
            }
            Err(error) => {
                state.drop_load(copy, true);
                Err(error)
            }
        };
        state.shrink(&self.arena);
        self.changed.notify_all();
        self.publish(state);
        outcome
    }

    /// Lets go of the lock, then tells what happened.
    fn publish(&self, mut state: MutexGuard<'_, State>) {
        let events = std::mem::take(&mut state.news);
        drop(state);
        for event in events {
            self.parts.events.record(&event);
        }
    }

    fn unpin(&self, copy: ExpertCopy, owner: ThreadId) {
        let mut state = lock(&self.state);
        state.unpin(copy, owner);
        state.shrink(&self.arena);
        self.changed.notify_all();
        self.publish(state);
    }
}
