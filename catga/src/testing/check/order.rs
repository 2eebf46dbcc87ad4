//! The first attempts of a key are in stored order, and stored order is the order of the calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::history::Record;
use super::super::report::Rule;
use crate::message::MessageId;
use crate::testing::enqueued::Enqueued;

impl Record {
    pub(in super::super) fn check_order(&mut self) {
        let mut found = Vec::new();
        for ((service, key), lane) in &self.lanes {
            let mut seen = BTreeSet::new();
            let starts = lane.iter().map(|index| self.executions[*index].entry());
            let firsts: Vec<_> = starts.filter(|entry| seen.insert(*entry)).collect();
            if let Some(text) = self.out_of_place(service, &firsts) {
                found.push((Arc::clone(key), text));
            }
            if let Some(text) = self.out_of_turn(service, &firsts) {
                found.push((Arc::clone(key), text));
            }
        }
        for (key, (id, text)) in found {
            self.violation(Rule::Order, Some(id), Some(&key), text);
        }
    }

    /// A message that started after one that stands behind it.
    fn out_of_place(&self, service: &Arc<str>, firsts: &[Enqueued]) -> Option<(MessageId, String)> {
        let mut last = None;
        for entry in firsts {
            let id = &entry.id;
            let Some((partition, sequence)) = self.places.get(&(Arc::clone(service), *entry))
            else {
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
    fn out_of_turn(&self, service: &Arc<str>, firsts: &[Enqueued]) -> Option<(MessageId, String)> {
        let mut earliest: Option<(MessageId, u64)> = None;
        for entry in firsts.iter().rev() {
            let id = &entry.id;
            let Some((called, acknowledged)) = self.answer_of(service, *entry) else {
                continue;
            };
            if let Some((after, before)) = earliest
                && before < called
            {
                return Some((
                    after,
                    format!(
                        "{after} was acknowledged before {id} was called, and started after it"
                    ),
                ));
            }
            if let Some(acknowledged) = acknowledged
                && earliest.is_none_or(|(_, known)| acknowledged < known)
            {
                earliest = Some((*id, acknowledged));
            }
        }
        None
    }

    /// When a message was called for first, and when that was acknowledged.
    fn answer_of(&self, service: &Arc<str>, entry: Enqueued) -> Option<(u64, Option<u64>)> {
        if let Some(number) = entry.replay {
            let place = (Arc::clone(service), number);
            let replay = self.operations.replays.get(&place)?;
            return Some((replay.called, replay.acknowledged));
        }
        let call = self.calls.get(&entry.id)?;
        let acknowledged = call.acknowledged.as_ref().map(|(at, _)| *at);
        Some((call.called, acknowledged))
    }
}
