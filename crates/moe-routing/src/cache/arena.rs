//! Memory that is counted before it is taken and until it is given back.

use crate::MoeError;
use crate::sync::{Mutex, lock};
use domain_types::Bytes;
use std::sync::Arc;

/// A budget of bytes. Who wants memory reserves it first, and a buffer keeps its reservation until the last handle on
/// its bytes is gone: what is in use never exceeds the budget.
#[derive(Debug, Clone)]
pub struct Arena {
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Debug)]
struct Ledger {
    /// What may be used in the end.
    budget: usize,
    /// What may be used now: more than the budget only while pinned experts keep a lowered budget from being reached,
    /// and then no more than they use.
    limit: usize,
    used: usize,
    peak: usize,
}

impl Arena {
    pub(super) fn new(budget: usize) -> Self {
        Self { ledger: Arc::new(Mutex::new(Ledger { budget, limit: budget, used: 0, peak: 0 })) }
    }

    /// Bytes that may be used.
    pub fn budget(&self) -> usize {
        lock(&self.ledger).budget
    }

    /// Bytes in use or reserved now.
    pub fn used(&self) -> usize {
        lock(&self.ledger).used
    }

    /// Most bytes that were in use at once.
    pub fn peak(&self) -> usize {
        lock(&self.ledger).peak
    }

    /// Bytes by which use exceeds a budget that was lowered.
    pub fn over(&self) -> usize {
        let ledger = lock(&self.ledger);
        ledger.used.saturating_sub(ledger.budget)
    }

    pub(super) fn set_budget(&self, budget: usize) {
        let mut ledger = lock(&self.ledger);
        (ledger.budget, ledger.limit) = (budget, budget.max(ledger.used));
    }

    /// So many bytes, if there is room for them.
    pub(super) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut ledger = lock(&self.ledger);
        let used = ledger.used.checked_add(bytes).filter(|&used| used <= ledger.limit)?;
        (ledger.used, ledger.peak) = (used, ledger.peak.max(used));
        Some(Reservation { ledger: self.ledger.clone(), bytes })
    }
}

/// Bytes that belong to someone.
#[derive(Debug)]
pub(super) struct Reservation {
    ledger: Arc<Mutex<Ledger>>,
    bytes: usize,
}

impl Reservation {
    /// A zeroed buffer of the reserved size.
    pub(super) fn buffer(self) -> Result<Buffer, MoeError> {
        let mut bytes = Vec::new();
        let got = bytes.try_reserve_exact(self.bytes);
        got.map_err(|_| MoeError::OutOfMemory { bytes: self.bytes })?;
        bytes.resize(self.bytes, 0);
        Ok(Buffer { bytes, _reservation: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut ledger = lock(&self.ledger);
        ledger.used -= self.bytes;
        ledger.limit = ledger.budget.max(ledger.used);
    }
}

/// Memory with its reservation, which outlives it: fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    _reservation: Reservation,
}

impl Buffer {
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Shared bytes; the reservation ends with the last handle.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::thread;

    #[test]
    fn use_never_exceeds_the_budget_under_any_schedule() {
        shuttle::check_random(
            || {
                let arena = Arena::new(10);
                let takers: Vec<_> = [4, 5, 6]
                    .into_iter()
                    .map(|bytes| {
                        let arena = arena.clone();
                        thread::spawn(move || {
                            let held = arena.reserve(bytes).map(|r| r.buffer().unwrap().freeze());
                            let ledger = lock(&arena.ledger);
                            assert!(ledger.used <= ledger.limit, "{ledger:?}");
                            drop(ledger);
                            drop(held);
                        })
                    })
                    .collect();
                arena.set_budget(7);
                for taker in takers {
                    taker.join().unwrap();
                }
                assert_eq!((arena.used(), arena.over()), (0, 0));
                assert!(arena.peak() <= 10);
            },
            300,
        );
    }

    #[test]
    fn a_lowered_budget_ratchets_down() {
        shuttle::check_random(
            || {
                let arena = Arena::new(10);
                let (first, second) = (arena.reserve(6).unwrap(), arena.reserve(4).unwrap());
                arena.set_budget(5);
                assert_eq!(arena.over(), 5);
                drop(second);
                assert!(arena.reserve(1).is_none(), "what was given back under a lowered budget is gone");
                let shared = first.buffer().unwrap().freeze();
                let part = shared.slice(2..3);
                drop(shared);
                assert_eq!(arena.used(), 6, "a handle on a part keeps the whole");
                drop(part);
                assert!(arena.reserve(6).is_none() && arena.reserve(5).is_some());
            },
            1,
        );
    }
}
