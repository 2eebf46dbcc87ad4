//! A node that stores and handles what the broker keeps, and its tasks.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, watch};

use super::acks::{self, Acks};
use super::item::Item;
use super::partition::Partition;
use super::run::{self, End};
use super::shared::{self, SharedHold};
use super::term::Term;
use super::waiter::Waiter;
use super::writer::Writer;
use super::{door, intake};
use crate::cluster::{Cluster, Tenures};
use crate::delivery::lanes::{Closed, Lanes};
use crate::delivery::room::Room;
use crate::delivery::turn::LaneTurn;
use crate::node::Core;
use crate::transport::{Ack, Generation, Release, Ticket};

/// How many of a lane keep their payload while they wait.
pub(super) const HEAVY: usize = 64;
/// How many messages of unknown types may be in hand without taking room from the others.
const STRANGERS: usize = 1_024;

/// How much a node in a cluster takes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many messages it holds with their payloads.
    pub(crate) held: usize,
    /// In how many crashes a message may have been running.
    pub(crate) crashes: NonZeroU32,
}

/// The durable part of a node in a cluster.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) cluster: Arc<Cluster>,
    pub(super) service: Arc<str>,
    pub(super) limits: Limits,
    pub(super) writer: Arc<Writer>,
    partitions: Box<[Mutex<Partition>]>,
    pub(super) terms: Mutex<BTreeMap<u32, Arc<Term>>>,
    pub(super) shared: SharedHold,
    pub(super) lanes: Arc<Lanes<Waiter>>,
    /// For payloads of messages with keys.
    pub(super) room: Arc<Room>,
    /// How many entries are received and not handled.
    pub(super) waiting: AtomicUsize,
    reader: Mutex<Reader>,
    /// The last generation of which something may be lost.
    doubtful: AtomicU64,
    pub(super) acks: Acks,
    /// Told when the intake has something to look at.
    pub(super) due: Arc<Notify>,
    /// One suspect at a time.
    pub(super) alone: Semaphore,
    /// For messages of the shared queue that wait here for a node that knows them.
    pub(super) strangers: Semaphore,
    pub(super) draining: watch::Sender<bool>,
    /// Whether nothing is read: the intake has come to its end, or never began.
    pub(super) drained: watch::Sender<bool>,
}

/// The generation that reads now.
#[derive(Debug, Default)]
struct Reader {
    last: u64,
    current: Option<(u64, Arc<Generation>)>,
}

/// What acknowledges a message together with its dead letter.
#[derive(Debug)]
pub(super) enum Acked {
    Partition(Arc<Generation>, Ack),
    Shared(Ticket),
}

impl Acked {
    pub(super) fn release(&self) -> Release<'_> {
        match self {
            Self::Partition(generation, ack) => Release::Partition(generation, *ack),
            Self::Shared(ticket) => Release::Shared(ticket.clone()),
        }
    }
}

impl Engine {
    pub(crate) fn new(cluster: &Arc<Cluster>, limits: Limits, epoch: u64) -> Arc<Self> {
        let due = Arc::<Notify>::default();
        Arc::new(Self {
            service: Arc::clone(&cluster.service),
            limits,
            writer: Writer::new(Arc::clone(cluster)),
            partitions: (0..cluster.settings.partitions)
                .map(|_| Mutex::default())
                .collect(),
            terms: Mutex::default(),
            shared: SharedHold::new(epoch, &due, limits.held),
            lanes: Arc::default(),
            room: Arc::new(Room::new(limits.held)),
            waiting: AtomicUsize::new(0),
            reader: Mutex::default(),
            doubtful: AtomicU64::new(0),
            acks: Acks::default(),
            due,
            alone: Semaphore::new(1),
            strangers: Semaphore::new(STRANGERS),
            draining: watch::Sender::new(false),
            drained: watch::Sender::new(true),
            cluster: Arc::clone(cluster),
        })
    }

