//! Which node knows which messages: the nodes of a service need not be of one version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::history::History;
use super::process::Process;
use super::report::Rule;
use crate::message::MessageId;
use crate::transport::Entry;
use crate::wiring::Wiring;

/// How long it may take until all nodes know of one that has started.
const KNOWN: Duration = Duration::from_secs(20);

/// What is known of the nodes and of what they do not know.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// By their lives: those that have started and not left.
    nodes: BTreeMap<u64, Version>,
    /// What nobody knew, by service.
    pub(super) unknown: BTreeSet<(Arc<str>, MessageId)>,
}

#[derive(Debug)]
struct Version {
    process: Arc<Process>,
    since: Instant,
    /// The durable messages that it handles.
    messages: BTreeSet<&'static str>,
}

impl Version {
    /// Whether every node of its service must know that it is there.
    fn is_known(&self) -> bool {
        let before = Instant::now().checked_sub(KNOWN);
        let known =
            before.is_some_and(|before| self.since <= before && !self.process.was_overdue(before));
        known && !self.process.is_dead()
    }
}

impl History {
    /// A node has started.
    pub(super) fn began(&self, process: &Arc<Process>, wiring: &Wiring) {
        let mut record = self.record();
        let mut messages = BTreeSet::new();
        for message in wiring.messages() {
            for handler in message.handlers() {
                record.memory.handler(&process.service, handler);
                if !handler.is_broadcast() {
                    messages.insert(message.info().name());
                }
            }
        }
        let version = Version {
            process: Arc::clone(process),
            since: Instant::now(),
            messages,
        };
        record.versions.nodes.insert(process.life, version);
    }

    /// A node has left, or was taken for dead.
    pub(super) fn left(&self, node: &str) {
        let mut record = self.record();
        let nodes = &mut record.versions.nodes;
        nodes.retain(|_, version| *version.process.id != *node);
    }

    /// The records are what they were: nobody needs to know who is there.
    pub(super) fn forget_versions(&self) {
        self.record().versions.nodes.clear();
    }

    /// A node gave a message up because nobody knows its type: there must be nobody who does.
    pub(super) fn buried_as_unknown(&self, process: &Process, letter: &Entry) {
        let mut record = self.record();
        let place = (Arc::clone(&process.service), letter.id);
        record.versions.unknown.insert(place);
        let mut others = record.versions.nodes.values();
        let knows = others.find(|other| {
            other.process.service == process.service
                && other.process.life != process.life
                && other.messages.contains(&*letter.name)
                && other.is_known()
        });
        let name = &letter.name;
        let text = match knows {
            None => {
                let text = format!("{process} gave it up: nobody knows {name}");
                return record.note(Some(letter.id), letter.key.clone(), text);
            }
            Some(Version { process: other, .. }) => {
                format!(
                    "{process} gave up {} although {other} handles {name}",
                    letter.id
                )
            }
        };
        record.violation(Rule::Letters, Some(letter.id), letter.key.as_ref(), text);
    }
}
