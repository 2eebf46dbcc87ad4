use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Envelope;
use super::lanes::{Closed, Lanes, Turn};
use super::room::Room;
use crate::node::{Core, Entered};
use crate::routing::Key;

mod handlers;
mod letters;
mod mailbox;
mod repeats;
mod work;

use letters::DeadLetters;
use mailbox::Mailbox;
use repeats::Repeats;
pub(crate) use work::start;

/// The queue of a node without a broker: in memory, bounded, in order per key.
///
/// What is stored is handled by a few workers. Each key belongs to one worker, so that its order
/// needs no lock between them; a handler that waits for something leaves its worker and goes on
/// as a task of its own.
#[derive(Debug)]
pub(crate) struct Queue {
    workers: Box<[Worker]>,
    next: AtomicUsize,
    room: Room,
    /// Nothing is stored and nothing is started any more.
    closed: AtomicBool,
    /// Nothing is started for now.
    paused: AtomicBool,
    /// Wakes those who wait until it goes on.
    resumed: Notify,
    pub(crate) dead: DeadLetters,
    repeats: Repeats,
}

type Stored = Arc<Envelope>;

#[derive(Debug, Default)]
struct Worker {
    mailbox: Mailbox,
    lanes: Arc<Lanes<Stored>>,
}

/// Why an envelope was not stored.
#[derive(Debug)]
pub(crate) enum NotStored {
    /// There was no room until the deadline.
    Full,
    /// The node has stopped.
    Closed,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        let workers = match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => Handle::current().metrics().num_workers(),
            _ => 1,
        };
        Self {
            workers: std::iter::repeat_with(Worker::default)
                .take(workers)
                .collect(),
            next: AtomicUsize::new(0),
            room: Room::new(capacity),
            closed: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            resumed: Notify::new(),
            dead: DeadLetters::default(),
            repeats: Repeats::default(),
        }
    }

    /// Stores an envelope if there is room for it now; gives it back otherwise.
    ///
    /// `child` says that a handler stores it, which does not wait for room: it may be one of those
    /// that make room when they end.
    #[inline]
    pub(crate) fn try_store(
        &self,
        entered: Entered<'_>,
        envelope: Stored,
        child: bool,
    ) -> Result<(), (Stored, NotStored)> {
        if child {
            self.room.force();
        } else if !self.room.try_take() {
            return Err((envelope, NotStored::Full));
        }
        self.push(entered, envelope)
            .map_err(|envelope| (envelope, NotStored::Closed))
    }

    /// Stores an envelope. `given` says that its id did not come from chance, so that it may be
    /// here already: then nothing is stored, and the answer is `true`.
    pub(crate) async fn store(
        core: &Core,
        entered: Entered<'_>,
        envelope: Stored,
        given: bool,
        child: bool,
        deadline: Instant,
    ) -> Result<bool, NotStored> {
        let queue = &core.queue;
        let name = (envelope.id, envelope.info.name());
        let claim = if given {
            match core.until(deadline, queue.repeats.claim(name)).await {
                Some(Some(claim)) => Some(claim),
                Some(None) => return Ok(true),
                None => return Err(NotStored::Full),
            }
        } else {
            None
        };
        if child {
            queue.room.force();
        } else if !queue.room.try_take() {
            match core.until(deadline, queue.room.take()).await {
                Some(Ok(())) => {}
                Some(Err(_)) => return Err(NotStored::Closed),
                None => return Err(NotStored::Full),
            }
        }
        queue
            .push(entered, envelope)
            .map_err(|_| NotStored::Closed)?;
        if let Some(claim) = claim {
            claim.keep();
        }
        Ok(false)
    }

    /// To its worker. One that is gone takes nothing more: its node has stopped.
    #[inline]
    fn push(&self, entered: Entered<'_>, envelope: Stored) -> Result<(), Stored> {
        self.worker(envelope.key.as_deref())
            .mailbox
            .push(envelope)?;
        entered.stay();
        Ok(())
    }

    /// Waits for a turn in the lane of a key.
    pub(crate) async fn turn(core: &Arc<Core>, key: Arc<str>) -> Result<Turn<Stored>, Closed> {
        let lanes = &core.queue.worker(Some(&key)).lanes;
        lanes.turn(key, work::resume(core, lanes)).await
    }

    fn worker(&self, key: Option<&str>) -> &Worker {
        let workers = self.workers.len();
        let number = match key {
            _ if workers == 1 => 0,
            Some(key) => Key::from_text(key).fnv1a32() as usize % workers,
            None => self.next.fetch_add(1, Ordering::Relaxed) % workers,
        };
        &self.workers[number]
    }

    /// Starts nothing for now, or goes on.
    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
        if !paused {
            for worker in &self.workers {
                worker.mailbox.wake();
            }
            self.resumed.notify_waiters();
        }
    }

    /// Completes while it is not paused. Every attempt asks.
    pub(crate) async fn resumed(&self) {
        while self.is_paused() {
            let mut resumed = std::pin::pin!(self.resumed.notified());
            resumed.as_mut().enable();
            if self.is_paused() {
                resumed.await;
            }
        }
    }

    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Nothing more is stored or started: the node has stopped.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.room.close();
        for worker in &self.workers {
            worker.mailbox.close();
            worker.lanes.close();
        }
    }

    #[inline]
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
