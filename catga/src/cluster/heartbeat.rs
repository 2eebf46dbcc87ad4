use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use super::clock::Moment;
use super::fallback;
use super::member::MemberRecord;
use super::registry::{self, RegisterError};
use super::state::Cluster;
use crate::message::ContentType;
use crate::node::epoch_now;
use crate::transport::{Expect, RecordKey, TransportError, WriteError};

/// How a heartbeat ended.
#[derive(Debug)]
pub(super) enum Beat {
    Confirmed,
    /// Unknown: the store could not be asked in time.
    Unconfirmed(TransportError),
    /// Another process has this node's name.
    Taken,
    /// The node has left: nothing was written.
    Left,
}

/// Beats until the node has left.
pub(super) async fn run(cluster: Arc<Cluster>) {
    let mut wait = cluster.settings.heartbeat;
    let mut failures: u32 = 0;
    loop {
        let stopped = std::pin::pin!(cluster.stopped());
        let due = std::pin::pin!(cluster.beat_due.notified());
        let timer = std::pin::pin!(sleep(wait));
        if let Either::Left(_) = select(stopped, select(due, timer)).await {
            return;
        }
        match beat(&cluster).await {
            Beat::Confirmed => {
                failures = 0;
                wait = cluster.settings.heartbeat;
            }
            Beat::Left => return,
            outcome @ (Beat::Unconfirmed(_) | Beat::Taken) => {
                failures = failures.saturating_add(1);
                tracing::warn!(
                    target: "catga",
                    node = %cluster.me,
                    failures,
                    ?outcome,
                    "a heartbeat was not confirmed; it is tried again"
                );
                // Quickly, so that a few lost replies cost no lease.
                let backoff = Duration::from_millis(50) * 2_u32.pow(failures.min(6));
                wait = backoff
                    .min(cluster.settings.heartbeat / 3)
                    .mul_f64(0.5 + fastrand::f64() / 2.0);
            }
        }
    }
}

/// Writes the next beat, on condition that the record is this node's own last one.
pub(super) async fn beat(cluster: &Cluster) -> Beat {
    // One at a time: an older beat must not be confirmed after a newer one.
    let _turn = cluster.beating.lock().await;
    // A conflict is looked into and tried again; more than a few in a row are left to the next
    // beat.
    for _ in 0..4 {
        if *cluster.stopped.borrow() {
            return Beat::Left;
        }
        if cluster.lease.has_run_out() {
            // Others may have taken over since. A store that fell back would not know, and take the
            // next beat of this life: a new one owns nothing until it claims it.
            reborn(cluster);
        }
        if let Err(error) = register_again(cluster).await {
            return Beat::Unconfirmed(error);
        }
        let (record, expect, sent) = {
            let mut own = cluster.own();
            own.record.beat += 1;
            own.sent = cluster.lease.clock.now();
            let expect = own.revision.map_or(Expect::Absent, Expect::Revision);
            (own.record.clone(), expect, own.sent)
        };
        let key = RecordKey::Member(cluster.me.clone());
        let expires = Some(cluster.settings.node_timeout);
        match cluster.write(&key, &record, expect, expires).await {
            Ok(revision) => {
                let is_current = {
                    let mut own = cluster.own();
                    own.revision = Some(revision);
                    own.record.incarnation == record.incarnation
                };
                if is_current {
                    if !cluster.lease.is_valid()
                        && let Err(error) = look_at_service(cluster).await
                    {
                        return Beat::Unconfirmed(error);
                    }
                    confirm(cluster, sent);
                    return Beat::Confirmed;
                }
                // Meanwhile a new life has begun, which this beat did not tell.
            }
            Err(WriteError::Conflict) => match reconcile(cluster).await {
                Ok(true) => {}
                Ok(false) => return Beat::Taken,
                Err(error) => return Beat::Unconfirmed(error),
            },
            Err(WriteError::Transport(error)) => return Beat::Unconfirmed(error),
        }
    }
    Beat::Unconfirmed(TransportError::new(
        "confirm a heartbeat",
        "the record kept changing",
    ))
}

