use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use catga::MessageId;

use super::Rule;
use crate::sink::Execution;

/// One stream: what was acknowledged of it, and the row of the database that its handlers write.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) messages: BTreeMap<u64, Message>,
    /// The successful executions of each message, by handler.
    pub(super) done: BTreeMap<(u64, String), Vec<Arc<Execution>>>,
    pub(super) events: Vec<Event>,
    /// The highest fence of all writes.
    fence: u64,
    /// The highest number of all that started.
    farthest: u64,
    started: BTreeSet<(u64, String)>,
    running: Vec<Arc<Execution>>,
}

/// A message that was acknowledged.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: MessageId,
    /// Its handlers.
    pub(super) due: &'static [&'static str],
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: SystemTime,
    pub(super) number: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Acknowledged(MessageId),
    Started(Arc<Execution>),
    /// The first write was refused.
    Refused(Arc<Execution>),
    /// The last write was accepted.
    Ended(Arc<Execution>, bool),
    /// The last write was refused.
    TooLate(Arc<Execution>),
    Gone(Arc<Execution>),
}

impl Stream {
    pub(super) fn acknowledged(
        &mut self,
        number: u64,
        id: MessageId,
        due: &'static [&'static str],
    ) {
        self.messages.insert(number, Message { id, due });
        self.note(number, What::Acknowledged(id));
    }

    /// `None` if the write is refused, else what is wrong with it.
    pub(super) fn start(&mut self, execution: &Arc<Execution>) -> Option<Vec<(Rule, String)>> {
        if self.is_past(execution) {
            self.note(execution.number, What::Refused(Arc::clone(execution)));
            return None;
        }
        self.note(execution.number, What::Started(Arc::clone(execution)));
        let mut found = Vec::new();
        if execution.keyed {
            found.extend(self.check_order(execution));
            found.extend(self.check_overlap(execution));
        }
        self.running.push(Arc::clone(execution));
        Some(found)
    }

    /// Whether a write comes from an owner of the past.
    fn is_past(&self, execution: &Execution) -> bool {
        execution.keyed && execution.fence < self.fence
    }

    /// What starts for the first time stands behind all that ever started. The second handler of
    /// an event may still start beside the first.
    fn check_order(&mut self, execution: &Execution) -> Option<(Rule, String)> {
        let Execution {
            number, handler, ..
        } = execution;
        let first = self.started.insert((*number, handler.clone()));
        let farthest = self.farthest;
        self.farthest = farthest.max(*number);
        (first && *number < farthest).then(|| {
            let text =
                format!("{handler} of {number} started for the first time after {farthest} had");
            (Rule::Order, text)
        })
    }

    fn check_overlap(&mut self, execution: &Execution) -> Option<(Rule, String)> {
        // A higher fence supersedes what still runs: nothing that it writes is accepted any more.
        self.running.retain(|other| other.fence >= execution.fence);
        self.fence = execution.fence;
        let other = self
            .running
            .iter()
            .find(|other| !execution.is_beside(other))?;
        let text = format!(
            "{} of {} started on {} while {} of {} ran on {}",
            execution.handler,
            execution.number,
            execution.process,
            other.handler,
            other.number,
            other.process
        );
        Some((Rule::Overlap, text))
    }

    pub(super) fn end(&mut self, execution: &Arc<Execution>, succeeded: bool) -> bool {
        self.leave(execution);
        let number = execution.number;
        if self.is_past(execution) {
            self.note(number, What::TooLate(Arc::clone(execution)));
            return false;
        }
        if succeeded {
            let done = self.done.entry((number, execution.handler.clone()));
            done.or_default().push(Arc::clone(execution));
        }
        self.note(number, What::Ended(Arc::clone(execution), succeeded));
        true
    }

    pub(super) fn gone(&mut self, execution: &Arc<Execution>) {
        self.leave(execution);
        self.note(execution.number, What::Gone(Arc::clone(execution)));
    }

    fn leave(&mut self, execution: &Arc<Execution>) {
        self.running.retain(|other| !Arc::ptr_eq(other, execution));
    }

    fn note(&mut self, number: u64, what: What) {
        let at = SystemTime::now();
        self.events.push(Event { at, number, what });
    }
}
