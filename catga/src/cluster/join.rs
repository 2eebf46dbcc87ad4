use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::heartbeat::{self, Beat};
use super::member::MemberRecord;
use super::registry::{self, RegisterError, ServiceRecord};
use super::settings::Settings;
use super::state::Cluster;
use super::{judge, lease, ownership, watcher};
use crate::node::{NodeId, epoch_now};
use crate::transport::{RecordKey, Revision, Transport, TransportError, WriteError};
use crate::wiring::Wiring;

/// A node that wants to join.
pub(crate) struct Joining<'a> {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) settings: Settings,
    pub(crate) id: NodeId,
    pub(crate) service: Arc<str>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) wiring: &'a Wiring,
}

/// Why a node could not join its cluster.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// A live node has this name.
    #[non_exhaustive]
    IdTaken {
        /// The name.
        id: NodeId,
    },
    /// The service runs with another number of partitions.
    #[non_exhaustive]
    Partitions {
        /// What the service is recorded with.
        recorded: u32,
        /// What this node was given.
        given: u32,
    },
    /// Another service takes this command or query.
    #[non_exhaustive]
    TakenBy {
        /// The wire name of the message.
        message: String,
        /// The other service.
        service: String,
    },
    /// The broker could not be asked.
    Transport(TransportError),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdTaken { id } => write!(
                f,
                "a live node is named `{id}`: give this one another name with `Builder::id`, or none"
            ),
            Self::Partitions { recorded, given } => write!(
                f,
                "the service runs with {recorded} partitions and this node was given {given}: all nodes of a service need the same `Builder::partitions`"
            ),
            Self::TakenBy { message, service } => write!(
                f,
                "`{message}` is handled by the service `{service}`: a command or query has one service; rename it, or select its handler away with `Builder::only`"
            ),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::IdTaken { .. } | Self::Partitions { .. } | Self::TakenBy { .. } => None,
        }
    }
}

impl From<TransportError> for JoinError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// Joins: registers what the node takes, writes its record, and waits until every live node knows
/// of it. From then on the node beats, watches and owns.
pub(crate) async fn join(joining: Joining<'_>) -> Result<Arc<Cluster>, JoinError> {
    let own = ServiceRecord::of(joining.wiring, joining.settings.partitions);
    let handles: Arc<[String]> = own.types.keys().cloned().collect();
    let records = joining.transport.records();
    wait_for_name(&joining).await?;
    // Looked at before anything is written: a node that does not start leaves nothing behind.
    let others = limited(&joining, registry::services(records)).await??;
    refuse_conflicts(&others, &joining)?;
    let registered = limited(
        &joining,
        registry::register(records, &joining.service, &own),
    )
    .await?
    .map_err(|error| match error {
        RegisterError::Partitions { recorded } => JoinError::Partitions {
            recorded,
            given: joining.settings.partitions,
        },
        RegisterError::Transport(error) => JoinError::Transport(error),
    })?;
    let record = MemberRecord {
        service: Arc::clone(&joining.service),
        incarnation: epoch_now(),
        nonce: fastrand::u64(..),
        beat: 0,
        handles,
        metadata: Arc::new(joining.metadata.clone()),
        version: env!("CARGO_PKG_VERSION").into(),
        draining: false,
        knows: registered.revision.0,
    };
    let cluster = Arc::new(Cluster::new(
        Arc::clone(&joining.transport),
        joining.settings,
        joining.id.clone(),
        record,
        own,
    ));
    let leaving = Leaving(Some(Arc::clone(&cluster)));
    first_beat(&cluster).await?;
    let runtime = Handle::current();
    runtime.spawn(watcher::run(Arc::clone(&cluster)));
    runtime.spawn(heartbeat::run(Arc::clone(&cluster)));
    runtime.spawn(lease::guard(Arc::clone(&cluster)));
    runtime.spawn(judge::run(Arc::clone(&cluster)));
    runtime.spawn(ownership::run(Arc::clone(&cluster)));
    settled(&cluster, registered.revision).await;
    // Another service may have registered the same at the same time.
    let others: BTreeMap<_, _> = {
        let seen = cluster.seen();
        let records = seen.services.iter();
        records
            .map(|(service, (record, _))| (Arc::clone(service), record.clone()))
            .collect()
    };
    if let Err(error) = refuse_conflicts(&others, &joining) {
        leaving.stay();
        cluster.leave().await;
        registry::withdraw(records, &joining.service, registered).await?;
        return Err(error);
    }
    leaving.stay();
    Ok(cluster)
}

