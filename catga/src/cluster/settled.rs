use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use super::state::Cluster;
use crate::node::NodeId;
use crate::transport::{Revision, TransportError};

/// Why it is not certain that every live node knows what a service takes.
#[derive(Debug)]
pub(super) enum Unsettled {
    /// This node lives and has not seen it.
    By(NodeId),
    /// Nothing was heard of the broker.
    Transport(TransportError),
}

/// Waits for the first picture, and until every live node in it has seen this version of a
/// service's record.
///
/// A node that is dead leaves the picture in time. One that lives and cannot follow the broker, or
/// a broker that says nothing, is an error after a while.
pub(super) async fn settled(
    cluster: &Cluster,
    service: &Arc<str>,
    revision: Revision,
) -> Result<(), Unsettled> {
    let timeout = cluster.settings.node_timeout;
    let started = Instant::now();
    let mut members = cluster.watch_members();
    loop {
        let (complete, silence) = {
            let seen = cluster.seen();
            (seen.complete, seen.heard.elapsed())
        };
        let behind = cluster
            .members()
            .iter()
            .find(|member| !member.record.has_seen(service, revision))
            .map(|member| member.id.clone());
        let waited = started.elapsed();
        match behind {
            None if complete => return Ok(()),
            // Dead nodes are gone by then, also those that died while this one waited.
            Some(behind) if complete && waited >= 3 * timeout => {
                return Err(Unsettled::By(behind));
            }
            _ if silence >= timeout || (!complete && waited >= timeout) => {
                let silence = format!("nothing was heard of it for {silence:?}");
                let error = TransportError::new("tell who is there", silence);
                return Err(Unsettled::Transport(error));
            }
            _ => {}
        }
        // Beats alone wake nobody: look again now and then.
        let changed = std::pin::pin!(members.changed());
        let timer = std::pin::pin!(sleep(Duration::from_millis(5)));
        let (Either::Left(_) | Either::Right(_)) = select(changed, timer).await;
    }
}
