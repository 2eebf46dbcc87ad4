use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::handled::{Arrival, Handled, ToldRange};
use super::progress::Progress;
use crate::message::MessageId;
use crate::sparse::Sparse;
use crate::transport::{Ack, Entry, Malformed, Position, Received};

/// What a node knows of one partition: what it received and has not handled, and what it handled
/// and may be sent again.
///
/// Acknowledgements are no barrier: what was acknowledged may come again with the next generation.
/// So what was handled is kept until the broker is known to have removed it.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// Which queue the positions belong to.
    stream: Option<Arc<str>>,
    /// The epoch in which this node read it last.
    epoch: Option<u64>,
    /// Whether the broker may have a tail of it.
    has_tail: bool,
    received: Sparse<Unhandled>,
    handled: Handled,
    /// How many entries came.
    arrivals: u64,
    /// The highest sequence of those that came since this node began to read it.
    newest: u64,
    /// What was tried, by an owner before or in a term that has ended, of entries that are not
    /// finished.
    progress: BTreeMap<u64, (Fingerprint, Progress)>,
}

/// What tells one entry of a queue from another beside its sequence: after a queue was recreated,
/// or fell back, the same sequence is another entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    pub(super) stored: u64,
    /// `None` for what cannot be read.
    pub(super) id: Option<MessageId>,
}

/// An entry that was received and is not handled.
#[derive(Debug)]
struct Unhandled {
    fingerprint: Fingerprint,
    arrival: Arrival,
    /// The generation that received it last, and under which number.
    generation: u64,
    number: u64,
    progress: Progress,
}

/// What is known here of an entry that came.
#[derive(Debug)]
pub(super) enum Met {
    /// It is in its lane.
    Waiting,
    /// It was handled: it is acknowledged again.
    Handled,
    /// It has not been here.
    New {
        /// What an owner before tried of it.
        progress: Progress,
        /// Whether it stands where another one did that is received and not handled.
        instead: bool,
    },
}

/// What is known here of an entry whose turn in its lane has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It is waited for; this is how far its handlers have come.
    Waited(Progress),
    /// A handler of a former term brought it to its end meanwhile, or another entry came in its
    /// place.
    Settled,
    /// Nothing, although it was received.
    Unknown,
}

impl Fingerprint {
    pub(super) fn new(position: Position, entry: &Result<Arc<Entry>, Malformed>) -> Self {
        Self {
            stored: position.stored,
            id: entry.as_ref().ok().map(|entry| entry.id),
        }
    }

    pub(super) fn of(received: &Received) -> Self {
        Self::new(received.position, &received.entry)
    }
}

impl Partition {
    /// A generation reads the queue with this identity. What is known of another is of no use, and
    /// what was received in another epoch comes again. Returns how much of that is forgotten.
    pub(super) fn opened(&mut self, stream: &Arc<str>, epoch: u64, tail: Option<Tail>) -> usize {
        let mut forgotten = 0;
        let read_in = self.epoch.filter(|_| self.stream.as_ref() == Some(stream));
        if self.stream.as_ref() != Some(stream) {
            forgotten = self.received.len();
            *self = Self {
                stream: Some(Arc::clone(stream)),
                has_tail: self.has_tail,
                ..Self::default()
            };
        } else if self.epoch != Some(epoch) {
            forgotten = self.forget_received();
        }
        self.epoch = Some(epoch);
        self.has_tail |= tail.is_some();
        // What was told before this node read it knows less than this node does.
        let is_news =
            |tail: &Tail| tail.stream == **stream && read_in.is_none_or(|epoch| epoch < tail.epoch);
        if let Some(tail) = tail.filter(is_news) {
            self.handled.learn(tail.handled, tail.ranges);
            let unfinished = tail.unfinished.into_iter();
            self.progress.extend(
                unfinished
                    .map(|(sequence, fingerprint, progress)| (sequence, (fingerprint, progress))),
            );
        }
        forgotten
    }

    /// Whether this node read it before in this epoch.
    pub(super) fn was_read_in(&self, epoch: u64) -> bool {
        self.epoch == Some(epoch)
    }

