use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep_until};

use super::gauge::Gauge;
use super::layers::Layers;
use super::lifecycle::Lifecycle;
use super::remote::Latency;
use super::shutdown::ShutdownError;
use super::states::States;
use super::{NodeId, Strategies};
use crate::cluster::Cluster;
use crate::delivery::{Engine, Queue};
use crate::message::ContentType;
use crate::transport::{BoxFuture, Marks, Memory, Transport as _};
use crate::wiring::{Table, Wiring};

/// Everything a running node is made of. Handlers and tasks share it; a [`Node`](super::Node) is a
/// handle to it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: NodeId,
    pub(crate) service: Arc<str>,
    pub(crate) wiring: Wiring,
    pub(crate) table: Table,
    pub(crate) states: States,
    pub(crate) layers: Option<Layers>,
    pub(crate) queue: Queue,
    pub(crate) lifecycle: Lifecycle,
    /// What is stored in its queue and not handled yet, and successes that are being written down.
    pub(crate) unfinished: Gauge,
    /// Bounds what runs at once: messages in their first attempts, each later attempt, broadcasts.
    /// What waits for its next attempt holds no place.
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) dropped_broadcasts: AtomicU64,
    /// Calls of this node that did not finish at their first poll.
    pub(crate) sends: Gauge,
    /// Handlers that did not finish at their first poll.
    pub(crate) executing: Gauge,
    /// How the shutdown ended.
    pub(crate) outcome: OnceLock<Result<(), ShutdownError>>,
    /// `None` without a broker: then every call is local.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// Where handlers claim message ids, if there is no broker for it.
    pub(crate) claims: Memory,
    /// What it stores and handles in its cluster.
    pub(crate) engine: Option<Arc<Engine>>,
    /// Whether programs that know nothing of catga see what is published.
    pub(crate) tap: bool,
    /// The format of the payloads that it writes.
    pub(crate) content_type: ContentType,
    pub(crate) strategies: Strategies,
    /// Calls of other nodes that run here.
    pub(crate) calls: Gauge,
    pub(crate) max_in_flight: usize,
    pub(crate) late_answers: AtomicU64,
    pub(crate) latency: Latency,
    pub(crate) drain_timeout: Duration,
    pub(crate) runtime: Handle,
    /// See [`Context::fence`](crate::Context::fence).
    pub(crate) epoch: u64,
}

impl Core {
    /// Spawns a future that ends with the node.
    pub(crate) fn spawn(self: &Arc<Self>, future: BoxFuture<'static, ()>) {
        let core = Arc::clone(self);
        super::spawn(&self.runtime, async move {
            select(future, pin!(core.lifecycle.stopped())).await;
        });
    }

    pub(crate) fn drop_broadcast(&self) {
        self.dropped_broadcasts.fetch_add(1, Ordering::Relaxed);
    }

    /// Where handlers claim message ids.
    pub(crate) fn marks(&self) -> &dyn Marks {
        match &self.cluster {
            Some(cluster) => cluster.transport.marks(),
            None => self.claims.marks(),
        }
    }

    /// A timer of the runtime that this is called in; outside of any, of the node's own.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let outside = Handle::try_current().is_err();
        let _entered = outside.then(|| self.runtime.enter());
        sleep_until(deadline)
    }

    /// Waits for a future until a deadline; `None` if that comes first.
    ///
    /// Cancel safe where the future is.
    pub(crate) async fn until<F: Future>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        let sleep = pin!(self.sleep_until(deadline));
        match select(pin!(future), sleep).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}
