use std::sync::Arc;

use futures_util::future::{Either, join_all, select};
use tokio::time::{Instant, sleep_until};

use super::state::Cluster;
use crate::transport::{RecordKey, WriteError};

/// Judges the others by this node's own clock until it has left: those without a new beat in time
/// leave the view, and their records are removed.
pub(super) async fn run(cluster: Arc<Cluster>) {
    let timeout = cluster.settings.node_timeout;
    let mut retry = None;
    loop {
        let next = {
            let seen = cluster.seen();
            let now = Instant::now();
            let next = seen.observed.next_stale(seen.clock(), timeout);
            // While the store cannot be watched the clock stands still.
            let next = next.filter(|next| *next > now).unwrap_or(now + timeout / 4);
            retry.map_or(next, |retry| next.min(retry))
        };
        let stopped = std::pin::pin!(cluster.stopped());
        if let Either::Left(_) = select(stopped, std::pin::pin!(sleep_until(next))).await {
            return;
        }
        let stale = {
            let seen = cluster.seen();
            seen.observed.stale(seen.clock(), timeout)
        };
        retry = None;
        if stale.is_empty() {
            continue;
        }
        cluster.rebuild();
        let removals = stale
            .into_iter()
            .filter(|(id, _)| *id != cluster.me)
            .map(async |(id, revision)| {
                let key = RecordKey::Member(id.clone());
                // On condition that it is what was seen. Whoever is first does it; the watch tells
                // everyone.
                match cluster.remove(&key, revision).await {
                    Ok(()) => {
                        tracing::info!(target: "catga", node = %cluster.me, dead = %id, "a node is dead");
                        true
                    }
                    Err(WriteError::Conflict) => true,
                    Err(WriteError::Transport(_)) => false,
                }
            });
        if join_all(removals).await.contains(&false) {
            retry = Some(Instant::now() + cluster.settings.heartbeat / 4);
        }
        cluster.owners_due.notify_one();
    }
}