    /// An entry came.
    pub(super) fn meet(&mut self, received: &Received, generation: u64) -> Met {
        let sequence = received.position.sequence;
        let fingerprint = Fingerprint::of(received);
        if let Some(waiting) = self.received.get_mut(sequence)
            && waiting.fingerprint == fingerprint
        {
            waiting.generation = generation;
            waiting.number = received.number;
            return Met::Waiting;
        }
        match self.handled.knows(sequence, fingerprint) {
            Some(true) => return Met::Handled,
            None if self.received.get(sequence).is_none() => {}
            // Another entry had its place.
            Some(false) | None => self.fell_back(sequence),
        }
        let progress = match self.progress.remove(&sequence) {
            Some((known, progress)) if known == fingerprint => progress,
            _ => Progress::default(),
        };
        let waiting = Unhandled {
            fingerprint,
            arrival: self.arrival(sequence),
            generation,
            number: received.number,
            progress: progress.clone(),
        };
        let instead = self.received.insert(sequence, waiting).is_some();
        Met::New { progress, instead }
    }

    /// The arrival of an entry that comes for the first time.
    fn arrival(&mut self, sequence: u64) -> Arrival {
        self.arrivals += 1;
        let in_order = sequence > self.newest;
        self.newest = self.newest.max(sequence);
        in_order.then_some(self.arrivals)
    }

    /// What comes next is next to nothing that came before.
    fn break_order(&mut self, newest: u64) {
        self.arrivals += 1;
        self.newest = newest;
    }

    /// From this sequence on, the queue has other entries than it had.
    fn fell_back(&mut self, sequence: u64) {
        self.handled.forget_from(sequence);
        self.break_order(self.newest.min(sequence.saturating_sub(1)));
    }

    /// The number under which an entry was received by this generation.
    pub(super) fn number(&self, position: Position, generation: u64) -> Option<u64> {
        let waiting = self.received.get(position.sequence)?;
        (waiting.fingerprint.stored == position.stored && waiting.generation == generation)
            .then_some(waiting.number)
    }

    /// An entry is handled. Whether it was waited for, and what acknowledges it: nothing where it
    /// was sent by a generation of the past, for it comes again.
    ///
    /// Should it have come again meanwhile, in another term, it is not run a second time.
    pub(super) fn handled(
        &mut self,
        partition: u32,
        position: Position,
        fingerprint: Fingerprint,
        generation: u64,
    ) -> (bool, Option<Ack>) {
        let Position { sequence, stored } = position;
        debug_assert_eq!(
            fingerprint.stored, stored,
            "a fingerprint is that of its position"
        );
        let taken = self.take(sequence, fingerprint);
        let waited = taken.is_some();
        let arrival = taken.as_ref().and_then(|waiting| waiting.arrival);
        self.handled.add(sequence, fingerprint, arrival, waited);
        self.progress.remove(&sequence);
        let ack = taken
            .filter(|waiting| waiting.generation == generation)
            .map(|waiting| Ack {
                partition,
                position,
                number: waiting.number,
            });
        (waited, ack)
    }

    /// The broker did not find an entry, which may have been a mistake: it may come again. Returns
    /// the generation that received it last, if it was waited for.
    pub(super) fn gone(&mut self, position: Position, fingerprint: Fingerprint) -> Option<u64> {
        let sequence = position.sequence;
        let taken = self.take(sequence, fingerprint)?;
        if !taken.progress.is_empty() {
            self.progress
                .insert(sequence, (fingerprint, taken.progress));
        }
        Some(taken.generation)
    }

    /// An entry that waited in its lane has its turn.
    pub(super) fn due(&self, sequence: u64, fingerprint: Fingerprint) -> Due {
        match self.received.get(sequence) {
            Some(waiting) if waiting.fingerprint == fingerprint => {
                Due::Waited(waiting.progress.clone())
            }
            Some(_) => Due::Settled,
            None if self.handled.knows(sequence, fingerprint) == Some(true) => Due::Settled,
            None => Due::Unknown,
        }
    }

    fn take(&mut self, sequence: u64, fingerprint: Fingerprint) -> Option<Unhandled> {
        self.received
            .remove_if(sequence, |waiting| waiting.fingerprint == fingerprint)
    }

    /// What was tried of an entry so far.
    pub(super) fn tried(&mut self, sequence: u64, fingerprint: Fingerprint, progress: Progress) {
        match self.received.get_mut(sequence) {
            Some(waiting) if waiting.fingerprint == fingerprint => waiting.progress = progress,
            // Another entry has its place.
            Some(_) => {}
            // Its term has ended: it comes again.
            None => {
                if self.handled.knows(sequence, fingerprint).is_none() {
                    self.progress.insert(sequence, (fingerprint, progress));
                }
            }
        }
    }