/// A broker that does not answer is an error when a node starts.
async fn limited<T>(
    joining: &Joining<'_>,
    answer: impl Future<Output = T>,
) -> Result<T, TransportError> {
    timeout(joining.settings.node_timeout, answer)
        .await
        .map_err(|elapsed| TransportError::new("answer", elapsed))
}

/// The first beat decides whether the name is this node's. A reply that was lost is no reason not
/// to start.
async fn first_beat(cluster: &Cluster) -> Result<(), JoinError> {
    let mut attempts = 0_u32;
    loop {
        match heartbeat::beat(cluster).await {
            Beat::Confirmed => return Ok(()),
            Beat::Taken | Beat::Left => {
                return Err(JoinError::IdTaken {
                    id: cluster.me.clone(),
                });
            }
            Beat::Unconfirmed(error) if attempts == 3 => return Err(JoinError::Transport(error)),
            Beat::Unconfirmed(_) => attempts += 1,
        }
        sleep(cluster.settings.heartbeat / 4).await;
    }
}

/// A node that was named like this may still be there. It is waited for while its record does not
/// change; if it beats, it lives.
async fn wait_for_name(joining: &Joining<'_>) -> Result<(), JoinError> {
    let key = RecordKey::Member(joining.id.clone());
    let records = joining.transport.records();
    let started = Instant::now();
    let mut first: Option<Revision> = None;
    loop {
        let Some(found) = limited(joining, records.read(&key)).await??.record else {
            return Ok(());
        };
        if *first.get_or_insert(found.revision) != found.revision {
            return Err(JoinError::IdTaken {
                id: joining.id.clone(),
            });
        }
        if started.elapsed() >= joining.settings.node_timeout {
            match limited(joining, records.remove(&key, found.revision)).await? {
                Ok(()) => return Ok(()),
                // It changed in the last moment: look again.
                Err(WriteError::Conflict) => {}
                Err(WriteError::Transport(error)) => return Err(error.into()),
            }
        }
        sleep(joining.settings.heartbeat / 4).await;
    }
}

/// Waits for the first picture, and until every live node in it knows what this one registered.
async fn settled(cluster: &Cluster, registered: Revision) {
    let mut members = cluster.watch_members();
    loop {
        let complete = cluster.seen().complete;
        let known = cluster
            .members()
            .iter()
            .all(|member| member.record.knows >= registered.0);
        if complete && known {
            return;
        }
        // Beats alone wake nobody: look again now and then. A node that never answers stops being
        // live, so this ends.
        let changed = std::pin::pin!(members.changed());
        let timer = std::pin::pin!(sleep(Duration::from_millis(5)));
        let (Either::Left(_) | Either::Right(_)) = select(changed, timer).await;
    }
}

fn refuse_conflicts(
    services: &BTreeMap<Arc<str>, ServiceRecord>,
    joining: &Joining<'_>,
) -> Result<(), JoinError> {
    match registry::conflict(services, &joining.service, joining.wiring) {
        None => Ok(()),
        Some((message, service)) => Err(JoinError::TakenBy { message, service }),
    }
}

/// Takes a node that did not get to the end of its start out of the cluster again.
struct Leaving(Option<Arc<Cluster>>);

impl Leaving {
    fn stay(mut self) {
        self.0 = None;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(cluster) = self.0.take() {
            cluster.vanish();
        }
    }
}
