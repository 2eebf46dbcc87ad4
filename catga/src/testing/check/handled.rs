//! What was acknowledged is handled, in each service that takes it and in no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::history::Record;
use super::super::report::Rule;
use super::{Letter, Takers};
use crate::message::MessageId;
use crate::testing::enqueued::Enqueued;
use crate::testing::remembered::Remembered;

/// A handler that owes a message.
pub(in super::super) type Owed = (MessageId, Arc<str>, String);

/// What came to its end.
pub(super) struct Done<'a> {
    /// The last entry of each message with which a handler of a service succeeded.
    succeeded: BTreeMap<(MessageId, &'a str, &'a str), Enqueued>,
    letters: Vec<&'a Letter>,
    memory: &'a Remembered,
}

impl<'a> Done<'a> {
    fn of(record: &'a Record, letters: &'a [Letter]) -> Self {
        let mut succeeded = BTreeMap::new();
        for execution in record.executions.iter().filter(|one| one.is_success()) {
            let service = &*execution.process.service;
            let entry = execution.entry();
            let last = succeeded
                .entry((execution.id, service, execution.handler))
                .or_insert(entry);
            *last = entry.max(*last);
        }
        // Whoever drops a letter gives its message up.
        let dropped = record.operations.discards.values();
        let dropped = dropped.map(|discard| &discard.letter);
        Self {
            succeeded,
            letters: letters.iter().chain(dropped).collect(),
            memory: &record.memory,
        }
    }

    /// Those of the handlers that neither handled an entry, or a replay of it, nor gave it up.
    pub(super) fn open(
        &self,
        entry: Enqueued,
        service: &Arc<str>,
        handlers: &[String],
    ) -> Vec<Owed> {
        let is_done = |handler: &str| {
            let last = self.succeeded.get(&(entry.id, &**service, handler));
            last.is_some_and(|last| *last >= entry)
                || self.memory.success(service, handler, entry.id).is_some()
        };
        let is_dead = |handler: &str| {
            self.letters.iter().any(|letter| {
                letter.entry.id == entry.id
                    && letter.entry >= entry
                    && letter.service == *service
                    && letter.handler.as_deref().is_none_or(|name| name == handler)
            })
        };
        handlers
            .iter()
            .filter(|handler| !is_done(handler) && !is_dead(handler))
            .map(|handler| (entry.id, Arc::clone(service), handler.clone()))
            .collect()
    }
}

impl Record {
    /// What was acknowledged and is neither handled nor a dead letter.
    pub(in super::super) fn owed(&self, takers: &Takers, letters: &[Letter]) -> Vec<Owed> {
        let done = Done::of(self, letters);
        let mut owed = Vec::new();
        for (id, call) in &self.calls {
            if call.acknowledged.is_none() {
                continue;
            }
            let entry = Enqueued {
                id: *id,
                replay: None,
            };
            for (service, handlers) in takers.of(call.message) {
                let handlers: Vec<_> = handlers.iter().map(ToString::to_string).collect();
                owed.extend(done.open(entry, service, &handlers));
            }
        }
        owed.extend(self.owed_of_replays(takers, &done));
        owed.extend(self.owed_of_unreadable(takers, &done));
        owed
    }

    pub(in super::super) fn check_handled(&mut self, takers: &Takers, letters: &[Letter]) {
        for (id, service, handler) in self.owed(takers, letters) {
            let text = format!(
                "{id} was acknowledged, and {handler} of {service} neither handled it nor is it a dead letter"
            );
            let key = self.key_of(id);
            self.violation(Rule::Handled, Some(id), key.as_ref(), text);
        }
    }

    /// A receipt names exactly the services that take the message.
    pub(in super::super) fn check_receipts(&mut self, takers: &Takers) {
        let mut found = Vec::new();
        for (id, call) in &self.calls {
            let Some((_, Some(named))) = &call.acknowledged else {
                continue;
            };
            let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
            let expected: BTreeSet<&str> = takers
                .of(call.message)
                .map(|(service, _)| &**service)
                .collect();
            if named != expected {
                let message = call.message;
                found.push((
                    *id,
                    format!("{message} was stored for {named:?}, and {expected:?} take it"),
                ));
            }
        }
        for (id, text) in found {
            self.violation(Rule::Handled, Some(id), None, text);
        }
    }

    /// A dead letter has a reason: a failure, or that its message was running when nodes died.
    pub(in super::super) fn check_letters(&mut self, letters: &[Letter]) {
        let mut reasons: BTreeMap<(MessageId, &str), (usize, usize)> = BTreeMap::new();
        for execution in &self.executions {
            let service = &*execution.process.service;
            let (failed, interrupted) = reasons.entry((execution.id, service)).or_default();
            match execution.end {
                Some(super::super::history::End::Failed) => *failed += 1,
                Some(super::super::history::End::Succeeded(_)) => {}
                Some(super::super::history::End::Interrupted) | None => *interrupted += 1,
            }
        }
        let mut found = Vec::new();
        for letter in letters {
            let place = (Arc::clone(&letter.service), letter.entry.id);
            let reason = reasons.get(&(letter.entry.id, &*letter.service));
            if !self.operations.unreadable.contains_key(&place)
                && !self.versions.unknown.contains(&place)
                && !reason.is_some_and(|(failed, interrupted)| *failed > 0 || *interrupted > 1)
            {
                found.push(letter.clone());
            }
        }
        for Letter { entry, service, .. } in found {
            let id = entry.id;
            let text = format!("{id} is a dead letter of {service} and never failed");
            let key = self.key_of(id);
            self.violation(Rule::Letters, Some(id), key.as_ref(), text);
        }
    }

    fn key_of(&self, id: MessageId) -> Option<Arc<str>> {
        let mut executions = self.executions.iter();
        executions.find(|execution| execution.id == id)?.key.clone()
    }
}
