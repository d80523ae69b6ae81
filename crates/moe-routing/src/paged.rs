//! Experts for a running model: cache, stand-ins for misses, and loading ahead behind one port.

use crate::cache::{ExpertCache, Pin};
use crate::eviction::Moment;
use crate::precision::{MissAction, MissPolicy, Restraint};
use crate::prefetch::{CoActivation, NextGates, Prefetcher};
use crate::sync::{Mutex, lock};
use crate::{ExpertCopy, MoeError};
use domain_types::{ExpertChoice, ExpertId, ExpertProvider, PinnedExpert, PortError};
use std::sync::Arc;

/// An [`ExpertProvider`] over an [`ExpertCache`].
pub struct PagedExperts {
    cache: Arc<ExpertCache>,
    on_miss: MissPolicy,
    restraint: Mutex<Restraint>,
    foresight: Option<(Prefetcher, Mutex<Foresight>)>,
}

/// What is guessed from.
struct Foresight {
    follows: CoActivation,
    gates: Option<NextGates>,
    /// The last choice, and where it was made.
    last: (Moment, Vec<usize>),
    guess: Vec<usize>,
}

impl PagedExperts {
    /// Loads every expert in full when it is wanted, and nothing ahead.
    pub fn new(cache: Arc<ExpertCache>) -> Self {
        let restraint = Mutex::new(Restraint::None);
        Self { cache, on_miss: MissPolicy::default(), restraint, foresight: None }
    }

    /// What is done where an expert is absent and hardly matters.
    #[must_use]
    pub fn with_miss_policy(mut self, on_miss: MissPolicy) -> Self {
        self.on_miss = on_miss;
        self
    }

    /// Loads ahead with so many threads: what the next layer's gate would choose where `gates` are given, otherwise
    /// what usually follows.
    #[must_use]
    pub fn with_prefetch(mut self, threads: usize, gates: Option<NextGates>) -> Self {
        let size = self.cache.size();
        let last = (Moment::default(), Vec::new());
        let foresight = Foresight { follows: CoActivation::new(size), gates, last, guess: Vec::new() };
        self.foresight = Some((Prefetcher::new(self.cache.clone(), threads), Mutex::new(foresight)));
        self
    }

    /// Loads lower copies from now on, as a [`Governor`](crate::precision::Governor) demands; what is resident stays.
    pub fn restrain(&self, restraint: Restraint) {
        *lock(&self.restraint) = restraint;
    }

    /// The cache.
    pub fn cache(&self) -> &ExpertCache {
        &self.cache
    }

    /// Forgets what is being loaded ahead, as at the end of a text.
    pub fn cancel_prefetch(&self) {
        if let Some((prefetcher, _)) = &self.foresight {
            prefetcher.cancel();
        }
    }

    /// The low copy of an expert, or the full one where there is no low one.
    fn stand_in(&self, id: ExpertId) -> Result<Pin<'_>, MoeError> {
        match self.cache.pin(ExpertCopy::low(id)) {
            Err(MoeError::NoSuchExpert { .. }) => self.cache.pin(ExpertCopy::full(id)),
            pin => pin,
        }
    }
}

impl ExpertProvider for PagedExperts {
    fn residency(&self, layer: usize, resident: &mut [bool]) {
        assert!(layer < self.cache.size().layers(), "there is no layer {layer}");
        self.cache.enter_layer(layer);
        self.cache.residency(layer, resident);
    }

    fn acquire(&self, id: ExpertId, before: f32) -> Result<Option<Box<dyn PinnedExpert + '_>>, PortError> {
        let full = ExpertCopy::full(id);
        if let Some(pin) = self.cache.try_pin(full) {
            return Ok(Some(Box::new(pin)));
        }
        let on_miss = self.on_miss.restrained(*lock(&self.restraint));
        let pin = match on_miss.action(before) {
            MissAction::Full => self.cache.pin(full)?,
            MissAction::Low => self.stand_in(id)?,
            MissAction::Skip => return Ok(None),
        };
        Ok(Some(Box::new(pin)))
    }

    fn routed(&self, layer: usize, chosen: &[ExpertChoice], hidden: &[f32]) {
        self.cache.spare(chosen.iter().map(|c| ExpertCopy::full(ExpertId::new(layer, c.expert))));
        if let Some((prefetcher, foresight)) = &self.foresight {
            let mut foresight = lock(foresight);
            if layer != foresight.last.0.layer {
                // The turn of what was guessed for this layer has come: it is loaded now, or it was guessed wrong.
                prefetcher.forget();
            }
            foresight.see(self.cache.moment(), chosen, hidden);
            let next = layer + 1;
            let guess = foresight.guess.iter().map(|&e| ExpertCopy::full(ExpertId::new(next, e)));
            prefetcher.request(guess.filter(|&copy| !self.cache.is_resident(copy)));
        }
    }
}

impl Foresight {
    /// Learns from a choice and guesses as many experts of the next layer.
    fn see(&mut self, now: Moment, chosen: &[ExpertChoice], hidden: &[f32]) {
        let Self { follows, gates, last, guess } = self;
        let chosen: Vec<usize> = chosen.iter().map(|c| c.expert).collect();
        let (before, earlier) = &*last;
        if before.pass == now.pass && before.layer + 1 == now.layer {
            follows.learn(before.layer, earlier, &chosen);
        }
        match gates {
            Some(gates) => gates.predict(now.layer + 1, hidden, chosen.len(), guess),
            None => follows.predict(now.layer, &chosen, chosen.len(), guess),
        }
        *last = (now, chosen);
    }
}
