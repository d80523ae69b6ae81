//! From the store to linear layers, without the lock.

use super::ExpertCache;
use super::arena::{Buffer, Reservation};
use super::pin::Weights;
use crate::hash::sha256;
use crate::sync::lock;
use crate::{ExpertCopy, MoeError};
use domain_types::{ExpertPart, PortError};
use std::sync::Arc;

/// A copy that is being loaded. Where a store or codec panics, it leaves the copy absent and wakes those who wait.
pub(super) struct Loading<'a> {
    cache: &'a ExpertCache,
    copy: ExpertCopy,
    ended: bool,
}

impl<'a> Loading<'a> {
    pub(super) fn new(cache: &'a ExpertCache, copy: ExpertCopy) -> Self {
        Self { cache, copy, ended: false }
    }

    /// Reads, verifies and builds; nothing where it was abandoned. The room is given back where nothing comes of it.
    pub(super) fn run(
        mut self,
        room: Reservation,
        abandoned: &dyn Fn() -> bool,
    ) -> Result<Option<Arc<Weights>>, MoeError> {
        let outcome = self.load(room, abandoned);
        self.ended = true;
        outcome
    }

    fn load(
        &self,
        room: Reservation,
        abandoned: &dyn Fn() -> bool,
    ) -> Result<Option<Arc<Weights>>, MoeError> {
        let mut buffer = room.buffer()?;
        let mut attempts = 0;
        while !abandoned() {
            attempts += 1;
            match self.read(buffer.bytes_mut()) {
                Ok(()) => return self.build(buffer).map(Some),
                Err(source) if attempts > self.cache.retries => {
                    return Err(MoeError::Load { copy: self.copy, attempts, source });
                }
                Err(_) => {}
            }
        }
        Ok(None)
    }

    fn read(&self, buffer: &mut [u8]) -> Result<(), PortError> {
        let (store, copy) = (&self.cache.parts.store, self.copy);
        let layout = store.layout(copy.id, copy.grade).ok_or(MoeError::NoSuchExpert { copy })?;
        store.read(copy.id, copy.grade, buffer)?;
        if sha256(layout, buffer) != *layout.sha256() {
            return Err(MoeError::Corrupt { copy }.into());
        }
        Ok(())
    }

    fn build(&self, buffer: Buffer) -> Result<Arc<Weights>, MoeError> {
        let (codecs, copy) = (&self.cache.parts.codecs, self.copy);
        let layout = self.cache.parts.store.layout(copy.id, copy.grade);
        let layout = layout.ok_or(MoeError::NoSuchExpert { copy })?;
        let bytes = buffer.freeze();
        let linear = |part| {
            let tensor = layout.tensor(part, &bytes);
            let linear = codecs.require(tensor.format()).and_then(|codec| codec.linear(tensor));
            linear.map_err(|source| MoeError::Unusable { copy, source })
        };
        let [gate, up, down] = ExpertPart::ALL.map(linear);
        let parts = [gate?, up?, down?];
        Ok(Arc::new(Weights { parts, bytes }))
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        if !self.ended {
            lock(&self.cache.state).drop_load(self.copy, true);
            self.cache.changed.notify_all();
        }
    }
}
