use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::member::MemberRecord;
use super::owners::Owner;
use crate::node::NodeId;
use crate::transport::Revision;

/// The nodes as this one sees them, judged by its own clock.
#[derive(Debug, Default)]
pub(super) struct Observed {
    nodes: BTreeMap<NodeId, Seen>,
    /// When a beat of a node's life was last new here, or was first looked for.
    beats: HashMap<Owner, Instant>,
}

#[derive(Debug)]
struct Seen {
    life: Owner,
    record: MemberRecord,
    revision: Revision,
}

impl Observed {
    /// A record was written. Only a beat that is new here says that its node is alive.
    ///
    /// `true` if more than the beat is new.
    pub(super) fn put(
        &mut self,
        id: NodeId,
        record: MemberRecord,
        revision: Revision,
        now: Instant,
        timeout: Duration,
    ) -> bool {
        let known = self.nodes.get(&id);
        let is_new = known.is_none_or(|seen| {
            (seen.record.incarnation, seen.record.beat) != (record.incarnation, record.beat)
        });
        let only_beat = known.is_some_and(|seen| {
            let beat = record.beat;
            MemberRecord {
                beat,
                ..seen.record.clone()
            } == record
                && self.is_fresh(&seen.life, now, timeout)
        });
        let life = Owner {
            node: id.clone(),
            incarnation: record.incarnation,
        };
        if is_new {
            self.beats.insert(life.clone(), now);
        }
        let seen = Seen {
            life,
            record,
            revision,
        };
        self.nodes.insert(id, seen);
        !only_beat
    }

    pub(super) fn removed(&mut self, id: &NodeId) {
        self.nodes.remove(id);
    }

    pub(super) fn contains(&self, id: &NodeId) -> bool {
        self.nodes.contains_key(id)
    }

    /// Forgets every node that is not among those of a new watch.
    pub(super) fn retain(&mut self, keep: impl Fn(&NodeId) -> bool) {
        self.nodes.retain(|id, _| keep(id));
    }

    /// Gives every node at least until `until` to show a new beat: nobody could see one for a
    /// while.
    pub(super) fn grant(&mut self, until: Instant, timeout: Duration) {
        for beat in self.beats.values_mut() {
            if *beat + timeout < until {
                *beat += until - (*beat + timeout);
            }
        }
    }

    /// The nodes whose beats are new enough, sorted by id.
    pub(super) fn live(
        &self,
        now: Instant,
        timeout: Duration,
    ) -> impl Iterator<Item = (&NodeId, &MemberRecord)> {
        self.nodes
            .iter()
            .filter(move |(_, seen)| self.is_fresh(&seen.life, now, timeout))
            .map(|(id, seen)| (id, &seen.record))
    }

    /// The records of nodes that showed no new beat for `timeout`: whoever sees one removes it.
    pub(super) fn stale(&self, now: Instant, timeout: Duration) -> Vec<(NodeId, Revision)> {
        self.nodes
            .iter()
            .filter(|(_, seen)| !self.is_fresh(&seen.life, now, timeout))
            .map(|(id, seen)| (id.clone(), seen.revision))
            .collect()
    }

    /// When the next node becomes stale if nothing is heard of it.
    pub(super) fn next_stale(&self, now: Instant, timeout: Duration) -> Option<Instant> {
        self.nodes
            .values()
            .filter_map(|seen| self.beats.get(&seen.life))
            .map(|beat| *beat + timeout)
            .filter(|at| *at > now)
            .min()
    }

    /// Whether an owner is dead: its record is gone, and nothing new was seen of it for `timeout`
    /// on this clock, counted from the first look if nothing ever was.
    pub(super) fn is_dead(&mut self, owner: &Owner, now: Instant, timeout: Duration) -> bool {
        let present = self
            .nodes
            .get(&owner.node)
            .is_some_and(|seen| seen.life == *owner);
        let beat = *self.beats.entry(owner.clone()).or_insert(now);
        !present && now.duration_since(beat) >= timeout
    }

    /// When a dead owner may be replaced, if it is being waited for.
    pub(super) fn dead_at(&self, owner: &Owner, timeout: Duration) -> Option<Instant> {
        self.beats.get(owner).map(|beat| *beat + timeout)
    }

    /// Drops the beats of lives that nobody asks for any more.
    pub(super) fn forget_beats(&mut self, keep: impl Fn(&Owner) -> bool) {
        let nodes = &self.nodes;
        self.beats.retain(|life, _| {
            keep(life) || nodes.get(&life.node).is_some_and(|seen| seen.life == *life)
        });
    }

    fn is_fresh(&self, life: &Owner, now: Instant, timeout: Duration) -> bool {
        self.beats
            .get(life)
            .is_some_and(|beat| now.duration_since(*beat) < timeout)
    }
}
