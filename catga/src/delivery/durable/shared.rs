//! The queue that all nodes of a service share: no owner and no order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::time::{Duration, sleep};

use super::first::start_all;
use super::item::{Item, Loaded};
use super::partition::Fingerprint;
use super::progress::Progress;
use super::run::{self, End};
use super::term::Term;
use super::{Engine, suspects};
use crate::cluster::{Reopened, keep_open};
use crate::delivery::room::Room;
use crate::node::{Core, Gauge};
use crate::telemetry::Chain;
use crate::transport::{Shared, SharedIntake, Ticket, TransportError, VISIBILITY};

/// What this node took from the shared queue and has not given back.
#[derive(Debug)]
pub(super) struct SharedHold {
    pub(super) term: Arc<Term>,
    held: Mutex<HashMap<u64, Ticket>>,
    next: AtomicU64,
    /// For payloads, which stay while their messages wait for another attempt: no key must wait for
    /// that.
    room: Arc<Room>,
    /// Those that are not handled, or given back, to the end.
    pub(super) left: Gauge,
}

impl SharedHold {
    pub(super) fn new(epoch: u64, due: &Arc<Notify>, capacity: usize) -> Self {
        Self {
            term: Arc::new(Term::shared(epoch, due)),
            held: Mutex::default(),
            next: AtomicU64::new(0),
            room: Arc::new(Room::new(capacity)),
            left: Gauge::default(),
        }
    }

    /// Nothing more is taken: the node has stopped.
    pub(super) fn close(&self) {
        self.room.close();
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u64, Ticket>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes from the shared queue until the node has stopped.
pub(super) async fn run(core: Arc<Core>, engine: Arc<Engine>) {
    let cluster = Arc::clone(&engine.cluster);
    let consumer = Consumer {
        core: &core,
        engine: &engine,
    };
    keep_open(&cluster, consumer, None).await;
}

struct Consumer<'a> {
    core: &'a Arc<Core>,
    engine: &'a Arc<Engine>,
}

impl Reopened for Consumer<'_> {
    const WHAT: &'static str = "read the shared queue";

    type Open = Box<dyn SharedIntake>;

    async fn open(&mut self) -> Result<Self::Open, TransportError> {
        let Engine {
            cluster, service, ..
        } = &**self.engine;
        let queues = cluster.transport.queues();
        queues.share(service, cluster.me.as_str()).await
    }

    async fn follow(&mut self, mut intake: Self::Open) {
        let engine = self.engine;
        let term = &engine.shared.term;
        // Nothing is taken that cannot start.
        term.open().await;
        loop {
            let came = {
                let next = std::pin::pin!(async {
                    match engine.shared.room.free().await {
                        Ok(room) => intake.next(room).await,
                        Err(_) => std::future::pending().await,
                    }
                });
                match select(std::pin::pin!(term.stopped()), next).await {
                    Either::Left(_) => break,
                    Either::Right((came, _)) => came,
                }
            };
            let Some(entries) = came else { return };
            let taken = entries.into_iter();
            let taken = taken.map(|entry| TakenEntry::take(self.core, engine, entry));
            start_all(self.core, taken.collect(), handle);
        }
        // What was asked for would come to this node and to no other: it is opened anew when the
        // node goes on.
        let left: Vec<Ticket> = intake
            .close()
            .await
            .into_iter()
            .map(|one| one.ticket)
            .collect();
        if !left.is_empty() {
            give_back(engine, &left).await;
        }
        term.open().await;
    }
}

/// Handles what was taken, and says what became of it.
async fn handle(held: TakenEntry) {
    let TakenEntry {
        core, engine, item, ..
    } = &held;
    let end = run::run_alone(core, engine, item).await;
    let ticket = held.release();
    let back = match end {
        Some(End::Handled | End::Gone) => {
            if let Some(ticket) = ticket {
                engine.acks.settle(ticket);
            }
            None
        }
        Some(End::Buried) => None,
        Some(End::Elsewhere) | None => ticket,
    };
    item.rest();
    match back {
        None => suspects::acquit(engine, item).await,
        Some(ticket) => {
            suspects::spared(engine, item).await;
            give_back(engine, &[ticket]).await;
        }
    }
}

/// An entry in the hands of this node: not extended any more when it is dropped.
struct TakenEntry {
    core: Arc<Core>,
    engine: Arc<Engine>,
    item: Item,
    number: u64,
}

impl TakenEntry {
    fn take(core: &Arc<Core>, engine: &Arc<Engine>, shared: Shared) -> Self {
        let Shared {
            ticket,
            taken,
            entry,
        } = shared;
        let term = Arc::clone(&engine.shared.term);
        let fingerprint = Fingerprint::new(ticket.position, &entry);
        let payload = Loaded::of(core, &engine.shared.room, entry, term.epoch);
        let item = Item::new(
            term,
            ticket.position,
            fingerprint,
            None,
            Progress::default(),
            Some(payload),
        )
        .with_ticket(ticket.clone(), taken > 1);
        let number = engine.shared.next.fetch_add(1, Ordering::Relaxed);
        engine.shared.held().insert(number, ticket);
        engine.shared.left.enter();
        Self {
            core: Arc::clone(core),
            engine: Arc::clone(engine),
            item,
            number,
        }
    }

    fn release(&self) -> Option<Ticket> {
        self.engine.shared.held().remove(&self.number)
    }
}

impl Drop for TakenEntry {
    fn drop(&mut self) {
        self.release();
        self.engine.shared.left.leave();
    }
}

async fn give_back(engine: &Engine, tickets: &[Ticket]) {
    let give = engine
        .cluster
        .transport
        .queues()
        .give_back(&engine.service, tickets);
    // Otherwise they come again when their visibility ends.
    let _ = engine.cluster.limited("give messages back", give).await;
}

/// Says again and again that what was taken is at work.
pub(super) async fn extend(engine: Arc<Engine>) {
    loop {
        sleep(VISIBILITY / 3).await;
        let tickets: Vec<Ticket> = engine.shared.held().values().cloned().collect();
        if tickets.is_empty() {
            continue;
        }
        let queues = engine.cluster.transport.queues();
        let extend = queues.extend(&engine.service, &tickets);
        let extended = tokio::time::timeout(Duration::from_secs(5), extend).await;
        let extended = extended
            .unwrap_or_else(|elapsed| Err(TransportError::new("keep messages at work", elapsed)));
        if let Err(error) = extended {
            tracing::warn!(target: "catga", node = %engine.cluster.me, error = %Chain(&error), count = tickets.len(), "messages at work could not be kept from other nodes: they may run twice");
        }
    }
}
