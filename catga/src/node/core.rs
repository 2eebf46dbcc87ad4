use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;

use super::NodeId;
use super::gauge::Gauge;
use super::layers::Layers;
use super::lifecycle::Lifecycle;
use super::states::States;
use crate::delivery::Queue;
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
    /// Executions that did not finish at their first poll.
    pub(crate) waiting: Gauge,
    pub(crate) drain_timeout: Duration,
    pub(crate) runtime: Handle,
    /// See [`Context::fence`](crate::Context::fence).
    pub(crate) epoch: u64,
}

/// The time in microseconds since 1970: later nodes have greater epochs.
pub(crate) fn epoch_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
        })
}
