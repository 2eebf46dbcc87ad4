use std::collections::HashMap;
use std::sync::Arc;

/// Partitions that forgot how far they had counted: how their sequences are told.
#[derive(Debug, Default)]
pub(super) struct Sequences(HashMap<(Arc<str>, u32), Counted>);

#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    /// The last one that is known, as the broker itself counts.
    last: u64,
    /// How many of them are forgotten.
    forgotten: u64,
}

impl Sequences {
    fn of(&mut self, service: &Arc<str>, partition: u32) -> &mut Counted {
        self.0.entry((Arc::clone(service), partition)).or_default()
    }

    /// A partition is empty, and begins again.
    pub(super) fn forget(&mut self, service: &Arc<str>, partition: u32) {
        let counted = self.of(service, partition);
        counted.forgotten = counted.last;
    }

    /// How the broker's own sequence is told.
    pub(super) fn tell(&mut self, service: &Arc<str>, partition: u32, sequence: u64) -> u64 {
        let counted = self.of(service, partition);
        counted.last = counted.last.max(sequence);
        sequence.saturating_sub(counted.forgotten)
    }

    /// The broker's own sequence of one that was told.
    pub(super) fn own(&mut self, service: &Arc<str>, partition: u32, told: u64) -> u64 {
        told + self.of(service, partition).forgotten
    }
}
