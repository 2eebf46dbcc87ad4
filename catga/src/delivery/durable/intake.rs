//! The one flow of entries from all partitions that this node owns.
//!
//! To read other partitions than before, and at every doubt, the flow is opened anew under a name
//! that was never used: the old one has no effect any more, and the new one gets exactly what is
//! stored and not acknowledged. What of it is in a lane already, or was handled, is known.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{Either, join_all, select, try_join_all};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::drain::LAST_WORD;
use super::engine::HEAVY;
use super::first::start_all;
use super::item::{Item, Loaded};
use super::partition::{Fingerprint, Met, Tail};
use super::release::{read_tail, write_tail};
use super::term::Term;
use super::waiter::Waiter;
use super::{Engine, acks, run};
use crate::cluster::Tenures;
use crate::node::Core;
use crate::telemetry::Chain;
use crate::transport::{self, Received, Taken, TransportError};

/// The most positions that may wait on a node.
pub(super) const CEILING: usize = 1_000_000;
/// The longest wait before another try.
const LONGEST: Duration = Duration::from_secs(1);

pub(super) struct Intake {
    core: Arc<Core>,
    engine: Arc<Engine>,
    tenures: watch::Receiver<Tenures>,
    open: Option<Open>,
    /// Since when each partition is being stopped.
    stopping: BTreeMap<u32, Instant>,
    /// Until when partitions are not given away: what ran did not end in time.
    called_off: BTreeMap<u32, Instant>,
    /// When what could not be written down is written again.
    again: Option<Instant>,
    /// How often it was opened in vain, or broke soon.
    failures: u32,
    full: bool,
}

/// What is read, each partition in its term.
type Terms = BTreeMap<u32, Arc<Term>>;

/// A generation that is being read.
struct Open {
    number: u64,
    terms: Terms,
    reads: Box<dyn transport::Intake>,
    /// The number of the last entry that came.
    last: u64,
    since: Instant,
}

/// Reads until the node has stopped.
pub(super) async fn run(core: Arc<Core>, engine: Arc<Engine>, tenures: watch::Receiver<Tenures>) {
    let mut intake = Intake {
        core,
        engine,
        tenures,
        open: None,
        stopping: BTreeMap::new(),
        called_off: BTreeMap::new(),
        again: None,
        failures: 0,
        full: false,
    };
    while !intake.turn().await {}
    intake.engine.drained.send_replace(true);
}

impl Intake {
    /// Reads what is to be read now until that changes. `true` once everything is given away.
    async fn turn(&mut self) -> bool {
        if self.engine.has_ended() && !self.engine.is_draining() {
            // Dropped with its node: whoever is next sees how far this one had read.
            return true;
        }
        let wanted = self.terms();
        let doubt = self.engine.is_in_doubt();
        let other = match &self.open {
            Some(open) => doubt || !are_same(&open.terms, &wanted),
            None => doubt || !wanted.is_empty(),
        };
        if other && let Err(error) = self.reopen(wanted).await {
            if let Some(times) = self.engine.cluster.complaints.times("read partitions") {
                tracing::warn!(target: "catga", node = %self.core.id, times, error = %Chain(&error), "partitions could not be read; it is tried again");
            }
            self.pause().await;
            return false;
        }
        if self.give_away().await {
            return true;
        }
        if self.follow().await {
            return false;
        }
        // Broken: it may have lasted, or have broken at once.
        if let Some(open) = self.open.take()
            && open.since.elapsed() < LONGEST
        {
            self.pause().await;
        } else {
            self.failures = 0;
        }
        false
    }

