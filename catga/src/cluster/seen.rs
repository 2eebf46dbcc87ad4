use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::candidates::Candidates;
use super::member::{Member, MemberRecord};
use super::observed::Observed;
use super::owners::{OwnersRecord, preference};
use super::registry::ServiceRecord;
use super::state::Cluster;
use super::versions::Versions;
use crate::node::NodeId;
use crate::routing::Load;
use crate::transport::Revision;

/// What the watch has brought.
#[derive(Debug)]
pub(super) struct SeenState {
    pub(super) observed: Observed,
    pub(super) services: BTreeMap<Arc<str>, (ServiceRecord, Revision)>,
    pub(super) owners: BTreeMap<Arc<str>, (OwnersRecord, Revision)>,
    pub(super) loads: HashMap<NodeId, Arc<Load>>,
    pub(super) versions: Versions,
    /// When the broker was last heard.
    pub(super) heard: Instant,
    /// Since when nothing can be seen: nobody is judged by what happens meanwhile.
    blind_since: Option<Instant>,
    /// Nothing is claimed or released before this.
    pub(super) quiet_until: Instant,
    /// What this node is giving away: it acts on it no more, whatever the record says.
    pub(super) releasing: Option<Releasing>,
    /// The partitions whose owner before this node died with them.
    pub(super) after_crash: BTreeSet<u32>,
    /// The first picture is complete.
    pub(super) complete: bool,
    /// The present watch is of no use any more.
    pub(super) rewatch: bool,
}

/// A release that was sent.
#[derive(Debug)]
pub(super) struct Releasing {
    /// The version of the owners that it replaces.
    pub(super) at: Option<Revision>,
    pub(super) partitions: BTreeSet<u32>,
}

impl SeenState {
    /// `quiet_until`: after a start wait one heartbeat, since the others may be starting, too.
    pub(super) fn new(quiet_until: Instant) -> Self {
        Self {
            observed: Observed::default(),
            services: BTreeMap::new(),
            owners: BTreeMap::new(),
            loads: HashMap::new(),
            versions: Versions::default(),
            heard: Instant::now(),
            blind_since: None,
            quiet_until,
            releasing: None,
            after_crash: BTreeSet::new(),
            complete: false,
            rewatch: false,
        }
    }

    /// The time by which the others are judged: it stands still while nothing can be seen.
    pub(super) fn clock(&self) -> Instant {
        self.blind_since.unwrap_or_else(Instant::now)
    }

    /// Nothing can be seen from now on.
    pub(super) fn blind(&mut self) {
        self.blind_since.get_or_insert_with(Instant::now);
    }

    /// Everything can be seen again. After a while without sight nobody is judged at once: all
    /// nodes may have been cut off.
    pub(super) fn sighted(&mut self, heartbeat: Duration, node_timeout: Duration) {
        if let Some(since) = self.blind_since.take()
            && since.elapsed() >= heartbeat
        {
            self.observed
                .grant(Instant::now() + node_timeout / 2, node_timeout);
        }
    }

    /// A node's record was written. `true` if more than its beat is new.
    pub(super) fn beat(
        &mut self,
        cluster: &Cluster,
        id: &NodeId,
        member: MemberRecord,
        revision: Revision,
    ) -> bool {
        let now = Instant::now();
        let joins = self.complete
            && *id != cluster.me
            && member.service == cluster.service
            && !self.observed.contains(id);
        if joins && self.quiet_until <= now {
            // After a join wait one heartbeat: more may be starting.
            self.quiet_until = now + cluster.settings.heartbeat;
        }
        let timeout = cluster.settings.node_timeout;
        self.observed
            .put(id.clone(), member, revision, now, timeout)
    }

    /// Whether this node is giving a partition away.
    pub(super) fn is_releasing(&self, partition: u32) -> bool {
        self.releasing
            .as_ref()
            .is_some_and(|releasing| releasing.partitions.contains(&partition))
    }

    /// The live nodes of a service that may own its partitions.
    pub(super) fn candidates<'a>(
        &self,
        service: &str,
        members: &'a [Member],
        leased: bool,
    ) -> Candidates<'a> {
        let record = self.services.get(service).map(|(record, _)| record);
        Candidates::of(service, members, record, leased)
    }

    /// Who owns each partition of a service, or should while nobody does.
    pub(super) fn places(
        &self,
        service: &str,
        candidates: &Candidates<'_>,
    ) -> Option<Vec<Option<NodeId>>> {
        let (service_record, _) = self.services.get(service)?;
        let fresh;
        let record = match self.owners.get(service) {
            Some((record, _)) => record,
            None => {
                fresh = OwnersRecord::new(service_record.partitions);
                &fresh
            }
        };
        let preferred = preference(record, candidates);
        Some(
            record
                .partitions
                .iter()
                .zip(preferred)
                .map(|(partition, preferred)| match &partition.owner {
                    Some(owner) if candidates.has(owner) => Some(owner.node.clone()),
                    _ => preferred,
                })
                .collect(),
        )
    }
}
