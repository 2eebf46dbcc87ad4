use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use crate::cluster::{Cluster, Reopened, keep_open};
use crate::message::Headers;
use crate::node::{Core, NodeId};
use crate::transport::{Frame, Subscription, TransportError};

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
pub(super) async fn exchange(core: Arc<Core>, cluster: Arc<Cluster>) {
    let exchange = Exchange {
        core: &core,
        cluster: &cluster,
    };
    keep_open(&cluster, exchange, None).await;
}

struct Exchange<'a> {
    core: &'a Core,
    cluster: &'a Cluster,
}

impl Reopened for Exchange<'_> {
    const WHAT: &'static str = "subscribe to the load of others";

    type Open = Box<dyn Subscription>;

    async fn open(&mut self) -> Result<Self::Open, TransportError> {
        self.cluster.transport.messenger().subscribe(SUBJECT).await
    }

    async fn follow(&mut self, mut loads: Self::Open) {
        let mut next = Instant::now();
        loop {
            let timer = std::pin::pin!(sleep_until(next));
            match select(timer, loads.next()).await {
                Either::Left(_) => {
                    tell(self.core, self.cluster).await;
                    next = Instant::now() + self.cluster.settings.heartbeat;
                }
                Either::Right((None, _)) => return,
                Either::Right((Some((_, frame)), _)) => hear(self.cluster, &frame.headers),
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
    let told = cluster.transport.messenger().broadcast(SUBJECT, frame);
    // The next one is on its way soon.
    let _ = cluster.limited("tell the load", told).await;
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
