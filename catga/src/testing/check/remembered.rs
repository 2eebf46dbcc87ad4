//! A handler with `dedup` does not run again for what it is remembered to have handled.

use super::super::history::Record;
use super::super::report::Rule;

impl Record {
    /// What was not remembered may run again: its node died before it could say so, or the claim had
    /// run out and another one has it.
    pub(in super::super) fn check_remembered(&mut self, index: usize) {
        let Some(started) = self.executions.get(index) else {
            return;
        };
        let (process, handler, id) = (&started.process, started.handler, started.id);
        let Some((since, window)) = self.memory.success(&process.service, handler, id) else {
            return;
        };
        if self.elapsed() > since + window {
            return;
        }
        let key = started.key.clone();
        let text = format!(
            "{handler} of {id} started on {process}, and its success is remembered since {since:?}"
        );
        self.violation(Rule::Repeated, Some(id), key.as_ref(), text);
    }
}