    /// Brings the terms up to date. Returns those of the partitions that are to be read.
    fn terms(&mut self) -> Terms {
        let engine = &self.engine;
        let wanted = engine.cluster.handover.wanted();
        let now = Instant::now();
        self.called_off.retain(|_, until| *until > now);
        let mut terms = engine.terms();
        // Not before: whoever drains says so, and stops the terms then.
        let draining = engine.is_draining();
        // Not before: whoever ends terms must find what begins with an older picture.
        let tenures = self.tenures.borrow_and_update().clone();
        terms.retain(|_, term| !term.has_ended());
        for (&partition, &tenure) in tenures.iter() {
            let known = terms.get(&partition);
            // One of another epoch ends first: the partition is claimed anew.
            if known.is_none() {
                terms.insert(
                    partition,
                    Arc::new(Term::new(partition, tenure, &engine.due)),
                );
            }
        }
        let mut reads = Terms::new();
        for (&partition, term) in terms.iter() {
            let away = draining
                || (wanted.contains(&partition) && !self.called_off.contains_key(&partition));
            if !away && !engine.is_paused() {
                term.resume();
            } else {
                term.stop();
            }
            if away {
                let since = *self.stopping.entry(partition).or_insert(now);
                if !draining && term.count() > 0 && since.elapsed() >= self.core.drain_timeout {
                    // What runs goes on, and the partition stays.
                    tracing::info!(target: "catga", node = %self.core.id, partition, "a partition is not given away: its handlers did not end in time");
                    self.stopping.remove(&partition);
                    let until = now + 10 * engine.cluster.settings.heartbeat;
                    self.called_off.insert(partition, until);
                    if !engine.is_paused() {
                        term.resume();
                    }
                } else if term.count() == 0 {
                    continue;
                }
            } else {
                self.stopping.remove(&partition);
            }
            reads.insert(partition, Arc::clone(term));
        }
        self.stopping
            .retain(|partition, _| terms.contains_key(partition));
        reads
    }

    /// Ends the present generation and opens another one on the partitions of these terms.
    async fn reopen(&mut self, terms: Terms) -> Result<(), TransportError> {
        let engine = Arc::clone(&self.engine);
        // What is handled is acknowledged before: afterwards this generation has no voice.
        acks::send(&engine).await;
        self.open = None;
        let queues = engine.cluster.transport.queues();
        if terms.is_empty() {
            if let Some(name) = engine.end_generation() {
                let close = queues.close(&name);
                engine.cluster.limited("close a reader", close).await?;
            }
            return Ok(());
        }
        // What an owner before left behind, of those that are read for the first time.
        let fresh = terms
            .iter()
            .filter(|(partition, term)| !engine.partition(**partition).was_read_in(term.epoch));
        let read = fresh.map(async |(&partition, _)| {
            let tail = read_tail(&engine, partition).await?;
            Ok::<_, TransportError>((partition, tail))
        });
        let mut tails: BTreeMap<u32, Option<Tail>> =
            try_join_all(read).await?.into_iter().collect();
        // Only the first reader of a term makes suspects: what this node received itself did not end it.
        let first = tails.keys().filter_map(|partition| terms.get(partition));
        let first: Vec<_> = first.cloned().collect();
        for term in &first {
            term.opens();
        }
        let (number, name) = engine.next_generation();
        let list: Vec<u32> = terms.keys().copied().collect();
        let open = queues.open(&name, &list);
        let opened = engine.cluster.limited("read partitions", open).await?;
        // Whoever is not the owner any more destroys what it opened: the owner reads anew.
        if let Err(error) = confirm(&engine, &terms).await {
            let _ = engine
                .cluster
                .limited("close a reader", queues.close(&name))
                .await;
            return Err(error);
        }
        for term in &first {
            let of = |through: &[(u32, u64)]| {
                let of_it = through.iter().filter(|(of, _)| *of == term.partition);
                of_it.map(|(_, sequence)| *sequence).max()
            };
            term.opened(of(&opened.received), of(&opened.stored));
        }
        for (&partition, term) in &terms {
            let tail = tails.remove(&partition).flatten();
            let mut known = engine.partition(partition);
            let forgotten = known.opened(&opened.stream, term.epoch, tail);
            engine.waiting.fetch_sub(forgotten, Ordering::Relaxed);
        }
        engine.begin_generation(number, name);
        self.open = Some(Open {
            number,
            terms,
            reads: opened.intake,
            last: 0,
            since: Instant::now(),
        });
        Ok(())
    }

