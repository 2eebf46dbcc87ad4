use std::sync::Arc;

use crate::sparse::Sparse;
use crate::transport::{Entry, Position};

/// The entries of a partition, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Sparse<Stored>);

#[derive(Debug, Clone)]
struct Stored {
    at: u64,
    entry: Arc<Entry>,
}

impl Log {
    pub(super) fn push(&mut self, position: Position, entry: Arc<Entry>) {
        let at = position.stored;
        self.0.insert(position.sequence, Stored { at, entry });
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, position: Position) -> Option<&Arc<Entry>> {
        let stored = self.0.get(position.sequence)?;
        (stored.at == position.stored).then_some(&stored.entry)
    }

    /// Does nothing for what is not there any more.
    pub(super) fn remove(&mut self, position: Position) {
        let is_there = |stored: &Stored| stored.at == position.stored;
        self.0.remove_if(position.sequence, is_there);
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.0.first().map(|(sequence, _)| sequence)
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.0.last().map(|(sequence, _)| sequence)
    }

    /// What stands behind a sequence.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = (Position, &Arc<Entry>)> {
        self.0
            .after(sequence)
            .map(|(sequence, Stored { at, entry })| {
                let stored = *at;
                (Position { sequence, stored }, entry)
            })
    }
}