    /// Starts to handle what the service takes.
    pub(crate) fn start(self: &Arc<Self>, core: &Arc<Core>, front_door: bool) {
        if front_door {
            core.spawn(Box::pin(door::run(Arc::clone(core), Arc::clone(self))));
        }
        self.drained.send_replace(false);
        // Before anything can begin.
        self.pause(self.is_paused());
        let tenures = self.cluster.handover.attend();
        let tasks: [crate::transport::BoxFuture<'static, ()>; 7] = [
            Box::pin(guard(Arc::clone(self), tenures.clone())),
            Box::pin(intake::run(Arc::clone(core), Arc::clone(self), tenures)),
            Box::pin(shared::run(Arc::clone(core), Arc::clone(self))),
            Box::pin(shared::extend(Arc::clone(self))),
            Box::pin(pauses(Arc::clone(self))),
            Box::pin(acks::run(Arc::clone(self))),
            Box::pin(acks::prove(Arc::clone(self))),
        ];
        for task in tasks {
            core.spawn(task);
        }
    }

    /// Waits for a turn in the lane of a key.
    pub(crate) async fn turn(
        core: &Arc<Core>,
        engine: &Arc<Self>,
        key: Arc<str>,
    ) -> Result<Box<dyn LaneTurn>, Closed> {
        let turn = engine.lanes.turn(key, run::resume(core, engine)).await?;
        Ok(Box::new(turn))
    }

    /// Nothing is started any more: the node has stopped.
    pub(crate) fn close(&self) {
        self.room.close();
        self.shared.close();
        self.lanes.close();
        self.end_all();
    }