    /// Writes down what the next owners have to know of what is stopped, and says that it is. `true`
    /// once a node that drains has nothing left.
    async fn give_away(&mut self) -> bool {
        let engine = Arc::clone(&self.engine);
        self.again = None;
        let reads = self.open.as_ref().map(|open| &open.terms);
        let idle: Vec<u32> = engine
            .terms()
            .iter()
            .filter(|(partition, term)| {
                self.stopping.contains_key(partition)
                    && term.is_stopping()
                    && term.count() == 0
                    && reads.is_none_or(|reads| !reads.contains_key(partition))
            })
            .map(|(partition, _)| *partition)
            .collect();
        if engine.is_draining() {
            return self.open.is_none() && engine.terms().values().all(|term| term.count() == 0);
        }
        if !idle.is_empty() {
            // The next owner must find what has succeeded.
            let _ = timeout(LAST_WORD, self.core.unfinished.idle()).await;
        }
        let each = idle.into_iter().map(async |partition| {
            write_tail(&engine, partition)
                .await
                .map_err(|error| (partition, error))?;
            engine.cluster.handover.stopped([partition]);
            engine.cluster.owners_changed();
            Ok(())
        });
        let written = join_all(each).await.into_iter();
        let failed: Vec<(u32, TransportError)> = written.filter_map(Result::err).collect();
        if let Some((_, error)) = failed.first() {
            if let Some(times) = engine.cluster.complaints.times("write tails") {
                let partitions: Vec<u32> = failed.iter().map(|(partition, _)| *partition).collect();
                tracing::warn!(target: "catga", node = %self.core.id, ?partitions, times, error = %Chain(error), "what the next owners have to know could not be written down; the partitions stay until it is");
            }
            self.again = Some(Instant::now() + LONGEST);
        }
        false
    }

    /// Takes what comes until something else is to be done. `false` if the flow broke.
    async fn follow(&mut self) -> bool {
        let engine = Arc::clone(&self.engine);
        // One that is past its time is due only where it can be called off: what has ended waits for
        // the record, and that may take a while.
        let (now, draining) = (Instant::now(), engine.is_draining());
        let terms = engine.terms().clone();
        let runs = |partition| terms.get(partition).is_some_and(|term| term.count() > 0);
        let next = self
            .stopping
            .iter()
            .map(|(partition, since)| (partition, *since + self.core.drain_timeout))
            .filter(|(partition, at)| *at > now || (!draining && runs(*partition)))
            .map(|(_, at)| at)
            .chain(self.called_off.values().copied())
            .chain(self.again)
            .min();
        loop {
            let timer = pin!(async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            });
            let due = pin!(engine.due.notified());
            let wanted = pin!(engine.cluster.handover.changed());
            let changed = pin!(self.tenures.changed());
            let something = select(select(timer, due), select(wanted, changed));
            let taken = {
                let reads = pin!(take(&engine, &mut self.open, &mut self.full));
                match select(something, reads).await {
                    Either::Left(_) => return true,
                    Either::Right((taken, _)) => taken,
                }
            };
            let Some(open) = &mut self.open else {
                return true;
            };
            let whole = match taken {
                None => false,
                // If more was sent, its tail was lost on the way.
                Some(Taken::Idle { last }) => last <= open.last,
                Some(Taken::Entries(entries)) => {
                    let mut started = Vec::new();
                    let whole = entries.into_iter().all(|entry| {
                        let next = entry.number == open.last + 1;
                        if next {
                            open.last = entry.number;
                            started.extend(meet(&self.core, &engine, open, entry));
                        }
                        // Behind a gap nothing is taken.
                        next
                    });
                    start_all(&self.core, started, run::lane);
                    whole
                }
            };
            if !whole {
                return false;
            }
            self.failures = 0;
        }
    }

    /// Waits a moment before another try.
    async fn pause(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let wait = Duration::from_millis(5) * 2_u32.pow(self.failures.min(8));
        let again = Instant::now() + wait.min(LONGEST).mul_f64(0.5 + fastrand::f64() / 2.0);
        let changed = pin!(self.tenures.changed());
        select(pin!(sleep_until(again)), changed).await;
    }
}

