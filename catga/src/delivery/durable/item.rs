use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::partition::Fingerprint;
use super::progress::Progress;
use super::suspects::Suspicion;
use super::term::{Running, Term};
use crate::delivery::Envelope;
use crate::delivery::room::Room;
use crate::message::{ContentType, MessageInfo};
use crate::node::Core;
use crate::transport::{Entry, Malformed, Position, Ticket};
use crate::wiring::Row;

/// A stored message in the hands of this node.
///
/// What waits for long keeps its position and gives its payload up: it is fetched again.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) term: Arc<Term>,
    pub(super) position: Position,
    pub(super) fingerprint: Fingerprint,
    /// What a shared queue gave it out with; `None` for what came from a partition.
    pub(super) ticket: Option<Ticket>,
    /// There if it may have been running when its owner, or another consumer, died.
    pub(super) suspicion: Option<Box<Suspicion>>,
    pub(super) key: Option<Arc<str>>,
    progress: Mutex<Progress>,
    payload: Mutex<Option<Loaded>>,
    /// The attempt that brought it to its end.
    last: Mutex<Option<Running>>,
}

/// A payload, and its part of the room for payloads.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) content: Content,
    _room: Arc<RoomGuard>,
}

/// An entry, as far as this node can read it.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A message of a type that it handles.
    Message(Arc<Entry>, Arc<Envelope>),
    /// A message of a type that it does not know.
    Foreign(Arc<Entry>),
    /// A message in a format that it does not know.
    Unreadable(Arc<Entry>),
    /// No message.
    Malformed(Arc<Malformed>),
}

#[derive(Debug)]
struct RoomGuard(Arc<Room>);

impl Drop for RoomGuard {
    fn drop(&mut self) {
        self.0.give(1);
    }
}

impl Loaded {
    /// What came, which takes room whether there is any or not.
    pub(super) fn of(
        core: &Core,
        room: &Arc<Room>,
        entry: Result<Arc<Entry>, Malformed>,
        fence: u64,
    ) -> Self {
        room.force();
        Self {
            content: Content::of(core, entry, fence),
            _room: Arc::new(RoomGuard(Arc::clone(room))),
        }
    }
}

impl Content {
    fn of(core: &Core, entry: Result<Arc<Entry>, Malformed>, fence: u64) -> Self {
        let entry = match entry {
            Ok(entry) => entry,
            Err(malformed) => return Self::Malformed(Arc::new(malformed)),
        };
        let message = core.wiring.message(&entry.name);
        let info = message.map(crate::wiring::WiredMessage::info);
        // What is only asked or broadcast here is as unknown as the rest.
        let stored = |info: &&MessageInfo| core.table.row(info).is_some_and(Row::handles_stored);
        let Some(info) = info.filter(stored) else {
            return Self::Foreign(entry);
        };
        let Some(content_type) = ContentType::parse(&entry.content_type) else {
            return Self::Unreadable(entry);
        };
        let envelope = Envelope {
            id: entry.id,
            info,
            made: entry.time,
            key: entry.key.clone(),
            headers: entry.headers.clone(),
            content_type,
            payload: entry.payload.clone(),
            only: None,
            fence: Some(fence),
        };
        Self::Message(entry, Arc::new(envelope))
    }
}

impl Item {
    pub(super) fn new(
        term: Arc<Term>,
        position: Position,
        fingerprint: Fingerprint,
        key: Option<Arc<str>>,
        progress: Progress,
        payload: Option<Loaded>,
    ) -> Self {
        Self {
            suspicion: term.suspects(position.sequence).then(Box::default),
            term,
            position,
            fingerprint,
            ticket: None,
            key,
            progress: Mutex::new(progress),
            payload: Mutex::new(payload),
            last: Mutex::default(),
        }
    }

    /// The same, out of a shared queue.
    pub(super) fn with_ticket(mut self, ticket: Ticket, suspect: bool) -> Self {
        self.ticket = Some(ticket);
        self.suspicion = suspect.then(Box::default);
        self
    }

    pub(super) fn payload(&self) -> Option<Loaded> {
        self.held().clone()
    }

    /// Gives its payload up, to be fetched again. That of a shared queue cannot be, and stays.
    pub(super) fn lighten(&self) {
        if self.ticket.is_none() {
            self.let_go();
        }
    }

    /// Gives its payload up: nothing more is done with it here.
    pub(super) fn let_go(&self) {
        let payload = self.held().take();
        // Not under the lock.
        drop(payload);
    }

    /// Has its payload again.
    pub(super) fn load(&self, payload: Loaded) {
        *self.held() = Some(payload);
    }

    /// Looks at, or changes, how far its handlers have come.
    pub(super) fn progress<T>(&self, look: impl FnOnce(&mut Progress) -> T) -> T {
        look(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It is at its end, which is not written down yet: its term is not idle before.
    pub(super) fn keep(&self, last: Running) {
        *self.last() = Some(last);
    }

    /// What became of it is written down.
    pub(super) fn rest(&self) {
        let last = self.last().take();
        // Not under the lock.
        drop(last);
    }

    fn last(&self) -> MutexGuard<'_, Option<Running>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.payload.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
