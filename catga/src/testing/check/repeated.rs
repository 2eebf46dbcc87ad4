//! What was handled is not handled again without a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::history::{End, Execution, Record};
use super::super::report::Rule;
use crate::testing::enqueued::Enqueued;

impl Record {
    /// The only reason for a keyed message to run again is that its partition changed hands, or
    /// that it was stored again when its id was not known any more.
    /// Where all moves were `planned` there is none.
    pub(in super::super) fn check_repeated(&mut self, planned: bool) {
        let mut runs: BTreeMap<(Enqueued, &str, &str), Vec<&Execution>> = BTreeMap::new();
        for execution in &self.executions {
            let service = &*execution.process.service;
            let run = (execution.entry(), service, execution.handler);
            runs.entry(run).or_default().push(execution);
        }
        let mut found = Vec::new();
        for ((entry, service, handler), executions) in runs {
            let pairs = executions.iter().zip(executions.iter().skip(1));
            for (before, again) in pairs {
                let text = if planned && before.end != Some(End::Failed) {
                    format!(
                        "{handler} of {service} ran again on {} after {} had come to {:?}, in a planned move",
                        again.process, before.process, before.end
                    )
                } else if again.key.is_some()
                    && before.is_success()
                    && before.fence == again.fence
                    && !self.stored_again.contains(&(service.into(), entry))
                {
                    format!(
                        "{handler} of {service} ran again on {} after it had succeeded on {} under the same fence {}",
                        again.process, before.process, again.fence
                    )
                } else {
                    continue;
                };
                found.push((entry.id, again.key.clone(), text));
            }
        }
        for (id, key, text) in found {
            let key: Option<&Arc<str>> = key.as_ref();
            self.violation(Rule::Repeated, Some(id), key, text);
        }
    }
}
