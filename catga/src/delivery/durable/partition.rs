use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::progress::Progress;
use crate::message::MessageId;
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
    received: BTreeMap<u64, Waiting>,
    handled: BTreeMap<u64, Mark>,
    /// What was tried, by an owner before or in a term that has ended, of entries that are not
    /// finished.
    progress: BTreeMap<u64, (Mark, Progress)>,
}

/// What tells one entry of a queue from another beside its sequence: after a queue was recreated,
/// or fell back, the same sequence is another entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) stored: u64,
    /// `None` for what cannot be read.
    pub(super) id: Option<MessageId>,
}

/// An entry that was received and is not handled.
#[derive(Debug)]
struct Waiting {
    mark: Mark,
    /// The generation that received it last, and under which number.
    generation: u64,
    number: u64,
    progress: Progress,
}

/// What an entry is to this node.
#[derive(Debug)]
pub(super) enum Met {
    /// It is in its lane.
    Waiting,
    /// It was handled: it is acknowledged again.
    Handled,
    /// It has not been here. What an owner before tried of it.
    New(Progress),
}

impl Mark {
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
    /// A generation reads the queue with this identity. What is known of another is of no use.
    pub(super) fn opened(&mut self, stream: &Arc<str>, epoch: u64, tail: Option<Tail>) {
        if self.stream.as_ref() != Some(stream) {
            *self = Self {
                stream: Some(Arc::clone(stream)),
                has_tail: self.has_tail,
                ..Self::default()
            };
        }
        self.epoch = Some(epoch);
        self.has_tail |= tail.is_some();
        if let Some(tail) = tail.filter(|tail| tail.stream == **stream) {
            self.handled.extend(tail.handled);
            let unfinished = tail.unfinished.into_iter();
            self.progress
                .extend(unfinished.map(|(sequence, mark, progress)| (sequence, (mark, progress))));
        }
    }

    /// Whether this node read it before in this epoch.
    pub(super) fn was_read_in(&self, epoch: u64) -> bool {
        self.epoch == Some(epoch)
    }

    /// An entry came.
    pub(super) fn meet(&mut self, received: &Received, generation: u64) -> Met {
        let sequence = received.position.sequence;
        let mark = Mark::of(received);
        if let Some(waiting) = self.received.get_mut(&sequence)
            && waiting.mark == mark
        {
            waiting.generation = generation;
            waiting.number = received.number;
            return Met::Waiting;
        }
        if self.handled.get(&sequence) == Some(&mark) {
            return Met::Handled;
        }
        let progress = match self.progress.remove(&sequence) {
            Some((known, progress)) if known == mark => progress,
            _ => Progress::default(),
        };
        self.received.insert(
            sequence,
            Waiting {
                mark,
                generation,
                number: received.number,
                progress: progress.clone(),
            },
        );
        Met::New(progress)
    }

    /// The number under which an entry was received by this generation.
    pub(super) fn number(&self, position: Position, generation: u64) -> Option<u64> {
        let waiting = self.received.get(&position.sequence)?;
        (waiting.mark.stored == position.stored && waiting.generation == generation)
            .then_some(waiting.number)
    }

    /// An entry is handled. Whether it was waited for, and what acknowledges it: nothing where it
    /// was sent by a generation of the past, for it comes again.
    ///
    /// One whose term has ended meanwhile is not waited for any more. Should it come again to this
    /// node, it was handled all the same.
    pub(super) fn handled(
        &mut self,
        partition: u32,
        position: Position,
        mark: Mark,
        generation: u64,
    ) -> (bool, Option<Ack>) {
        let Position { sequence, stored } = position;
        let known = self.received.get(&sequence);
        let waited = known.is_some_and(|waiting| waiting.mark == mark);
        let taken = if waited {
            self.received.remove(&sequence)
        } else {
            None
        };
        debug_assert_eq!(mark.stored, stored, "a mark is that of its position");
        self.handled.insert(sequence, mark);
        let ack = taken
            .filter(|waiting| waiting.generation == generation)
            .map(|waiting| Ack {
                partition,
                position,
                number: waiting.number,
            });
        (waited, ack)
    }

    /// What was tried of an entry so far.
    pub(super) fn tried(&mut self, position: Position, progress: Progress) {
        if let Some(waiting) = self.received.get_mut(&position.sequence)
            && waiting.mark.stored == position.stored
        {
            waiting.progress = progress;
        }
    }

    /// The broker has removed an entry.
    pub(super) fn removed(&mut self, sequence: u64) {
        self.handled.remove(&sequence);
    }

    /// The broker has nothing before `oldest`; nothing up to `known` where that is `None`.
    pub(super) fn proven(&mut self, oldest: Option<u64>, known: u64) {
        let gone = oldest.unwrap_or(u64::MAX).min(known.saturating_add(1));
        self.handled = self.handled.split_off(&gone);
        self.progress = self.progress.split_off(&gone);
    }

    /// The highest sequence that was handled; `None` if nothing waits for its proof.
    pub(super) fn last_handled(&self) -> Option<u64> {
        self.handled.last_key_value().map(|(sequence, _)| *sequence)
    }

    /// How many handled entries may come again.
    pub(super) fn unproven(&self) -> usize {
        self.handled.len()
    }

    /// Drops what was received and not handled: the term has ended. What was tried of it is kept,
    /// should it come again.
    pub(super) fn forget_received(&mut self) -> usize {
        let received = std::mem::take(&mut self.received);
        let count = received.len();
        let tried = received
            .into_iter()
            .filter(|(_, waiting)| !waiting.progress.is_empty());
        self.progress
            .extend(tried.map(|(sequence, waiting)| (sequence, (waiting.mark, waiting.progress))));
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
        let unfinished = self.received.iter();
        Tail {
            stream: self.stream.as_deref().unwrap_or_default().to_owned(),
            handled: self
                .handled
                .iter()
                .map(|(sequence, mark)| (*sequence, *mark))
                .collect(),
            unfinished: unfinished
                .filter(|(_, waiting)| !waiting.progress.is_empty())
                .map(|(sequence, waiting)| (*sequence, waiting.mark, waiting.progress.clone()))
                .collect(),
        }
    }
}

/// What an owner tells the next: what it handled and may be sent again, and how far it came with
/// what it did not finish.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Tail {
    stream: String,
    handled: Vec<(u64, Mark)>,
    unfinished: Vec<(u64, Mark, Progress)>,
}

impl Tail {
    pub(super) fn is_empty(&self) -> bool {
        self.handled.is_empty() && self.unfinished.is_empty()
    }
}
