//! catga's way.

use std::time::Duration;

use catga::Node;
use catga::node::Broker;
use futures_util::future::join_all;

use crate::parcel::{MODULE, Parcel, Received};
use crate::way::{Queue, Way};

/// The service of the nodes.
pub(crate) const SERVICE: &str = "parcels";

/// How many partitions a service has.
pub(crate) const PARTITIONS: u32 = 32;

/// Nodes that all store parcels, and handle them.
pub(crate) struct Nodes<Q> {
    nodes: Vec<Node>,
    received: Received,
    queue: Q,
}

impl<Q: Queue> Nodes<Q> {
    /// So many nodes, once they share the partitions.
    pub(crate) async fn start(count: usize, broker: impl Fn() -> Broker, queue: Q) -> Self {
        let received = Received::default();
        let starting = (0..count).map(|number| {
            Node::builder(SERVICE)
                .id(format!("node-{number}"))
                .broker(broker())
                .state(received.clone())
                .only(|handler| handler.module() == MODULE)
                .start()
        });
        let mut nodes = Vec::new();
        for node in starting {
            nodes.push(node.await.expect("a node"));
        }
        let most = (PARTITIONS as usize).div_ceil(count);
        let shared = || {
            let owned = nodes.iter().map(|node| node.partitions().len());
            owned.clone().sum::<usize>() == PARTITIONS as usize && owned.max() <= Some(most)
        };
        while !shared() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            nodes,
            received,
            queue,
        }
    }

    /// A node that stores parcels for a service that is away.
    pub(crate) async fn publisher(broker: impl Fn() -> Broker, queue: Q) -> Self {
        let Self { nodes, queue, .. } = Self::start(1, &broker, queue).await;
        for node in nodes {
            node.shutdown().await.expect("an end");
        }
        let node = Node::builder("senders").broker(broker()).only(|_| false);
        Self {
            nodes: vec![node.start().await.expect("a node")],
            received: Received::default(),
            queue,
        }
    }

    /// Stores parcels from the first node.
    pub(crate) async fn store_these(&self, parcels: impl Iterator<Item = Parcel> + Send) {
        for result in self.nodes[0].enqueue_all(parcels).await {
            result.expect("it is stored");
        }
    }

    /// The first of them.
    pub(crate) fn node(&self) -> &Node {
        &self.nodes[0]
    }

    pub(crate) async fn shutdown(self) {
        for node in self.nodes {
            node.shutdown().await.expect("an end");
        }
    }
}

impl<Q: Queue> Way for Nodes<Q> {
    async fn store(&self, count: u64) {
        let share = count / self.nodes.len() as u64;
        let storing = self.nodes.iter().map(|node| {
            let node = node.clone();
            tokio::spawn(async move {
                for result in node.enqueue_all((0..share).map(Parcel::new)).await {
                    result.expect("it is stored");
                }
            })
        });
        for stored in join_all(storing).await {
            stored.expect("it is stored");
        }
    }

    fn hand_over(&self, parcel: Parcel) {
        let node = self.nodes[0].clone();
        tokio::spawn(async move { node.enqueue(parcel).await.expect("it is stored") });
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn queue(&self) -> &impl Queue {
        &self.queue
    }
}