    /// The broker has removed an entry.
    pub(super) fn removed(&mut self, sequence: u64) {
        self.handled.removed(sequence);
    }

    /// The broker has nothing before `oldest`; nothing up to `known` where that is `None`.
    pub(super) fn proven(&mut self, oldest: Option<u64>, known: u64) {
        let gone = oldest.unwrap_or(u64::MAX).min(known.saturating_add(1));
        self.handled.proven(gone);
        self.progress = self.progress.split_off(&gone);
    }

    /// Up to where it is worth to ask the broker what it still has. `None` while the oldest entry that
    /// is not handled stands before all that was: the broker has that one, so that its oldest proves
    /// nothing.
    pub(super) fn provable(&self) -> Option<u64> {
        let tried = self.progress.first_key_value().map(|(first, _)| *first);
        let first = self.handled.first().into_iter().chain(tried).min()?;
        let blocked = self.received.first();
        if blocked.is_some_and(|(sequence, _)| sequence < first) {
            return None;
        }
        let tried = self.progress.last_key_value().map(|(last, _)| *last);
        self.handled.last().into_iter().chain(tried).max()
    }

    /// Drops what was received in this epoch and not handled: its term has ended. What was tried of
    /// it is kept, should it come again. What came in the next term already stays.
    pub(super) fn forget_received_in(&mut self, epoch: u64) -> usize {
        if self.epoch == Some(epoch) {
            self.forget_received()
        } else {
            0
        }
    }

    fn forget_received(&mut self) -> usize {
        let received = std::mem::take(&mut self.received);
        self.break_order(0);
        let count = received.len();
        let tried = received
            .into_iter()
            .filter(|(_, waiting)| !waiting.progress.is_empty());
        self.progress.extend(
            tried.map(|(sequence, waiting)| (sequence, (waiting.fingerprint, waiting.progress))),
        );
        count
    }

    /// Whether what the next owner has to know is other than what the broker may have.
    pub(super) fn needs_tail(&self, tail: &Tail) -> bool {
        self.has_tail || !tail.is_empty()
    }

    /// The tail was written, or removed.
    pub(super) fn wrote_tail(&mut self, there: bool) {
        self.has_tail = there;
    }

    /// What the next owner has to know.
    pub(super) fn tail(&self) -> Tail {
        let (handled, ranges) = self.handled.tell();
        let unfinished = self.received.iter();
        let unfinished = unfinished
            .filter(|(_, waiting)| !waiting.progress.is_empty())
            .map(|(sequence, waiting)| (sequence, waiting.fingerprint, waiting.progress.clone()));
        // What has not come again yet.
        let before = self.progress.iter();
        let before = before
            .map(|(sequence, (fingerprint, progress))| (*sequence, *fingerprint, progress.clone()));
        Tail {
            stream: self.stream.as_deref().unwrap_or_default().to_owned(),
            epoch: self.epoch.unwrap_or_default(),
            handled,
            ranges,
            unfinished: unfinished.chain(before).collect(),
        }
    }
}

/// What an owner tells the next: what it handled and may be sent again, and how far it came with
/// what it did not finish.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Tail {
    stream: String,
    /// The epoch of the owner that wrote it.
    #[serde(default)]
    epoch: u64,
    handled: Vec<(u64, Fingerprint)>,
    #[serde(default)]
    ranges: Vec<ToldRange>,
    unfinished: Vec<(u64, Fingerprint, Progress)>,
}

impl Tail {
    pub(super) fn is_empty(&self) -> bool {
        self.handled.is_empty() && self.ranges.is_empty() && self.unfinished.is_empty()
    }

    /// Whether a later owner wrote it.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        self.epoch > other.epoch
    }

    /// Leaves out half of what there is most of: what may be forgotten with the least harm.
    pub(super) fn shorten(&mut self) {
        let (entries, ranges) = (self.handled.len(), self.ranges.len());
        let unfinished = self.unfinished.len();
        if unfinished >= entries.max(ranges) {
            self.unfinished.truncate(unfinished / 2);
        } else if ranges >= entries {
            // Those handled long ago are the most likely to be gone.
            self.ranges.drain(..ranges.div_ceil(2));
        } else {
            self.handled.drain(..entries.div_ceil(2));
        }
    }
}

#[cfg(test)]
mod tests;
