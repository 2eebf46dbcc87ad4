use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::heartbeat::{self, Beat};
use super::lines::Lines;
use super::member::MemberRecord;
use super::registry::{self, RegisterError, ServiceRecord};
use super::settings::Settings;
use super::settled::{Unsettled, settled};
use super::state::Cluster;
use super::{judge, lease, ownership, watcher};
use crate::message::chance;
use crate::node::{NodeId, OwnStrategies, epoch_now, spawn};
use crate::telemetry::Chain;
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
    pub(crate) strategies: OwnStrategies,
}

/// A node that has joined.
pub(crate) struct Joined {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) lines: Lines,
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
    /// A live node did not take note of this one in time.
    #[non_exhaustive]
    NotSeen {
        /// The node.
        by: NodeId,
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
                "`{message}` is handled by the service `{service}`: a command or query has one service; rename it, or select its handler away with `Builder::only`; if that service is to handle it no more, `Node::unsubscribe` says so"
            ),
            Self::NotSeen { by } => write!(
                f,
                "the node `{by}` lives and did not take note of this one, so what it publishes would be missed: see whether it reaches the broker, or stop it"
            ),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::IdTaken { .. }
            | Self::Partitions { .. }
            | Self::TakenBy { .. }
            | Self::NotSeen { .. } => None,
        }
    }
}

impl From<TransportError> for JoinError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<Unsettled> for JoinError {
    fn from(unsettled: Unsettled) -> Self {
        match unsettled {
            Unsettled::By(by) => Self::NotSeen { by },
            Unsettled::Transport(error) => Self::Transport(error),
        }
    }
}

/// Joins: registers what the node takes, writes its record, waits until every live node knows of
/// it, and opens what it is called on. From then on the node beats, watches and owns.
pub(crate) async fn join(joining: Joining<'_>) -> Result<Joined, JoinError> {
    let own = ServiceRecord::of(joining.wiring, joining.settings.partitions);
    let handles: Arc<[String]> = own.types.keys().cloned().collect();
    let only_live: Arc<[String]> = own.only_live().map(str::to_owned).collect();
    limited(&joining, joining.transport.connect()).await??;
    let records = joining.transport.records();
    wait_for_name(&joining).await?;
    // Looked at before anything is written: a node that does not start leaves nothing behind.
    let others = limited(&joining, registry::services(records)).await??;
    refuse_conflicts(&others, &joining)?;
    // The queue is there before anybody hears of who takes from it.
    if own.handles_any() {
        let queues = joining.transport.queues();
        let provision = queues.provision(&joining.service, joining.settings.partitions);
        limited(&joining, provision).await??;
    }
    let registered = limited(
        &joining,
        registry::register(records, &joining.service, &own, true),
    )
    .await?
    .map_err(|error| match error {
        RegisterError::Partitions { recorded } => JoinError::Partitions {
            recorded,
            given: joining.settings.partitions,
        },
        RegisterError::Transport(error) => JoinError::Transport(error),
    })?;
    let mut record = MemberRecord {
        service: Arc::clone(&joining.service),
        incarnation: epoch_now(),
        nonce: chance::draw(|chance| chance.u64(..)),
        beat: 0,
        handles,
        only_live,
        metadata: Arc::new(joining.metadata.clone()),
        version: env!("CARGO_PKG_VERSION").into(),
        draining: false,
        knows: Arc::default(),
    };
    record.knows_of(&joining.service, registered.revision);
    let cluster = Arc::new(Cluster::new(
        Arc::clone(&joining.transport),
        joining.settings,
        joining.id.clone(),
        record,
        own,
        Arc::clone(&joining.strategies),
    ));
    let leaving = Leaving(Some(Arc::clone(&cluster)));
    let welcomed = welcomed(&cluster, &joining, registered.revision).await;
    leaving.stay();
    match welcomed {
        Ok(lines) => Ok(Joined { cluster, lines }),
        Err(error) => {
            let withdraw = registry::withdraw(records, &joining.service, registered);
            let withdraw = cluster.limited("take back what the service takes", withdraw);
            if let ((), Err(left)) = future::join(cluster.withdraw(), withdraw).await {
                tracing::warn!(
                    target: "catga",
                    node = %cluster.me,
                    error = %Chain(&left),
                    "a node that did not start leaves behind what its service takes: `Node::unsubscribe` ends it"
                );
            }
            Err(error)
        }
    }
}

/// From the first beat on; if it fails the node leaves again.
async fn welcomed(
    cluster: &Arc<Cluster>,
    joining: &Joining<'_>,
    registered: Revision,
) -> Result<Lines, JoinError> {
    first_beat(cluster).await?;
    let runtime = Handle::current();
    spawn(&runtime, watcher::run(Arc::clone(cluster)));
    spawn(&runtime, heartbeat::run(Arc::clone(cluster)));
    spawn(&runtime, lease::guard(Arc::clone(cluster)));
    spawn(&runtime, judge::run(Arc::clone(cluster)));
    spawn(&runtime, ownership::run(Arc::clone(cluster)));
    settled(cluster, &joining.service, registered).await?;
    // Another service may have registered the same at the same time.
    let others: BTreeMap<_, _> = {
        let seen = cluster.seen();
        let records = seen.services.iter();
        records
            .map(|(service, (record, _))| (Arc::clone(service), record.clone()))
            .collect()
    };
    refuse_conflicts(&others, joining)?;
    Ok(cluster.open_lines().await?)
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