    /// Stops handling, or goes on: the service is paused, or the node has no lease.
    fn pause(&self, paused: bool) {
        if paused {
            self.shared.term.stop();
            // At once: the intake may be waiting for the broker.
            for term in self.terms().values() {
                term.stop();
            }
        } else if !self.is_draining() {
            self.shared.term.resume();
            // Whoever drains says so first, and stops the term then.
            if self.is_draining() {
                self.shared.term.stop();
            }
        }
        self.due.notify_one();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.cluster.handover.is_paused()
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Completes when the node begins to drain.
    pub(super) async fn drains(&self) {
        let mut draining = self.draining.subscribe();
        // The sender is a field of `self`, so it cannot be gone.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    pub(super) fn terms(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Term>>> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions of this node.
    pub(super) fn held(&self) -> Vec<u32> {
        self.terms().keys().copied().collect()
    }

    pub(super) fn partition(&self, number: u32) -> MutexGuard<'_, Partition> {
        let at = number as usize % self.partitions.len();
        self.partitions[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A name that was never used.
    pub(super) fn next_generation(&self) -> (u64, Arc<Generation>) {
        let mut reader = self.reader();
        reader.last += 1;
        let owner = self.cluster.life();
        let generation = Generation {
            service: Arc::clone(&self.service),
            name: format!("{}-{owner}-{}", self.cluster.me, reader.last),
        };
        (reader.last, Arc::new(generation))
    }

    pub(super) fn begin_generation(&self, number: u64, name: Arc<Generation>) {
        self.reader().current = Some((number, name));
    }

    pub(super) fn end_generation(&self) -> Option<Arc<Generation>> {
        self.reader().current.take().map(|(_, name)| name)
    }

    /// The name of a generation, if it is the one that reads.
    pub(super) fn generation(&self, number: u64) -> Option<Arc<Generation>> {
        let reader = self.reader();
        let (current, name) = reader.current.as_ref()?;
        (*current == number).then(|| Arc::clone(name))
    }

    pub(super) fn current(&self) -> u64 {
        self.reader()
            .current
            .as_ref()
            .map_or(0, |(number, _)| *number)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of a generation may be lost: it is read anew.
    pub(super) fn doubt(&self, generation: u64) {
        self.doubtful.fetch_max(generation, Ordering::Relaxed);
        self.due.notify_one();
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        let current = self.current();
        current != 0 && self.doubtful.load(Ordering::Relaxed) >= current
    }

    /// All behind an item wait with it.
    pub(super) fn block(&self, item: &Item) {
        if let Some(key) = &item.key {
            self.lanes.block(key);
            // Whatever came behind so many is light: a hundred thousand may wait, and all other
            // keys would wait for a look at each.
            self.lanes.first(key, HEAVY, Waiter::lighten);
        }
    }

    /// What was tried of an item is known to the next owner, if there is a planned one.
    pub(super) fn tried(&self, item: &Item) {
        if item.ticket.is_none() {
            let progress = item.progress(|progress| progress.clone());
            self.partition(item.term.partition).tried(
                item.position.sequence,
                item.fingerprint,
                progress,
            );
        }
    }

    /// What acknowledges an item now; `None` while it is sent by a generation of the past: it will
    /// come again.
    pub(super) fn release_of(&self, item: &Item) -> Option<Acked> {
        if let Some(ticket) = &item.ticket {
            return Some(Acked::Shared(ticket.clone()));
        }
        let (current, name) = self.reader().current.clone()?;
        let partition = item.term.partition;
        let number = self.partition(partition).number(item.position, current)?;
        let ack = Ack {
            partition,
            position: item.position,
            number,
        };
        Some(Acked::Partition(name, ack))
    }

    /// An item of a partition came to its end.
    pub(super) fn ended(&self, item: &Item, end: End) {
        if end == End::Elsewhere {
            return;
        }
        // What blocks its thread may end after its term.
        let late = item.term.has_ended();
        if end == End::Gone {
            if !late {
                self.gone(item);
            }
            return;
        }
        let generation = self.current();
        let partition = item.term.partition;
        let (waited, ack) = self.partition(partition).handled(
            partition,
            item.position,
            item.fingerprint,
            generation,
        );
        if waited {
            self.handled_one();
        }
        if let Some(ack) = ack
            && end == End::Handled
        {
            self.acks.add(generation, ack);
        }
    }

    /// The broker did not find an entry. If the present generation received it, it is read anew: what
    /// said so may have been behind.
    fn gone(&self, item: &Item) {
        let mut partition = self.partition(item.term.partition);
        let received = partition.gone(item.position, item.fingerprint);
        drop(partition);
        if let Some(generation) = received {
            self.handled_one();
            self.doubt(generation);
        }
    }

    /// What was received of a partition in a term that has ended comes again.
    pub(super) fn forget_received(&self, term: &Term) {
        let mut partition = self.partition(term.partition);
        let count = partition.forget_received_in(term.epoch);
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    fn handled_one(&self) {
        // Whoever waits for room below the ceiling looks again.
        if self.waiting.fetch_sub(1, Ordering::Relaxed) >= intake::CEILING {
            self.due.notify_one();
        }
    }
}

/// Follows whether anything may start.
async fn pauses(engine: Arc<Engine>) {
    let mut paused = engine.cluster.handover.paused();
    paused.mark_changed();
    while paused.changed().await.is_ok() {
        let now = *paused.borrow_and_update();
        engine.pause(now);
    }
}

/// Ends terms the moment that this node has no right to them.
async fn guard(engine: Arc<Engine>, mut tenures: watch::Receiver<Tenures>) {
    while tenures.changed().await.is_ok() {
        let tenures = tenures.borrow_and_update().clone();
        let ended: Vec<Arc<Term>> = engine
            .terms()
            .values()
            .filter(|term| {
                let tenure = tenures.get(&term.partition);
                tenure.is_none_or(|tenure| !term.is(*tenure))
            })
            .map(|term| {
                term.end();
                Arc::clone(term)
            })
            .collect();
        for term in ended {
            engine.forget_received(&term);
        }
        engine.due.notify_one();
    }
}
