use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use super::fallback;
use super::owners::{
    Owner, OwnerFate, OwnersRecord, Round, preference, release_all, round, with_wants,
};
use super::seen::{Releasing, SeenState};
use super::state::Cluster;
use crate::message::ContentType;
use crate::telemetry::Chain;
use crate::transport::{Expect, Record, RecordKey, Revision, TransportError, WriteError};

/// Claims and releases partitions of this node's service until the node has left.
pub(super) async fn run(cluster: Arc<Cluster>) {
    let mut again = Instant::now() + cluster.settings.heartbeat;
    loop {
        let stopped = std::pin::pin!(cluster.stopped());
        let due = std::pin::pin!(cluster.owners_due.notified());
        let timer = std::pin::pin!(sleep_until(again));
        match select(stopped, select(due, timer)).await {
            Either::Left(_) => return,
            Either::Right(_) => {}
        }
        again = Instant::now() + cluster.settings.heartbeat;
        match change(&cluster).await {
            // Another node changed the record first: look at what it is now.
            Ok(NextRound::Again) => again = Instant::now() + Duration::from_millis(5),
            Ok(NextRound::At(at)) => again = again.min(at),
            Ok(NextRound::Done) => {}
            Err(error) => {
                tracing::warn!(target: "catga", node = %cluster.me, error = %Chain(&error), "partitions could not be claimed; it is tried again");
                again = Instant::now() + cluster.settings.heartbeat / 4;
            }
        }
    }
}

/// What comes after a round.
enum NextRound {
    Done,
    Again,
    /// There will be something to do at this time.
    At(Instant),
}

/// One round: all changes of this node as one compare-and-set.
async fn change(cluster: &Cluster) -> Result<NextRound, TransportError> {
    if !may_change(cluster) {
        return Ok(NextRound::Done);
    }
    let quiet_until = cluster.seen().quiet_until;
    if Instant::now() < quiet_until {
        return Ok(NextRound::At(quiet_until));
    }
    // What the watch brought says whether there is anything to do; nothing is asked otherwise.
    let known = known(cluster);
    if let Some((record, _)) = &known
        && cluster.seen().releasing.is_none()
        && let Plan::Nothing(turn) = plan(cluster, record, None, 0)
    {
        return Ok(turn);
    }
    let key = RecordKey::Owners(Arc::clone(&cluster.service));
    let read = cluster.read(&key).await?;
    let revision = read.record.as_ref().map(|found| found.revision);
    if known.is_some_and(|(_, known)| fallback::is_older(revision, known)) {
        fallback::happened(cluster, "it has old owners");
        return Ok(NextRound::Done);
    }
    let record = decode(cluster, read.record.as_ref())?;
    if !may_change(cluster) {
        // It ended, or began to drain, while the store was asked.
        return Ok(NextRound::Done);
    }
    let round = match plan(cluster, &record, revision, read.time) {
        Plan::Nothing(turn) => {
            cluster.seen().releasing = None;
            learnt(cluster, record, revision);
            // A claim whose reply was lost is seen here first: the watch brings it as nothing new.
            cluster.rebuild();
            return Ok(turn);
        }
        Plan::Round(round) => round,
    };
    // First this node stops acting on what it gives away, then others may hear of it.
    {
        let mut seen = cluster.seen();
        seen.releasing = (!round.released.is_empty()).then(|| Releasing {
            at: revision,
            partitions: round.released.iter().copied().collect(),
        });
        // Known before the claim is: it is acted on as soon as it is heard of.
        for partition in &round.claimed {
            seen.after_crash.remove(partition);
        }
        seen.after_crash.extend(&round.after_crash);
    }
    cluster.rebuild();
    write(cluster, &key, &round.record, revision).await?;
    tracing::debug!(
        target: "catga",
        node = %cluster.me,
        claimed = ?round.claimed,
        released = ?round.released,
        "the owners of partitions changed"
    );
    // There may be more, once the others have done their part.
    Ok(NextRound::Again)
}

fn may_change(cluster: &Cluster) -> bool {
    cluster.lease.is_valid() && !cluster.own().record.draining
}

fn known(cluster: &Cluster) -> Option<(OwnersRecord, Revision)> {
    cluster.seen().owners.get(&cluster.service).cloned()
}

fn decode(cluster: &Cluster, record: Option<&Record>) -> Result<OwnersRecord, TransportError> {
    match record {
        Some(found) => ContentType::Json
            .decode(&found.value)
            .map_err(|error| TransportError::new("read the owners", error)),
        None => Ok(OwnersRecord::new(cluster.settings.partitions)),
    }
}

enum Plan {
    Nothing(NextRound),
    Round(Round),
}

