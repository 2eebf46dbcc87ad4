//! What must hold, whatever goes wrong.

mod children;
mod handled;
mod operated;
mod order;
mod overlap;
mod remembered;
mod repeated;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::enqueued::Enqueued;
use super::history::Record;
use super::operations::handler_of;
use crate::delivery::DeadLetter;
use crate::wiring::Wiring;

/// The handlers of each durable message, by service.
#[derive(Debug, Clone, Default)]
pub(super) struct Takers(BTreeMap<&'static str, BTreeMap<Arc<str>, Vec<&'static str>>>);

impl Takers {
    /// Adds what the nodes of a service take.
    pub(super) fn add(&mut self, service: &Arc<str>, wiring: &Wiring) {
        for message in wiring.messages() {
            let handlers = message.handlers().iter();
            let durable = handlers.filter(|handler| !handler.is_broadcast());
            let names: Vec<_> = durable.map(|handler| handler.name()).collect();
            if !names.is_empty() {
                let services = self.0.entry(message.info().name()).or_default();
                services.insert(Arc::clone(service), names);
            }
        }
    }

    fn of(&self, message: &str) -> impl Iterator<Item = (&Arc<str>, &Vec<&'static str>)> {
        self.0.get(message).into_iter().flatten()
    }
}

/// A dead letter, as far as the checks need it.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) service: Arc<str>,
    pub(super) number: u64,
    pub(super) entry: Enqueued,
    /// `None` where it stands for all handlers of the message.
    pub(super) handler: Option<String>,
}

impl Letter {
    pub(super) fn of(service: &Arc<str>, letter: &DeadLetter) -> Self {
        Self {
            service: Arc::clone(service),
            number: letter.number(),
            entry: Enqueued::of(letter.id(), letter.headers()),
            handler: letter.handler().map(handler_of),
        }
    }
}

impl Record {
    /// Checks everything that only the end can tell.
    pub(super) fn check_end(&mut self, takers: &Takers, letters: &[Letter], planned: bool) {
        self.check_order();
        self.check_handled(takers, letters);
        self.check_receipts(takers);
        self.check_letters(letters);
        self.check_repeated(planned);
        self.check_replays();
        for letter in letters {
            self.check_gone(letter, u64::MAX);
        }
        let mut violations = std::mem::take(&mut self.violations);
        for violation in &mut violations {
            violation.excerpt = self.excerpt(violation.id, violation.key.as_ref());
        }
        self.violations = violations;
    }
}
