//! What those who operate a service do to it, and what is not a message of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::check::Letter;
use super::history::History;
use crate::message::MessageId;

/// An operation that was not answered may be done this much later all the same.
const IN_DOUBT: Duration = Duration::from_secs(30);

/// What was done to all services.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// Whether the records fell back: they may say that a service is paused that is not.
    fell_back: bool,
    pauses: BTreeMap<Arc<str>, Pauses>,
    /// By service and number of the letter.
    pub(super) replays: BTreeMap<(Arc<str>, u64), Replay>,
    /// What was dropped, in the same way.
    pub(super) discards: BTreeMap<(Arc<str>, u64), Discard>,
    /// What no handler can read, and the message whose handlers are to find that out: `None` where
    /// the node does.
    pub(super) unreadable: BTreeMap<(Arc<str>, MessageId), Option<String>>,
}

#[derive(Debug, Default)]
struct Pauses {
    /// Since when the service is known to be paused, and the processes that need not know: the
    /// others had taken them for dead.
    paused: Option<BTreeSet<u64>>,
    /// Counts what ends a pause, or may.
    ends: u64,
    /// Until when something that ends a pause may be done late.
    doubtful: Option<Instant>,
}

/// What became of a replay.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) id: MessageId,
    /// The one handler that it is for; `None` where it is for all.
    pub(super) handler: Option<String>,
    /// When it was called first.
    pub(super) called: u64,
    /// When it was acknowledged first.
    pub(super) acknowledged: Option<u64>,
}

/// A letter that somebody dropped, or may have dropped.
#[derive(Debug)]
pub(super) struct Discard {
    pub(super) letter: Letter,
    /// When the first answer came that it is gone.
    pub(super) acknowledged: Option<u64>,
}

/// A pause that was called and has not been answered.
#[derive(Debug)]
pub(super) struct Pausing(u64);

impl Operations {
    fn pauses(&mut self, service: &Arc<str>) -> &mut Pauses {
        self.pauses.entry(Arc::clone(service)).or_default()
    }

    /// Whether a process must start nothing.
    pub(super) fn is_paused(&self, service: &str, life: u64) -> bool {
        let pauses = self.pauses.get(service);
        let paused = pauses.and_then(|pauses| pauses.paused.as_ref());
        paused.is_some_and(|unaware| !unaware.contains(&life))
    }
}

impl Pauses {
    fn end(&mut self) {
        self.paused = None;
        self.ends += 1;
    }

    fn may_end_late(&mut self) {
        self.end();
        self.doubtful = Some(Instant::now() + IN_DOUBT);
    }
}

impl History {
    /// A user pauses a service.
    pub(super) fn pauses(&self, service: &Arc<str>) -> Pausing {
        let mut record = self.record();
        Pausing(record.operations.pauses(service).ends)
    }

    /// A service was paused, as all its nodes know but those that were `unaware`.
    pub(super) fn paused(&self, service: &Arc<str>, began: &Pausing, unaware: BTreeSet<u64>) {
        let mut record = self.record();
        let pauses = record.operations.pauses(service);
        let doubtful = pauses.doubtful.is_some_and(|until| until > Instant::now());
        if pauses.ends == began.0 && !doubtful {
            pauses.paused = Some(unaware);
        }
        drop(record);
        self.note(format_args!("{service} is paused"));
    }

    /// From here on a service may go on.
    pub(super) fn resumes(&self, service: &Arc<str>) {
        self.record().operations.pauses(service).end();
        self.note(format_args!("{service} may go on"));
    }

    /// The call to let a service go on came to its end.
    pub(super) fn resumed(&self, service: &Arc<str>, answered: bool) {
        let mut record = self.record();
        let pauses = record.operations.pauses(service);
        if answered {
            pauses.end();
        } else {
            pauses.may_end_late();
        }
    }

    /// The records are what they were at some time: whatever was paused may go on.
    pub(super) fn forget_pauses(&self) {
        let mut record = self.record();
        let operations = &mut record.operations;
        operations.fell_back = true;
        operations
            .pauses
            .values_mut()
            .for_each(Pauses::may_end_late);
    }

    /// Whether the records may say that a service is paused that nobody wants to be.
    pub(super) fn may_be_paused_by_mistake(&self, service: &Arc<str>) -> bool {
        let record = self.record();
        let pauses = record.operations.pauses.get(service);
        record.operations.fell_back && pauses.is_none_or(|pauses| pauses.paused.is_none())
    }

    /// A replay came to its end. `Ok(false)` where there was no such letter any more.
    pub(super) fn replayed(
        &self,
        service: &Arc<str>,
        id: MessageId,
        number: u64,
        handler: Option<&str>,
        called: u64,
        outcome: Result<bool, String>,
    ) {
        let mut record = self.record();
        let at = record.tick();
        let replays = &mut record.operations.replays;
        let replay = replays
            .entry((Arc::clone(service), number))
            .or_insert_with(|| Replay {
                id,
                handler: handler.map(handler_of),
                called,
                acknowledged: None,
            });
        if outcome == Ok(true) {
            replay.acknowledged.get_or_insert(at);
            record.acknowledged += 1;
        }
        let text = format!("the letter {number} of {service} was replayed: {outcome:?}");
        record.note(Some(id), None, text);
    }

    /// A call to drop a letter came to its end: whether it was there, if that was answered.
    pub(super) fn discarded(&self, letter: Letter, outcome: Option<bool>) {
        let mut record = self.record();
        let at = record.tick();
        let (number, id) = (letter.number, letter.entry.id);
        let text = format!(
            "the letter {number} of {} was dropped: {outcome:?}",
            letter.service
        );
        let place = (Arc::clone(&letter.service), number);
        let discards = &mut record.operations.discards;
        let discard = discards.entry(place).or_insert(Discard {
            letter,
            acknowledged: None,
        });
        if outcome.is_some() {
            discard.acknowledged.get_or_insert(at);
        }
        record.note(Some(id), None, text);
    }

    /// Letters were listed by a call that began then.
    pub(super) fn listed(&self, called: u64, letters: &[Letter]) {
        let mut record = self.record();
        for letter in letters {
            record.check_gone(letter, called);
        }
    }

    /// A service has something that nobody can read.
    pub(super) fn unreadable(&self, service: &Arc<str>, id: MessageId, message: Option<String>) {
        let mut record = self.record();
        record.note(Some(id), None, format!("{service} has it, as {message:?}"));
        let unreadable = &mut record.operations.unreadable;
        unreadable.insert((Arc::clone(service), id), message);
    }
}

/// The name of a handler's function, from its path.
pub(super) fn handler_of(path: &str) -> String {
    path.rsplit("::").next().unwrap_or(path).to_owned()
}
