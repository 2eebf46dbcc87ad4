use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::clock::{Clock, Moment};
use super::state::Cluster;

/// How often in a `node_timeout` it is looked at whether the machine was suspended: no timer
/// tells.
const LOOKS: u32 = 100;
/// Not more often than this.
const SHORTEST: Duration = Duration::from_millis(10);

/// This node's right to own anything: it ends by this node's own clock.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) clock: Clock,
    granted: Mutex<Option<Grant>>,
    confirmed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Grant {
    /// The first heartbeat since it last did not run.
    begun: Moment,
    since: Moment,
    lasts: Duration,
}

impl Lease {
    pub(super) fn none(clock: Clock) -> Self {
        Self {
            clock,
            granted: Mutex::new(None),
            confirmed: Notify::new(),
        }
    }

    /// A heartbeat that was sent at `sent` is confirmed. Whether the lease ran until then.
    pub(super) fn confirm(&self, sent: Moment, lasts: Duration) -> bool {
        let mut granted = self.granted();
        let running = self.running(*granted);
        *granted = Some(Grant {
            begun: running.map_or(sent, |grant| grant.begun),
            since: sent,
            lasts,
        });
        drop(granted);
        self.confirmed.notify_one();
        running.is_some()
    }

    /// It ends now: the node learnt that it is taken for dead.
    pub(super) fn end(&self) {
        *self.granted() = None;
    }

    /// How long it still runs; `None` if it has ended.
    fn left(&self) -> Option<Duration> {
        let grant = (*self.granted())?;
        self.left_of(grant)
    }

    fn running(&self, granted: Option<Grant>) -> Option<Grant> {
        granted.filter(|grant| self.left_of(*grant).is_some())
    }

    fn left_of(&self, grant: Grant) -> Option<Duration> {
        let gone = self.clock.since(grant.since);
        grant.lasts.checked_sub(gone).filter(|left| !left.is_zero())
    }

    /// Whether it runs.
    pub(crate) fn is_valid(&self) -> bool {
        self.left().is_some()
    }

    /// Whether it has been running for this long.
    pub(super) fn has_run_for(&self, time: Duration) -> bool {
        let running = self.running(*self.granted());
        running.is_some_and(|grant| self.clock.since(grant.begun) >= time)
    }

    /// Whether it ended by itself, and nothing has been confirmed since.
    pub(super) fn has_run_out(&self) -> bool {
        let granted = self.granted().is_some();
        granted && !self.is_valid()
    }

    fn granted(&self) -> MutexGuard<'_, Option<Grant>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the partitions out of this node's view when the lease ends, whatever else the node waits
/// for at that time.
pub(super) async fn guard(cluster: Arc<Cluster>) {
    let look = (cluster.settings.node_timeout / LOOKS).max(SHORTEST);
    loop {
        let left = cluster.lease.left();
        let stopped = std::pin::pin!(cluster.stopped());
        let next = std::pin::pin!(async {
            match left {
                Some(left) => sleep(left.min(look)).await,
                None => cluster.lease.confirmed.notified().await,
            }
        });
        if let Either::Left(_) = select(stopped, next).await {
            return;
        }
        if left.is_some() && !cluster.lease.is_valid() {
            tracing::warn!(
                target: "catga",
                node = %cluster.me,
                "no heartbeat was confirmed in time: this node owns nothing until one is"
            );
            cluster.rebuild();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::advance;

    use super::*;

    const LASTS: Duration = Duration::from_secs(9);

    #[tokio::test(start_paused = true)]
    async fn it_runs_from_when_the_heartbeat_was_sent() {
        let lease = Lease::none(Clock::SYSTEM);
        assert!(!lease.is_valid());
        let sent = lease.clock.now();
        advance(Duration::from_secs(5)).await;
        lease.confirm(sent, LASTS);
        assert!(lease.is_valid() && !lease.has_run_out());
        advance(Duration::from_secs(4)).await;
        assert!(!lease.is_valid() && lease.has_run_out());
        lease.end();
        assert!(!lease.has_run_out(), "it is known that it has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_it_has_run_begins_anew_behind_each_gap() {
        let lease = Lease::none(Clock::SYSTEM);
        for _ in 0..3 {
            assert!(!lease.has_run_for(2 * LASTS));
            lease.confirm(lease.clock.now(), LASTS);
            advance(LASTS * 2 / 3).await;
        }
        assert!(lease.has_run_for(2 * LASTS));
        advance(LASTS / 2).await;
        assert!(!lease.has_run_for(Duration::ZERO), "it has run out");
        lease.confirm(lease.clock.now(), LASTS);
        assert!(lease.has_run_for(Duration::ZERO) && !lease.has_run_for(LASTS));
    }

    #[tokio::test(start_paused = true)]
    async fn it_runs_out_while_the_machine_is_suspended() {
        static SUSPENDED: AtomicU64 = AtomicU64::new(0);
        let clock = Clock::of(|| Duration::from_secs(SUSPENDED.load(Ordering::Relaxed)));
        let lease = Lease::none(clock);
        lease.confirm(clock.now(), LASTS);
        SUSPENDED.store(8, Ordering::Relaxed);
        assert!(lease.is_valid());
        advance(Duration::from_secs(1)).await;
        assert!(!lease.is_valid(), "one second awake and eight asleep");
        // A reply that comes after a suspension confirms nothing that has run out.
        let sent = clock.now();
        SUSPENDED.store(20, Ordering::Relaxed);
        lease.confirm(sent, LASTS);
        assert!(!lease.is_valid());
    }
}
