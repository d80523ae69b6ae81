//! Experts for a running model: cache, stand-ins for misses, and loading ahead behind one port.

mod foresight;
mod governed;
mod grades;

pub use grades::StandIns;

use crate::cache::{ExpertCache, Pin};
use crate::precision::{Governor, MissAction, MissPolicy, Restraint};
use crate::prefetch::{NextGates, Prefetcher};
use crate::sync::{Mutex, lock};
use crate::{ExpertCopy, MoeError};
use domain_types::{
    ConditionSensor, DomainEvent, ExpertChoice, ExpertId, ExpertProvider, Grade, PinnedExpert, PortError,
};
use foresight::Foresight;
use governed::Governed;
use grades::Grades;
use std::sync::Arc;
use std::time::Duration;

/// An [`ExpertProvider`] over an [`ExpertCache`].
pub struct PagedExperts {
    cache: Arc<ExpertCache>,
    on_miss: MissPolicy,
    restraint: Mutex<Restraint>,
    governed: Option<Mutex<Governed>>,
    grades: Mutex<Grades>,
    foresight: Option<(Prefetcher, Mutex<Foresight>)>,
}

impl PagedExperts {
    /// Loads every expert in full when it is wanted, and nothing ahead.
    pub fn new(cache: Arc<ExpertCache>) -> Self {
        let size = cache.size();
        Self {
            cache,
            on_miss: MissPolicy::default(),
            restraint: Mutex::new(Restraint::None),
            governed: None,
            grades: Mutex::new(Grades::new(size.layers() * size.experts())),
            foresight: None,
        }
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
        let foresight = Foresight::new(self.cache.size(), gates);
        self.foresight = Some((Prefetcher::new(self.cache.clone(), threads), Mutex::new(foresight)));
        self
    }

    /// Has a governor look at the device, every `interval` at most and only while experts are asked for, and
    /// [restrains](Self::restrain) as it demands.
    #[must_use]
    pub fn with_governor(
        mut self,
        sensor: Arc<dyn ConditionSensor>,
        governor: Governor,
        interval: Duration,
    ) -> Self {
        self.governed = Some(Mutex::new(Governed::new(sensor, governor, interval)));
        self
    }

    /// Loads lower copies from now on, as a [`Governor`] demands; what is resident stays.
    pub fn restrain(&self, restraint: Restraint) {
        *lock(&self.restraint) = restraint;
    }

    /// How much precision is given up now.
    pub fn restraint(&self) -> Restraint {
        *lock(&self.restraint)
    }

    /// How often something else than the full copy had to do.
    pub fn stand_ins(&self) -> StandIns {
        lock(&self.grades).stand_ins
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

    /// Looks at the device where it is time to.
    fn govern(&self) -> Restraint {
        let looked = self.governed.as_ref().and_then(|governed| lock(governed).look(self.cache.now()));
        if let Some(restraint) = looked {
            self.restrain(restraint);
        }
        self.restraint()
    }

    /// The low copy of an expert, or the full one where there is no low one.
    fn stand_in(&self, id: ExpertId) -> Result<Pin<'_>, MoeError> {
        match self.cache.pin(ExpertCopy::low(id)) {
            Err(MoeError::NoSuchExpert { .. }) => self.cache.pin(ExpertCopy::full(id)),
            pin => pin,
        }
    }

    /// Counts what an expert is computed with, and tells where that changes.
    fn used(&self, ExpertCopy { id, grade }: ExpertCopy, restraint: Restraint) {
        let expert_id = id.index(self.cache.size().experts());
        let Some(before) = lock(&self.grades).used(expert_id, grade) else { return };
        let bits = |grade| self.cache.bits_of(ExpertCopy { id, grade });
        let (Some(old_bits), Some(new_bits)) = (bits(before), bits(grade)) else { return };
        let reason = match (grade, restraint) {
            (Grade::Full, _) => "it is there in full",
            (Grade::Low, Restraint::None) => "it was absent and weighed little",
            (Grade::Low, _) => "the device is hot, drained or short of memory",
        };
        let reason = reason.into();
        self.cache.tell(&DomainEvent::PrecisionRebalanced { expert_id, old_bits, new_bits, reason });
    }
}

impl ExpertProvider for PagedExperts {
    fn residency(&self, layer: usize, resident: &mut [bool]) {
        assert!(layer < self.cache.size().layers(), "there is no layer {layer}");
        self.cache.enter_layer(layer);
        self.cache.residency(layer, resident);
        if self.govern() != Restraint::None {
            // A low copy will do now.
            for (expert, resident) in resident.iter_mut().enumerate() {
                *resident |= self.cache.is_resident(ExpertCopy::low(ExpertId::new(layer, expert)));
            }
        }
    }

    fn acquire(&self, id: ExpertId, before: f32) -> Result<Option<Box<dyn PinnedExpert + '_>>, PortError> {
        let (full, restraint) = (ExpertCopy::full(id), self.restraint());
        let pin = match self.cache.try_pin(full) {
            Some(pin) => pin,
            None => match self.on_miss.restrained(restraint).action(before) {
                MissAction::Full => self.cache.pin(full)?,
                MissAction::Low => self.stand_in(id)?,
                MissAction::Skip => {
                    lock(&self.grades).stand_ins.skipped += 1;
                    return Ok(None);
                }
            },
        };
        self.used(pin.copy(), restraint);
        Ok(Some(Box::new(pin)))
    }

    fn routed(&self, layer: usize, chosen: &[ExpertChoice], hidden: &[f32]) {
        self.cache.spare(chosen.iter().map(|c| ExpertCopy::full(ExpertId::new(layer, c.expert))));
        if let Some((prefetcher, foresight)) = &self.foresight {
            let mut foresight = lock(foresight);
            if layer != foresight.layer() {
                // The turn of what was guessed for this layer has come: it is loaded now, or it was guessed wrong.
                prefetcher.forget();
            }
            let guess = foresight.see(self.cache.moment(), chosen, hidden);
            let guess = guess.iter().map(|&e| ExpertCopy::full(ExpertId::new(layer + 1, e)));
            prefetcher.request(guess.filter(|&copy| !self.cache.is_resident(copy)));
        }
    }
}
