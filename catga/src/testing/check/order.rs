//! The first attempts of a key are in stored order, and stored order is the order of the calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::history::Record;
use super::super::report::Rule;
use crate::message::MessageId;

impl Record {
    pub(in super::super) fn check_order(&mut self) {
        let mut found = Vec::new();
        for ((service, key), lane) in &self.lanes {
            let mut seen = BTreeSet::new();
            let starts = lane.iter().map(|index| self.executions[*index].id);
            let firsts: Vec<_> = starts.filter(|id| seen.insert(*id)).collect();
            if let Some(text) = self.out_of_place(service, &firsts) {
                found.push((Arc::clone(key), text));
            }
            if let Some(text) = self.out_of_turn(&firsts) {
                found.push((Arc::clone(key), text));
            }
        }
        for (key, (id, text)) in found {
            self.violation(Rule::Order, Some(id), Some(&key), text);
        }
    }

    /// A message that started after one that stands behind it.
    fn out_of_place(
        &self,
        service: &Arc<str>,
        firsts: &[MessageId],
    ) -> Option<(MessageId, String)> {
        let mut last = None;
        for id in firsts {
            let Some((partition, sequence)) = self.places.get(&(Arc::clone(service), *id)) else {
                continue;
            };
            if let Some((before, at)) = last
                && at > sequence
            {
                return Some((
                    *id,
                    format!(
                        "{before} at {partition}/{at} started in {service} before {id} at {partition}/{sequence}"
                    ),
                ));
            }
            last = Some((id, sequence));
        }
        None
    }

    /// A message that started after one that was called only when it had been acknowledged.
    fn out_of_turn(&self, firsts: &[MessageId]) -> Option<(MessageId, String)> {
        let mut earliest: Option<(MessageId, u64)> = None;
        for id in firsts.iter().rev() {
            let Some(call) = self.calls.get(id) else {
                continue;
            };
            if let Some((after, acknowledged)) = earliest
                && acknowledged < call.called
            {
                return Some((
                    after,
                    format!(
                        "{after} was acknowledged before {id} was called, and started after it"
                    ),
                ));
            }
            if let Some((acknowledged, _)) = call.acknowledged
                && earliest.is_none_or(|(_, known)| acknowledged < known)
            {
                earliest = Some((*id, acknowledged));
            }
        }
        None
    }
}
