use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::state::Cluster;

/// This node's right to own anything: it ends by this node's own clock.
#[derive(Debug)]
pub(crate) struct Lease {
    until: Mutex<Option<Instant>>,
    confirmed: Notify,
}

impl Lease {
    pub(super) fn none() -> Self {
        Self {
            until: Mutex::new(None),
            confirmed: Notify::new(),
        }
    }

    /// A heartbeat that was sent at `sent` is confirmed.
    pub(super) fn confirm(&self, sent: Instant, lease: Duration) {
        *self.until() = Some(sent + lease);
        self.confirmed.notify_one();
    }

    /// It ends now: the node learnt that it is taken for dead.
    pub(super) fn end(&self) {
        *self.until() = None;
    }

    /// Until when it runs; `None` if it has ended.
    fn valid_until(&self) -> Option<Instant> {
        self.until().filter(|until| Instant::now() < *until)
    }

    /// Whether it runs.
    pub(crate) fn is_valid(&self) -> bool {
        self.valid_until().is_some()
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the partitions out of this node's view when the lease ends, whatever else the node waits
/// for at that time.
pub(super) async fn guard(cluster: Arc<Cluster>) {
    loop {
        let until = cluster.lease.valid_until();
        let stopped = std::pin::pin!(cluster.stopped());
        let next = std::pin::pin!(async {
            match until {
                Some(until) => sleep_until(until).await,
                None => cluster.lease.confirmed.notified().await,
            }
        });
        if let Either::Left(_) = select(stopped, next).await {
            return;
        }
        if until.is_some() && !cluster.lease.is_valid() {
            tracing::warn!(
                target: "catga",
                node = %cluster.me,
                "no heartbeat was confirmed in time: this node owns nothing until one is"
            );
            cluster.rebuild();
        }
    }
}
