use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use super::lanes::{Lanes, Resume, Turn};
use super::{BoxFuture, DeadLetters, Envelope, attempt};
use crate::message::MessageId;
use crate::node::{Core, Entered, Gauge, Phase};
use crate::routing::Key;

mod repeats;

use repeats::Repeats;

/// Most envelopes that a worker takes from its queue at once.
const BATCH: usize = 64;

/// The queue of a node without a broker: in memory, bounded, in order per key.
///
/// What is stored is handled by a few workers. Each key belongs to one worker, so that its order
/// needs no lock between them; a handler that waits for something leaves its worker and goes on
/// as a task of its own.
#[derive(Debug)]
pub(crate) struct Queue {
    workers: Box<[Worker]>,
    next: AtomicUsize,
    room: Semaphore,
    /// What is stored and not handled yet.
    pub(crate) unfinished: Gauge,
    /// Bounds the attempts that run at once; what waits for its next attempt holds none.
    pub(crate) in_flight: Semaphore,
    pub(crate) dead: DeadLetters,
    repeats: Repeats,
    dropped_broadcasts: AtomicU64,
}

#[derive(Debug)]
struct Worker {
    queue: mpsc::UnboundedSender<Envelope>,
    lanes: Arc<Lanes>,
}

/// The receiving ends of a [`Queue`], one for each worker.
pub(crate) type Intakes = Vec<mpsc::UnboundedReceiver<Envelope>>;

/// Why an envelope was not stored.
#[derive(Debug)]
pub(crate) enum NotStored {
    /// There was no room until the deadline.
    Full,
    /// The node has stopped.
    Closed,
}

impl Queue {
    pub(crate) fn new(capacity: usize, in_flight: usize) -> (Self, Intakes) {
        let workers = match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => Handle::current().metrics().num_workers(),
            _ => 1,
        };
        let (workers, intakes): (Vec<_>, Vec<_>) = std::iter::repeat_with(|| {
            let (queue, intake) = mpsc::unbounded_channel();
            let lanes = Arc::new(Lanes::default());
            (Worker { queue, lanes }, intake)
        })
        .take(workers)
        .unzip();
        let queue = Self {
            workers: workers.into(),
            next: AtomicUsize::new(0),
            room: Semaphore::new(capacity),
            unfinished: Gauge::default(),
            in_flight: Semaphore::new(in_flight),
            dead: DeadLetters::default(),
            repeats: Repeats::default(),
            dropped_broadcasts: AtomicU64::new(0),
        };
        (queue, intakes)
    }

    /// Stores an envelope. `given` says that its id did not come from chance, so that it may be
    /// here already: then nothing is stored, and the answer is `true`.
    pub(crate) async fn store(
        &self,
        entered: Entered<'_>,
        envelope: Envelope,
        given: bool,
        deadline: Instant,
    ) -> Result<bool, NotStored> {
        let name = (envelope.id, envelope.info.name());
        let claim = if given {
            match timeout_at(deadline, self.repeats.claim(name)).await {
                Ok(Some(claim)) => Some(claim),
                Ok(None) => return Ok(true),
                Err(_) => return Err(NotStored::Full),
            }
        } else {
            None
        };
        match self.room.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => match timeout_at(deadline, self.room.acquire()).await {
                Ok(Ok(permit)) => permit.forget(),
                Ok(Err(_)) => return Err(NotStored::Closed),
                Err(_) => return Err(NotStored::Full),
            },
        }
        // A worker that is gone takes nothing more: its node has stopped.
        self.worker(envelope.key.as_deref())
            .queue
            .send(envelope)
            .map_err(|_| NotStored::Closed)?;
        entered.stay();
        if let Some(claim) = claim {
            claim.keep();
        }
        Ok(false)
    }

    /// Waits for a turn in the lane of a key.
    pub(crate) async fn turn(core: &Arc<Core>, key: Arc<str>) -> Option<Turn> {
        let lanes = Arc::clone(&core.queue.worker(Some(&key)).lanes);
        let resume = resume(core, &lanes);
        lanes.turn(key, resume).await
    }

    fn worker(&self, key: Option<&str>) -> &Worker {
        let number = match key {
            Some(key) => Key::from_text(key).fnv1a32() as usize,
            None => self.next.fetch_add(1, Ordering::Relaxed),
        };
        &self.workers[number % self.workers.len()]
    }

    pub(super) fn drop_broadcast(&self) {
        self.dropped_broadcasts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped_broadcasts(&self) -> u64 {
        self.dropped_broadcasts.load(Ordering::Relaxed)
    }

    /// Nothing more is stored: the node has stopped.
    pub(crate) fn close(&self) {
        self.room.close();
    }
}