/// What this node would change, given the owners.
fn plan(cluster: &Cluster, record: &OwnersRecord, at: Option<Revision>, time: u64) -> Plan {
    let me = cluster.owner();
    let lives = cluster.own().lives.clone();
    let members = cluster.members();
    let timeout = cluster.settings.node_timeout;
    let mut waits: Option<Instant> = None;
    let mut seen = cluster.seen();
    let now = seen.clock();
    let live = seen.candidates(&cluster.service, &members.members, true);
    let asked = with_wants(record, &me, &cluster.handover.lacking(), &live);
    let is_asking = asked.is_some();
    let record = asked.as_ref().unwrap_or(record);
    let mut preferred = preference(record, &live);
    if let Some(releasing) = &seen.releasing
        && releasing.at == at
    {
        // That release may still be on its way: it is made certain before anything else.
        for partition in &releasing.partitions {
            if let Some(preferred) = preferred.get_mut(*partition as usize) {
                *preferred = None;
            }
        }
    }
    let SeenState {
        observed, owners, ..
    } = &mut *seen;
    let mut is_dead = |owner: &Owner| {
        // A former life of this very process or name: dead for certain.
        if owner.node == me.node {
            return if lives.contains(&owner.incarnation) {
                OwnerFate::Reborn
            } else {
                OwnerFate::Crash
            };
        }
        if observed.is_dead(owner, now, timeout) {
            return OwnerFate::Crash;
        }
        if let Some(at) = observed.dead_at(owner, timeout) {
            waits = Some(waits.map_or(at, |wait| wait.min(at)));
        }
        OwnerFate::None
    };
    // What is given away is stopped first; until then the rest of the round does not wait for it.
    let all = round(record, &preferred, &me, time, |_| true, &mut is_dead);
    let released: BTreeSet<u32> = all
        .iter()
        .flat_map(|round| round.released.iter().copied())
        .collect();
    let stopped = cluster.handover.want(released.clone());
    let round = if stopped == released {
        all
    } else {
        let may_release = |partition| stopped.contains(&partition);
        round(record, &preferred, &me, time, may_release, &mut is_dead)
    };
    observed.forget_beats(|life| {
        let others = owners.values().map(|(record, _)| record);
        let mut all = others.chain([record]).flat_map(|record| &record.partitions);
        all.any(|partition| partition.owner.as_ref() == Some(life))
    });
    let asking = || is_asking.then(|| Round::of(record.clone()));
    match round.or_else(asking) {
        Some(round) => Plan::Round(round),
        None => {
            // While nothing can be seen the clock of judgement stands still: there is nothing to
            // wait for then, and the watch says when there is.
            let due = waits.filter(|at| *at > Instant::now());
            Plan::Nothing(due.map_or(NextRound::Done, NextRound::At))
        }
    }
}

/// Writes the owners if nobody else did. A conflict is no error: the caller looks again.
async fn write(
    cluster: &Cluster,
    key: &RecordKey,
    record: &OwnersRecord,
    at: Option<Revision>,
) -> Result<bool, TransportError> {
    let expect = at.map_or(Expect::Absent, Expect::Revision);
    let revision = match cluster.write(key, record, expect, None).await {
        Ok(revision) => revision,
        Err(WriteError::Conflict) => return Ok(false),
        Err(WriteError::Transport(error)) => return Err(error),
    };
    learnt(cluster, record.clone(), Some(revision));
    cluster.seen().releasing = None;
    cluster.rebuild();
    Ok(true)
}

/// Takes over what the store said or was told, unless the watch was faster.
fn learnt(cluster: &Cluster, record: OwnersRecord, revision: Option<Revision>) {
    let Some(revision) = revision else { return };
    let mut seen = cluster.seen();
    let known = seen.owners.get(&cluster.service).map(|(_, known)| *known);
    if known.is_none_or(|known| known < revision) {
        let service = Arc::clone(&cluster.service);
        seen.owners.insert(service, (record, revision));
    }
}

impl Cluster {
    /// What this node owns, as the store itself says.
    pub(crate) async fn confirmed(&self) -> Result<BTreeMap<u32, u64>, TransportError> {
        let key = RecordKey::Owners(Arc::clone(&self.service));
        let read = self.read(&key).await?;
        let record = decode(self, read.record.as_ref())?;
        let me = self.owner();
        Ok((0..)
            .zip(record.partitions)
            .filter(|(_, partition)| partition.owner.as_ref() == Some(&me))
            .map(|(number, partition)| (number, partition.epoch))
            .collect())
    }

    /// Looks at once whether there is anything to claim or to give away.
    pub(crate) fn owners_changed(&self) {
        self.owners_due.notify_one();
    }
}

/// Gives away everything before the node leaves.
pub(super) async fn release(cluster: &Cluster) -> Result<(), TransportError> {
    let key = RecordKey::Owners(Arc::clone(&cluster.service));
    loop {
        let read = cluster.read(&key).await?;
        let Some(found) = read.record else {
            return Ok(());
        };
        let record = decode(cluster, Some(&found))?;
        let Some(next) = release_all(&record, |owner| cluster.was(owner)) else {
            return Ok(());
        };
        cluster.seen().releasing = Some(Releasing {
            at: Some(found.revision),
            partitions: (0..cluster.settings.partitions).collect(),
        });
        if write(cluster, &key, &next, Some(found.revision)).await? {
            return Ok(());
        }
    }
}
