//! Of handlers with `dedup`: for which messages the broker remembers that they succeeded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::history::History;
use crate::delivery::claim_name;
use crate::handler::HandlerInfo;
use crate::message::MessageId;

/// What brokers and handlers say of it.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The handlers with `dedup`, by service and name.
    handlers: BTreeMap<(Arc<str>, &'static str), &'static HandlerInfo>,
    /// When a success was written down, by service and mark.
    successes: BTreeMap<(Arc<str>, String), Duration>,
}

impl Remembered {
    /// A node of a service has this handler.
    pub(super) fn handler(&mut self, service: &Arc<str>, handler: &'static HandlerInfo) {
        if handler.dedup().is_some() {
            let place = (Arc::clone(service), handler.name());
            self.handlers.insert(place, handler);
        }
    }

    /// Since when it is remembered that a handler succeeded with a message, and for how long it is.
    pub(super) fn success(
        &self,
        service: &Arc<str>,
        handler: &str,
        id: MessageId,
    ) -> Option<(Duration, Duration)> {
        let mut handlers = self.handlers.iter();
        let (_, info) = handlers.find(|((of, name), _)| of == service && *name == handler)?;
        let place = (Arc::clone(service), claim_name(info, id));
        Some((*self.successes.get(&place)?, info.dedup()?))
    }
}

impl History {
    /// The broker has written down that a handler succeeded.
    pub(super) fn remembered(&self, service: &Arc<str>, mark: &str) {
        let mut record = self.record();
        let at = self.elapsed();
        let place = (Arc::clone(service), mark.to_owned());
        record.memory.successes.insert(place, at);
        drop(record);
        self.mix("remembered", &mark);
    }
}
