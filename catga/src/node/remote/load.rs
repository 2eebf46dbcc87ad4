use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use crate::cluster::Cluster;
use crate::message::Headers;
use crate::node::{Core, NodeId, Phase};
use crate::transport::Frame;

const SUBJECT: &str = "load";
const NODE: &str = "catga-node";
const IN_FLIGHT: &str = "catga-in-flight";
const LATENCY: &str = "catga-latency";

/// How long calls of other nodes take here: a moving average in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latency(AtomicU64);

impl Latency {
    pub(super) fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 8);
        let old = self.0.load(Ordering::Relaxed);
        // One eighth of the new one; a lost update only makes it a little older.
        let new = if old == 0 {
            took
        } else {
            old - old / 8 + took / 8
        };
        self.0.store(new, Ordering::Relaxed);
    }
}

/// Tells the others with each heartbeat how busy this node is, and hears the same of them, until
/// it has stopped.
pub(crate) async fn exchange(core: Arc<Core>, cluster: Arc<Cluster>) {
    while core.lifecycle.phase() != Phase::Stopped {
        let Ok(mut loads) = cluster.transport.messenger().subscribe(SUBJECT).await else {
            tokio::time::sleep(cluster.settings.heartbeat).await;
            continue;
        };
        let mut next = Instant::now();
        loop {
            let stopped = std::pin::pin!(core.lifecycle.stopped());
            let timer = std::pin::pin!(sleep_until(next));
            match select(select(stopped, timer), loads.next()).await {
                Either::Left((Either::Left(_), _)) => return,
                Either::Left((Either::Right(_), _)) => {
                    tell(&core, &cluster).await;
                    next = Instant::now() + cluster.settings.heartbeat;
                }
                Either::Right((None, _)) => break,
                Either::Right((Some((_, frame)), _)) => hear(&cluster, &frame.headers),
            }
        }
    }
}

async fn tell(core: &Core, cluster: &Cluster) {
    let mut headers = Headers::new();
    headers.insert(NODE, core.id.as_str());
    headers.insert(IN_FLIGHT, core.executing.count().to_string());
    headers.insert(LATENCY, core.latency.0.load(Ordering::Relaxed).to_string());
    let frame = Frame {
        headers,
        payload: bytes::Bytes::new(),
    };
    // The next one is on its way soon.
    let _ = cluster
        .transport
        .messenger()
        .broadcast(SUBJECT, frame)
        .await;
}

fn hear(cluster: &Cluster, headers: &Headers) {
    let number = |name| headers.get(name).and_then(|text| text.parse::<u64>().ok());
    if let (Some(node), Some(in_flight), Some(latency)) =
        (headers.get(NODE), number(IN_FLIGHT), number(LATENCY))
        && node != cluster.me.as_str()
    {
        cluster.report(
            &NodeId::new(node),
            u32::try_from(in_flight).unwrap_or(u32::MAX),
            Duration::from_micros(latency),
        );
    }
}
