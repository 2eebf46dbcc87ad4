use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Core, Phase};

/// Lets handlers that are inside of their first poll come to its end, so that they are counted.
const FIRST_POLLS: Duration = Duration::from_millis(1);

pub(super) async fn shutdown(core: &Arc<Core>) -> Result<(), ShutdownError> {
    if core.lifecycle.phase() == Phase::Stopped {
        return core.outcome.get().copied().unwrap_or(Ok(()));
    }
    core.lifecycle.advance(Phase::Draining);
    if let Some(cluster) = &core.cluster {
        // The others hear of it first, so that nobody is refused who can be sent elsewhere.
        cluster.drain().await;
    }
    let under_way = || core.sends.count() + core.calls.count() + core.queue.unfinished.count();
    let drained = timeout(core.drain_timeout, async {
        sleep(FIRST_POLLS).await;
        // A call may store something and a delivery may call: until both are quiet at once.
        while under_way() > 0 {
            core.sends.idle().await;
            core.calls.idle().await;
            core.queue.unfinished.idle().await;
        }
    })
    .await;
    let unfinished = ShutdownError {
        calls: core.sends.count() + core.calls.count(),
        deliveries: core.queue.unfinished.count(),
    };
    let outcome = *core.outcome.get_or_init(|| drained.map_err(|_| unfinished));
    stop(core);
    if let Some(cluster) = &core.cluster {
        cluster.leave().await;
    }
    outcome
}

fn stop(core: &Core) -> bool {
    let first = core.lifecycle.advance(Phase::Stopped);
    core.queue.close();
    first
}

/// Stops the node when its last handle is dropped.
#[derive(Debug)]
pub(super) struct Last(Arc<Core>);

impl Last {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self(core)
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        if let Some(cluster) = &self.0.cluster {
            cluster.vanish();
        }
        if stop(&self.0) {
            tracing::warn!(
                target: "catga",
                node = %self.0.id,
                unfinished = self.0.queue.unfinished.count(),
                "the last handle of a node was dropped without `shutdown`: it stops at once"
            );
        }
    }
}

/// Not everything was finished within the drain timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownError {
    calls: usize,
    deliveries: usize,
}

impl ShutdownError {
    /// Calls, of this node or of others, whose handlers were still running.
    #[must_use]
    pub const fn calls(&self) -> usize {
        self.calls
    }

    /// Stored messages that were not handled: without a broker they are lost.
    #[must_use]
    pub const fn deliveries(&self) -> usize {
        self.deliveries
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the node stopped before everything was finished (calls: {}, stored messages: {}); a longer `Builder::drain_timeout` gives them more time",
            self.calls, self.deliveries
        )
    }
}

impl std::error::Error for ShutdownError {}