fn confirm(cluster: &Cluster, sent: Moment) {
    let was_valid = cluster.lease.confirm(sent, cluster.settings.lease());
    cluster.seen().heard = Instant::now();
    if !was_valid {
        cluster.rebuild();
        cluster.owners_due.notify_one();
    }
}

/// While nothing was heard of it this node was dead to the others, and nobody waited until it knew
/// what the service is told. From the beat before this on, they do.
async fn look_at_service(cluster: &Cluster) -> Result<(), TransportError> {
    let service = &cluster.service;
    let key = RecordKey::Service(Arc::clone(service));
    let Some(found) = cluster.read(&key).await?.record else {
        return Ok(());
    };
    let record = registry::decode(&found.value)?;
    {
        let mut seen = cluster.seen();
        let known = seen.services.get(service);
        if known.is_some_and(|(_, known)| *known >= found.revision) {
            return Ok(());
        }
        let found = (record, found.revision);
        seen.services.insert(Arc::clone(service), found);
    }
    cluster.hold_still();
    Ok(())
}

/// A store that fell back may have forgotten what this node's service takes.
async fn register_again(cluster: &Cluster) -> Result<(), TransportError> {
    if cluster.own().registered {
        return Ok(());
    }
    let records = cluster.transport.records();
    let register = registry::register(records, &cluster.service, &cluster.registration, false);
    // Said before it is so: the watch may tell meanwhile that somebody ended it again.
    cluster.own().registered = true;
    // Not known before the watch tells it: the record may say more than that.
    let failed = match tokio::time::timeout(cluster.limit(), register).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(RegisterError::Partitions { recorded })) => TransportError::new(
            "register the service",
            format!("it has {recorded} partitions now"),
        ),
        Ok(Err(RegisterError::Transport(error))) => error,
        Err(elapsed) => TransportError::new("register the service", elapsed),
    };
    cluster.own().registered = false;
    Err(failed)
}

/// The record was not the one this node wrote last. `true` to beat again.
async fn reconcile(cluster: &Cluster) -> Result<bool, TransportError> {
    let key = RecordKey::Member(cluster.me.clone());
    let written = cluster.own().revision;
    let Some(found) = cluster.read(&key).await?.record else {
        // Somebody declared this node dead, or the store has forgotten it. It was alive: it comes
        // back as a new one.
        if fallback::look(cluster).await? {
            fallback::happened(cluster, "it has forgotten this node");
        } else {
            reborn(cluster);
            tracing::warn!(
                target: "catga",
                node = %cluster.me,
                "this node was taken for dead and comes back as a new incarnation"
            );
        }
        return Ok(true);
    };
    let Ok(record) = ContentType::Json.decode::<MemberRecord>(&found.value) else {
        return Ok(false);
    };
    let mut own = cluster.own();
    if (record.incarnation, record.nonce) == (own.record.incarnation, own.record.nonce) {
        own.revision = Some(found.revision);
        if written.is_some_and(|written| found.revision < written) {
            drop(own);
            fallback::happened(cluster, "it has an old beat of this node");
            // The old record is this process's own: the next beat replaces it.
            cluster.own().revision = Some(found.revision);
            return Ok(true);
        }
        // The reply to an earlier beat was lost: the record is this node's own.
        let confirmed = (record.beat == own.record.beat).then_some(own.sent);
        drop(own);
        // Without a lease, the next beat looks at the service, too.
        let confirmed = confirmed.filter(|_| cluster.lease.is_valid());
        if let Some(sent) = confirmed {
            confirm(cluster, sent);
        }
        return Ok(true);
    }
    if record.nonce == own.record.nonce {
        // A former life of this very process: a write of it came late, or the store fell back.
        own.revision = Some(found.revision);
        return Ok(true);
    }
    drop(own);
    // Another process waited until this node was dead and took its name. Should it go, this node
    // may come back.
    reborn(cluster);
    Ok(false)
}

/// The node's next life: it owns nothing that its last one did, until it claims it again.
pub(super) fn reborn(cluster: &Cluster) {
    cluster.lease.end();
    {
        let mut own = cluster.own();
        own.revision = None;
        own.record.incarnation = epoch_now().max(own.record.incarnation + 1);
        let life = own.record.incarnation;
        own.lives.insert(life);
    }
    cluster.rebuild();
}
