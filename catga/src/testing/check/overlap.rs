//! Two durable executions of one key never overlap.

use tokio::time::Instant;

use super::super::history::{Execution, Record};
use super::super::report::Rule;

impl Record {
    /// Checks an execution that starts against those of its lane, and makes its first write.
    pub(in super::super) fn check_start(&mut self, index: usize) {
        let Some(lane) = self.executions.get(index).and_then(Execution::lane) else {
            return;
        };
        let others = self.lanes.entry(lane.clone()).or_default().clone();
        let started = &self.executions[index];
        let (id, fence) = (started.id, started.fence);
        let mut texts = Vec::new();
        for other in others.iter().map(|other| &self.executions[*other]) {
            // What wakes up behind its fence is refused, and must be gone before time passes.
            let wakes = other.woke == Some(Instant::now());
            let active = other.end.is_none() && other.process.is_running() && !wakes;
            if active && !together(started, other) {
                texts.push(format!(
                    "{} of {id} started on {} while {} of {} ran on {}",
                    started.handler, started.process, other.handler, other.id, other.process
                ));
            }
        }
        if started.process.is_overdue() {
            texts.push(format!(
                "{} of {id} started on {}, which had not beaten for longer than a node may be silent",
                started.handler, started.process
            ));
        }
        let highest = self.fences.get(&lane).copied().unwrap_or_default();
        if fence < highest {
            texts.push(format!(
                "{} of {id} started on {} with the fence {fence}, after {highest} was seen",
                started.handler, started.process
            ));
        }
        self.fences.insert(lane.clone(), fence.max(highest));
        self.lanes.entry(lane.clone()).or_default().push(index);
        for text in texts {
            self.violation(Rule::Overlap, Some(id), Some(&lane.1), text);
        }
    }

    /// A write of an execution, on condition that no higher fence was seen. Whether it was
    /// accepted; where it was, nothing else of the lane may have started with the same fence.
    pub(in super::super) fn write(&mut self, index: usize) -> bool {
        let Some(lane) = self.executions.get(index).and_then(Execution::lane) else {
            return true;
        };
        let writer = &self.executions[index];
        if writer.fence < self.fences.get(&lane).copied().unwrap_or_default() {
            return false;
        }
        let later = self.lanes.get(&lane).into_iter().flatten();
        let overtaken = later
            .map(|other| &self.executions[*other])
            .find(|other| other.started > writer.started && !together(writer, other));
        if let Some(other) = overtaken {
            let text = format!(
                "a write of {} of {} on {} was accepted after {} of {} had started on {}",
                writer.handler, writer.id, writer.process, other.handler, other.id, other.process
            );
            let id = writer.id;
            self.violation(Rule::Overlap, Some(id), Some(&lane.1), text);
        }
        true
    }
}

/// Whether two executions may run at once: two handlers of one event, in one delivery.
fn together(one: &Execution, other: &Execution) -> bool {
    one.id == other.id
        && one.handler != other.handler
        && std::sync::Arc::ptr_eq(&one.process, &other.process)
}