/// Starts the workers of a node.
pub(crate) fn start(core: &Arc<Core>, intakes: Intakes) {
    for (number, intake) in intakes.into_iter().enumerate() {
        let lanes = Arc::clone(&core.queue.workers[number].lanes);
        tokio::spawn(work(Arc::clone(core), lanes, intake));
    }
}

async fn work(core: Arc<Core>, lanes: Arc<Lanes>, mut intake: mpsc::UnboundedReceiver<Envelope>) {
    let mut stopped = pin!(core.lifecycle.stopped());
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let received = poll_fn(|cx| {
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(0);
            }
            intake.poll_recv_many(cx, &mut batch, BATCH)
        })
        .await;
        if received == 0 {
            return;
        }
        for envelope in batch.drain(..) {
            if let Some(envelope) = lanes.enter(envelope) {
                run_now(&core, &lanes, envelope).await;
            }
        }
    }
}

/// Runs as far as it goes without waiting; the rest becomes a task.
async fn run_now(core: &Arc<Core>, lanes: &Arc<Lanes>, envelope: Envelope) {
    let mut running: BoxFuture<'static, ()> =
        Box::pin(run(Arc::clone(core), Arc::clone(lanes), envelope));
    let waits = poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx).is_pending())).await;
    if waits {
        spawn(core, running);
    }
}

/// Handles an envelope, then what has come into its lane since.
async fn run(core: Arc<Core>, lanes: Arc<Lanes>, envelope: Envelope) {
    let mut next = Some(envelope);
    while let Some(envelope) = next.take() {
        let handling = Handling {
            core: &core,
            lanes: &lanes,
            key: envelope.key.clone(),
            done: false,
        };
        attempt::handle(&core, envelope).await;
        next = handling.done();
    }
}

/// An envelope that is being handled: its room and its lane are given back, whatever happens.
struct Handling<'a> {
    core: &'a Arc<Core>,
    lanes: &'a Arc<Lanes>,
    key: Option<Arc<str>>,
    done: bool,
}

impl Handling<'_> {
    /// The next one in the lane.
    fn done(mut self) -> Option<Envelope> {
        self.leave()
    }

    fn leave(&mut self) -> Option<Envelope> {
        self.done = true;
        self.core.queue.room.add_permits(1);
        self.core.queue.unfinished.leave();
        let key = self.key.take()?;
        self.lanes.leave(&key, &resume(self.core, self.lanes))
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        // Dropped with its node, nothing goes on. Otherwise its task panicked where no handler
        // was at work, and the others of its key must not wait for ever.
        if !self.done
            && self.core.lifecycle.phase() != Phase::Stopped
            && let Some(envelope) = self.leave()
        {
            resume(self.core, self.lanes)(envelope);
        }
    }
}

fn resume(core: &Arc<Core>, lanes: &Arc<Lanes>) -> Resume {
    let (core, lanes) = (Arc::clone(core), Arc::clone(lanes));
    Arc::new(move |envelope| {
        spawn(
            &core,
            Box::pin(run(Arc::clone(&core), Arc::clone(&lanes), envelope)),
        );
    })
}

/// Spawns a future that ends with the node.
pub(super) fn spawn(core: &Arc<Core>, running: BoxFuture<'static, ()>) {
    let node = Arc::clone(core);
    core.runtime.spawn(async move {
        let stopped = pin!(node.lifecycle.stopped());
        futures_util::future::select(running, stopped).await;
    });
}

/// The id of the n-th message of a batch whose id was given.
pub(crate) fn nth_id(id: MessageId, n: usize) -> MessageId {
    if n == 0 {
        return id;
    }
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(id.as_uuid().as_bytes());
    bytes[16..].copy_from_slice(&(n as u64).to_be_bytes());
    MessageId::from_hash(xxhash_rust::xxh3::xxh3_128(&bytes))
}