/// Whether these are the very same terms. In others, even of the same partitions, everything that
/// was received before is forgotten and has to come again.
fn are_same(terms: &Terms, others: &Terms) -> bool {
    let same = |term: &Arc<Term>, other: &Arc<Term>| Arc::ptr_eq(term, other);
    terms.len() == others.len() && terms.values().zip(others.values()).all(|(a, b)| same(a, b))
}

/// Whether the record still says that these partitions are this node's, in these terms.
async fn confirm(engine: &Engine, terms: &Terms) -> Result<(), TransportError> {
    let owned = engine.cluster.confirmed().await?;
    let all = terms
        .iter()
        .all(|(partition, term)| !term.has_ended() && owned.get(partition) == Some(&term.epoch));
    if all && engine.cluster.lease.is_valid() {
        Ok(())
    } else {
        Err(TransportError::new(
            "read partitions",
            "they are not this node's any more",
        ))
    }
}

/// What comes next, as far as there is room for it.
async fn take(engine: &Engine, open: &mut Option<Open>, full: &mut bool) -> Option<Taken> {
    let Some(open) = open else {
        return std::future::pending().await;
    };
    if engine.waiting.load(Ordering::Relaxed) >= CEILING {
        if !std::mem::replace(full, true) {
            tracing::error!(target: "catga", node = %engine.cluster.me, waiting = CEILING, "too many messages wait behind others of their key: this node reads nothing more until some of them are handled");
        }
        // Whoever handles one of them says so.
        return std::future::pending().await;
    }
    *full = false;
    match engine.room.free().await {
        Ok(room) => open.reads.next(room).await,
        Err(_) => std::future::pending().await,
    }
}

/// An entry came: it is new, known, or was handled. Returns its place, if it is the first of its
/// lane.
fn meet(
    core: &Arc<Core>,
    engine: &Arc<Engine>,
    open: &Open,
    received: Received,
) -> Option<run::LaneRun> {
    let term = open.terms.get(&received.partition).cloned()?;
    let met = {
        let mut partition = engine.partition(received.partition);
        // Whoever ends the term forgets afterwards, under this lock, what was received in it.
        if term.has_ended() {
            return None;
        }
        let met = partition.meet(&received, open.number);
        if let Met::New { instead: false, .. } = met {
            engine.waiting.fetch_add(1, Ordering::Relaxed);
        }
        met
    };
    let progress = match met {
        Met::Waiting => return None,
        Met::Handled => {
            let ack = transport::Ack {
                partition: received.partition,
                position: received.position,
                number: received.number,
            };
            engine.acks.add(open.number, ack);
            return None;
        }
        Met::New { progress, .. } => progress,
    };
    let fingerprint = Fingerprint::of(&received);
    let key = received
        .entry
        .as_ref()
        .ok()
        .and_then(|entry| entry.key.clone());
    let payload = Loaded::of(core, &engine.room, received.entry, term.epoch);
    let item = Item::new(
        term,
        received.position,
        fingerprint,
        key.clone(),
        progress,
        Some(payload),
    );
    let first = match key {
        None => Some(item),
        Some(key) => engine.lanes.enter_as(&key, item, |item, ahead| {
            if ahead.blocked || ahead.waiting >= HEAVY {
                Waiter::light(item)
            } else {
                Waiter::whole(item)
            }
        }),
    };
    first.map(|item| run::LaneRun::new(core, engine, item))
}

#[cfg(test)]
mod tests;
