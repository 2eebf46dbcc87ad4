//! What those who operate a service may rely on.

use std::sync::Arc;

use super::super::history::Record;
use super::super::report::Rule;
use super::handled::{Done, Owed};
use super::{Letter, Takers};
use crate::testing::enqueued::Enqueued;

impl Record {
    /// While a service is paused, nothing of it starts.
    pub(in super::super) fn check_pause(&mut self, index: usize) {
        let Some(started) = self.executions.get(index) else {
            return;
        };
        let process = &started.process;
        // One that the others take for dead need not know.
        if !self.operations.is_paused(&process.service, process.life) || process.is_overdue() {
            return;
        }
        let (id, key) = (started.id, started.key.clone());
        let text = format!(
            "{} of {id} started on {process} while its service was paused",
            started.handler
        );
        self.violation(Rule::Paused, Some(id), key.as_ref(), text);
    }

    /// The replays that were acknowledged, and came to no end.
    pub(super) fn owed_of_replays(&self, takers: &Takers, done: &Done<'_>) -> Vec<Owed> {
        let mut owed = Vec::new();
        for ((service, number), replay) in &self.operations.replays {
            if replay.acknowledged.is_none() {
                continue;
            }
            let entry = Enqueued {
                id: replay.id,
                replay: Some(*number),
            };
            let handlers = match &replay.handler {
                Some(handler) => vec![handler.clone()],
                None => self.handlers_of(takers, service, replay.id),
            };
            owed.extend(done.open(entry, service, &handlers));
        }
        owed
    }

    /// What nobody can read, and is no dead letter.
    pub(super) fn owed_of_unreadable(&self, takers: &Takers, done: &Done<'_>) -> Vec<Owed> {
        let mut owed = Vec::new();
        for (service, id) in self.operations.unreadable.keys() {
            let entry = Enqueued {
                id: *id,
                replay: None,
            };
            let handlers = self.handlers_of(takers, service, *id);
            owed.extend(done.open(entry, service, &handlers));
        }
        owed
    }

    /// Who has to do with a message. Where no handler has, there is one name that none of them has.
    fn handlers_of(
        &self,
        takers: &Takers,
        service: &Arc<str>,
        id: crate::MessageId,
    ) -> Vec<String> {
        let unreadable = self.operations.unreadable.get(&(Arc::clone(service), id));
        let message = match unreadable {
            Some(message) => message.as_deref(),
            None => self.calls.get(&id).map(|call| call.message),
        };
        let mut services = takers.of(message.unwrap_or_default());
        let handlers = services.find(|(taker, _)| *taker == service);
        match handlers {
            Some((_, handlers)) => handlers.iter().map(ToString::to_string).collect(),
            None => vec!["nobody".to_owned()],
        }
    }

    /// What was replayed or dropped before it was looked for is no letter any more.
    pub(in super::super) fn check_gone(&mut self, letter: &Letter, called: u64) {
        let place = (Arc::clone(&letter.service), letter.number);
        let (replays, discards) = (&self.operations.replays, &self.operations.discards);
        let replayed = replays.get(&place).and_then(|replay| replay.acknowledged);
        let dropped = discards
            .get(&place)
            .and_then(|discard| discard.acknowledged);
        let was = match (replayed, dropped) {
            (Some(at), _) if at < called => "replayed",
            (_, Some(at)) if at < called => "dropped",
            _ => return,
        };
        let Letter {
            service,
            number,
            entry,
            ..
        } = letter;
        let text = format!("the letter {number} of {service} was {was} and is still there");
        self.violation(Rule::Letters, Some(entry.id), None, text);
    }

    /// A replay is for the handler whose letter it was, what was dropped is not replayed, and what
    /// cannot be read is handled by none.
    pub(super) fn check_replays(&mut self) {
        let mut found = Vec::new();
        for execution in &self.executions {
            let service = &execution.process.service;
            let place = (Arc::clone(service), execution.replay.unwrap_or_default());
            let replay = self.operations.replays.get(&place);
            let wanted = replay.and_then(|replay| replay.handler.as_deref());
            let dropped = self.operations.discards.get(&place);
            let dropped = dropped.and_then(|discard| discard.acknowledged);
            let id = execution.id;
            let text = if execution.replay.is_some()
                && wanted.is_some_and(|wanted| wanted != execution.handler)
            {
                format!(
                    "{} of {service} ran for a replay for {wanted:?}",
                    execution.handler
                )
            } else if execution.replay.is_some()
                && dropped.is_some_and(|at| replay.is_none_or(|replay| at < replay.called))
            {
                let (number, handler) = (place.1, execution.handler);
                format!("{handler} of {service} ran for the letter {number}, which was dropped")
            } else if execution.is_success()
                && self
                    .operations
                    .unreadable
                    .contains_key(&(Arc::clone(service), id))
            {
                format!(
                    "{} of {service} handled what cannot be read",
                    execution.handler
                )
            } else {
                continue;
            };
            found.push((id, execution.key.clone(), text));
        }
        for (id, key, text) in found {
            self.violation(Rule::Handled, Some(id), key.as_ref(), text);
        }
    }
}
