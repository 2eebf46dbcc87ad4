use std::sync::atomic::{AtomicUsize, Ordering};

/// The place of a message type in every node's table: one load in place of a map look-up.
///
/// Places are given out when a node is built, to the types it handles; 0 is nobody's.
#[derive(Debug)]
pub(crate) struct Slot(AtomicUsize);

static NEXT: AtomicUsize = AtomicUsize::new(1);

impl Slot {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The place, or 0 where no node of this process handles the type yet.
    #[inline]
    pub(crate) fn get(&self) -> usize {
        // A number alone, set once: it orders nothing else.
        self.0.load(Ordering::Relaxed)
    }

    /// The place, given out now if need be.
    pub(crate) fn assign(&self) -> usize {
        match self.get() {
            0 => {
                let next = NEXT.fetch_add(1, Ordering::Relaxed);
                // Two nodes that start at once agree on the first number; the other stays unused.
                self.0
                    .compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed)
                    .map_or_else(|first| first, |_| next)
            }
            index => index,
        }
    }
}
