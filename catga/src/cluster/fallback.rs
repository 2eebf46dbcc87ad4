//! A store that is not what it was: replaced by another, or back at an older state.
//!
//! What it forgot may be a claim. So every node stops, comes back as a new incarnation, and
//! nobody claims anything for `node_timeout`.

use std::sync::Arc;

use tokio::time::Instant;

use super::heartbeat::reborn;
use super::state::Cluster;
use crate::transport::{RecordKey, Revision, TransportError};

/// Asks the store for the records that are never removed. Whether it has older ones than this
/// node knows, or none.
pub(super) async fn look(cluster: &Cluster) -> Result<bool, TransportError> {
    let known = {
        let seen = cluster.seen();
        let service = seen.services.get(&cluster.service);
        let owners = seen.owners.get(&cluster.service);
        [
            service.map(|known| (RecordKey::Service(Arc::clone(&cluster.service)), known.1)),
            owners.map(|known| (RecordKey::Owners(Arc::clone(&cluster.service)), known.1)),
        ]
    };
    for (key, known) in known.into_iter().flatten() {
        let found = cluster.read(&key).await?.record;
        if is_older(found.map(|found| found.revision), known) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what the store has is older than what it had. Reads are linearizable, so there is no
/// other way to this than a store that fell back.
pub(super) fn is_older(found: Option<Revision>, known: Revision) -> bool {
    found.is_none_or(|found| found < known)
}

/// Stops owning, and starts anew.
pub(super) fn happened(cluster: &Cluster, why: &str) {
    tracing::warn!(
        target: "catga",
        node = %cluster.me,
        why,
        "the store fell back or was replaced: nobody claims anything for a while"
    );
    cluster.lease.end();
    {
        let mut seen = cluster.seen();
        seen.quiet_until = Instant::now() + cluster.settings.node_timeout;
        seen.versions.clear();
        seen.releasing = None;
        for (_, revision) in seen.owners.values_mut() {
            *revision = Revision(0);
        }
        for (_, revision) in seen.services.values_mut() {
            *revision = Revision(0);
        }
        // What the old watch still tells is of no use.
        seen.rewatch = true;
    }
    {
        let mut own = cluster.own();
        own.registered = false;
        // Versions of what was forgotten: the next watch tells those that there are now.
        own.record.knows = Arc::default();
    }
    reborn(cluster);
    cluster.watch_due.notify_one();
    cluster.beat_due.notify_one();
}
