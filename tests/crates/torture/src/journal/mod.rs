//! What was acknowledged and what ran, with the checks that can be made at once.

mod history;
mod stream;
mod sum;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use catga::MessageId;

use crate::sink::Execution;
use stream::Stream;

/// What happened, as far as it can be seen from outside of the node processes.
#[derive(Debug, Default)]
pub struct Journal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<String, Stream>,
    /// What was done to the cluster.
    incidents: Vec<(SystemTime, String)>,
    /// The processes that have started.
    up: BTreeSet<String>,
    /// The processes that were killed or stopped.
    harmed: BTreeSet<String>,
    violations: Vec<Violation>,
}

/// A promise that was not kept.
#[derive(Debug, Clone)]
pub struct Violation {
    pub rule: Rule,
    pub stream: String,
    pub number: u64,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    Lost,
    Order,
    Overlap,
    /// Handled again by the same owner: only a message that was stored twice explains it.
    Twice,
}

impl Journal {
    /// A publisher has its receipt: these handlers are due.
    pub fn acknowledged(
        &self,
        stream: &str,
        number: u64,
        id: MessageId,
        due: &'static [&'static str],
    ) {
        let mut state = self.state();
        let stream = state.streams.entry(stream.to_owned()).or_default();
        stream.acknowledged(number, id, due);
    }

    pub fn up(&self, process: String) {
        let mut state = self.state();
        let incident = format!("{process} has started");
        state.incidents.push((SystemTime::now(), incident));
        state.up.insert(process);
    }

    pub fn is_up(&self, process: &str) -> bool {
        self.state().up.contains(process)
    }

    /// A process was killed or stopped: what it had handled may be handled again.
    pub fn harmed(&self, process: String) {
        self.state().harmed.insert(process);
    }

    /// Something was done to the cluster.
    pub fn incident(&self, text: String) {
        self.state().incidents.push((SystemTime::now(), text));
    }

    /// The first write of an execution: `None` if it is refused.
    pub fn start(&self, execution: Execution) -> Option<Arc<Execution>> {
        let execution = Arc::new(execution);
        let mut state = self.state();
        let stream = state.streams.entry(execution.stream.clone()).or_default();
        let found = stream.start(&execution);
        let accepted = found.is_some();
        for (rule, text) in found.into_iter().flatten() {
            state.violations.push(Violation {
                rule,
                stream: execution.stream.clone(),
                number: execution.number,
                text,
            });
        }
        accepted.then_some(execution)
    }

    /// The last write of an execution: whether it is accepted.
    pub fn end(&self, execution: &Arc<Execution>, succeeded: bool) -> bool {
        let mut state = self.state();
        let stream = state.streams.get_mut(&execution.stream);
        stream.is_some_and(|stream| stream.end(execution, succeeded))
    }

    /// An execution is no more: its process ended, or its node had no right to it any more.
    pub fn gone(&self, execution: &Arc<Execution>) {
        let mut state = self.state();
        if let Some(stream) = state.streams.get_mut(&execution.stream) {
            stream.gone(execution);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
