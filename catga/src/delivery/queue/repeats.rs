use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::message::MessageId;

/// How long a stored id is remembered.
const WINDOW: Duration = Duration::from_secs(120);

/// Ids that were stored within the window: a message with one of them is not stored again.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<MessageId>,
    order: VecDeque<(Instant, MessageId)>,
}

/// An id that is being stored; forgotten unless it is kept.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    repeats: &'a Repeats,
    id: MessageId,
    kept: bool,
}

impl Repeats {
    /// `None` if the id is known.
    pub(super) fn claim(&self, id: MessageId) -> Option<Claim<'_>> {
        let now = Instant::now();
        let mut seen = self.seen();
        while let Some((at, old)) = seen.order.front().copied()
            && now.duration_since(at) >= WINDOW
        {
            seen.order.pop_front();
            seen.ids.remove(&old);
        }
        seen.ids.insert(id).then(|| Claim {
            repeats: self,
            id,
            kept: false,
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// The message is stored: its id is known from now on, for the window.
    pub(super) fn keep(mut self) {
        self.kept = true;
        self.repeats
            .seen()
            .order
            .push_back((Instant::now(), self.id));
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.repeats.seen().ids.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_id_is_known_for_the_window() {
        let repeats = Repeats::default();
        let id = MessageId::new();
        repeats.claim(id).unwrap().keep();
        assert!(repeats.claim(id).is_none());
        tokio::time::advance(WINDOW).await;
        repeats.claim(id).unwrap().keep();
        assert_eq!(repeats.seen().order.len(), 1);
    }

    #[tokio::test]
    async fn an_id_that_was_not_stored_is_not_known() {
        let repeats = Repeats::default();
        let id = MessageId::new();
        drop(repeats.claim(id).unwrap());
        assert!(repeats.claim(id).is_some());
    }
}
