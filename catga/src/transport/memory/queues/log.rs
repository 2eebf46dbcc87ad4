use std::collections::VecDeque;
use std::sync::Arc;

use crate::transport::{Entry, Position};

/// The entries of a partition, in order.
///
/// What is removed leaves a gap that is closed once half of the log is gaps, so that removing is
/// cheap and an old entry that stays does not keep the room of those behind it.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    slots: VecDeque<Slot>,
    live: usize,
}

#[derive(Debug, Clone)]
struct Slot {
    position: Position,
    entry: Option<Arc<Entry>>,
}

/// A log this short is left as it is.
const SHORT: usize = 64;

impl Log {
    pub(super) fn push(&mut self, position: Position, entry: Arc<Entry>) {
        let entry = Some(entry);
        self.slots.push_back(Slot { position, entry });
        self.live += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn get(&self, position: Position) -> Option<&Arc<Entry>> {
        let at = self.find(position)?;
        self.slots[at].entry.as_ref()
    }

    /// Does nothing for what is not there any more.
    pub(super) fn remove(&mut self, position: Position) {
        let found = self.find(position);
        let Some(at) = found.filter(|at| self.slots[*at].entry.is_some()) else {
            return;
        };
        self.slots[at].entry = None;
        self.live -= 1;
        // Both ends are entries, which is what `oldest` and `newest` rest on.
        while self.slots.front().is_some_and(|slot| slot.entry.is_none()) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(|slot| slot.entry.is_none()) {
            self.slots.pop_back();
        }
        let length = self.slots.len();
        if length > SHORT && self.live * 2 < length {
            self.slots.retain(|slot| slot.entry.is_some());
        }
        if self.slots.capacity() > SHORT * 16 && self.slots.len() * 8 < self.slots.capacity() {
            self.slots.shrink_to(self.slots.len() * 2);
        }
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.slots.front().map(|slot| slot.position.sequence)
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.slots.back().map(|slot| slot.position.sequence)
    }

    /// What stands behind a sequence.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = (Position, &Arc<Entry>)> {
        let start = self
            .slots
            .partition_point(|slot| slot.position.sequence <= sequence);
        self.slots
            .range(start..)
            .filter_map(|slot| Some((slot.position, slot.entry.as_ref()?)))
    }

    fn find(&self, position: Position) -> Option<usize> {
        let at = self
            .slots
            .binary_search_by_key(&position.sequence, |slot| slot.position.sequence)
            .ok()?;
        (self.slots[at].position == position).then_some(at)
    }
}
