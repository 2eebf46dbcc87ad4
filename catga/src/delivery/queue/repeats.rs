use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::message::MessageId;

/// How long a stored id is remembered.
const WINDOW: Duration = Duration::from_secs(120);

/// An id, and the wire name of the type it was used for.
pub(super) type Name = (MessageId, &'static str);

/// Ids that were stored within the window: a message of the same type with one of them is not
/// stored again.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: Mutex<Seen>,
    /// Wakes those who wait for a message that is being stored.
    settled: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    /// Whether the message is stored; otherwise somebody is at it.
    stored: HashMap<Name, bool>,
    order: VecDeque<(Instant, Name)>,
}

/// An id that is being stored; forgotten unless it is kept.
#[derive(Debug)]
pub(super) struct StoringId<'a> {
    repeats: &'a Repeats,
    name: Name,
    kept: bool,
}

impl Repeats {
    /// `None` if the message is stored. While somebody else is storing it, this waits: only a
    /// stored message may be called repeated.
    pub(super) async fn claim(&self, name: Name) -> Option<StoringId<'_>> {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            match self.seen().claim(name) {
                Found::Stored => return None,
                Found::Free => {
                    return Some(StoringId {
                        repeats: self,
                        name,
                        kept: false,
                    });
                }
                Found::Pending => {}
            }
            settled.await;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Found {
    Free,
    Pending,
    Stored,
}

impl Seen {
    fn claim(&mut self, name: Name) -> Found {
        let now = Instant::now();
        while let Some((at, old)) = self.order.front().copied()
            && now.duration_since(at) >= WINDOW
        {
            self.order.pop_front();
            self.stored.remove(&old);
        }
        match self.stored.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(false);
                Found::Free
            }
            Entry::Occupied(entry) if *entry.get() => Found::Stored,
            Entry::Occupied(_) => Found::Pending,
        }
    }
}

impl StoringId<'_> {
    /// The message is stored: its id is known from now on, for the window.
    pub(super) fn keep(mut self) {
        self.kept = true;
        let mut seen = self.repeats.seen();
        seen.stored.insert(self.name, true);
        seen.order.push_back((Instant::now(), self.name));
    }
}

impl Drop for StoringId<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.repeats.seen().stored.remove(&self.name);
        }
        self.repeats.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_id_is_known_for_the_window_and_its_type() {
        let repeats = Repeats::default();
        let id = MessageId::new();
        repeats.claim((id, "a")).await.unwrap().keep();
        assert!(repeats.claim((id, "a")).await.is_none());
        repeats.claim((id, "b")).await.unwrap().keep();
        tokio::time::advance(WINDOW).await;
        repeats.claim((id, "a")).await.unwrap().keep();
        assert_eq!(repeats.seen().order.len(), 1);
    }

    #[tokio::test]
    async fn only_a_stored_message_is_a_repeat() {
        let repeats = Repeats::default();
        let name = (MessageId::new(), "a");
        let first = repeats.claim(name).await.unwrap();
        let mut second = Box::pin(repeats.claim(name));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        drop(first);
        let second = second.await.unwrap();
        let mut third = Box::pin(repeats.claim(name));
        assert!(third.as_mut().now_or_never().is_none(), "it waits");
        second.keep();
        assert!(third.await.is_none());
    }
}
