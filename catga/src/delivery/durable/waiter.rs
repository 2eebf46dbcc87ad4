use std::sync::Arc;

use super::Engine;
use super::item::{Item, Loaded};
use super::partition::{Due, Fingerprint};
use super::progress::Progress;
use super::term::Term;
use crate::transport::Position;

/// What waits in a lane.
#[derive(Debug)]
pub(super) enum Waiter {
    /// It has its payload.
    Whole(Box<Item>),
    /// Where it stands, and nothing else: the rest is known of its partition, or fetched again.
    Light(Light),
}

/// A place in the queue of a partition that this node has in this term.
#[derive(Debug)]
pub(super) struct Light {
    pub(super) term: Arc<Term>,
    pub(super) sequence: u64,
    pub(super) fingerprint: Fingerprint,
}

impl Waiter {
    pub(super) fn whole(item: Item) -> Self {
        Self::Whole(Box::new(item))
    }

    pub(super) fn light(item: Item) -> Self {
        Self::Light(Light::of(&item))
    }

    /// Gives its payload up. Nothing of it was tried, so its partition knows all of it.
    pub(super) fn lighten(&mut self) {
        if let Self::Whole(item) = self {
            *self = Self::Light(Light::of(item));
        }
    }

    /// What it is when its turn comes; `None` if it is not waited for any more.
    pub(super) fn item(self, engine: &Engine, key: &Arc<str>) -> Option<Item> {
        match self {
            Self::Whole(item) => {
                let sequence = item.position.sequence;
                let known = progress_of(engine, &item.term, sequence, item.fingerprint)?;
                // Handlers of a term that had ended may have come to their ends since.
                item.progress(|progress| *progress = known);
                Some(*item)
            }
            Self::Light(light) => light.item(engine, key, None),
        }
    }
}

impl Light {
    fn of(item: &Item) -> Self {
        Self {
            term: Arc::clone(&item.term),
            sequence: item.position.sequence,
            fingerprint: item.fingerprint,
        }
    }

    pub(super) fn position(&self) -> Position {
        Position {
            sequence: self.sequence,
            stored: self.fingerprint.stored,
        }
    }

    /// The same with all that is known of it; `None` if it is not waited for any more.
    pub(super) fn item(
        &self,
        engine: &Engine,
        key: &Arc<str>,
        payload: Option<Loaded>,
    ) -> Option<Item> {
        let progress = progress_of(engine, &self.term, self.sequence, self.fingerprint)?;
        let (term, key) = (Arc::clone(&self.term), Some(Arc::clone(key)));
        let position = self.position();
        Some(Item::new(
            term,
            position,
            self.fingerprint,
            key,
            progress,
            payload,
        ))
    }
}

/// How far the handlers of an entry have come that waited in its lane; `None` if it is not waited for
/// any more.
fn progress_of(
    engine: &Engine,
    term: &Term,
    sequence: u64,
    fingerprint: Fingerprint,
) -> Option<Progress> {
    if term.has_ended() {
        return None;
    }
    let due = engine.partition(term.partition).due(sequence, fingerprint);
    match due {
        Due::Waited(progress) => Some(progress),
        Due::Settled => None,
        Due::Unknown => {
            // Unless its term has ended at this very moment, it must come again.
            engine.doubt(engine.current());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred thousand may wait behind one that fails.
    #[test]
    fn what_waits_is_a_few_words() {
        assert!(size_of::<Waiter>() <= 48, "{}", size_of::<Waiter>());
    }
}
