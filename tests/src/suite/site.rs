use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use catga::Node;
use catga::node::Builder;
use catga::transport::RecordKey;
use tokio::time::{Instant, sleep, timeout};

use super::Cluster;
use super::work::{Here, Log};
use crate::faulty::{Faults, Line};

pub const HEARTBEAT: Duration = Duration::from_secs(3);
pub const NODE_TIMEOUT: Duration = Duration::from_secs(10);
/// The service of most nodes.
pub const SERVICE: &str = "shop";

/// A cluster in which a test starts nodes and makes faults.
pub struct Site<C> {
    pub cluster: C,
    pub faults: Arc<Faults>,
    pub log: Log,
}

impl<C: Cluster> Site<C> {
    pub fn new(cluster: C) -> Self {
        let faults = Faults::new(cluster.transport());
        if let Some(lie) = cluster.lie() {
            faults.lie(lie, 1);
        }
        Self {
            faults,
            log: Log::default(),
            cluster,
        }
    }

    /// A line of its own for a node.
    pub fn line(&self, name: &str) -> Line {
        self.faults.line(name)
    }

    /// A node of the service with all handlers.
    pub fn builder(&self, id: &str) -> Builder {
        self.builder_on(&self.line(id), SERVICE, id)
    }

    pub fn builder_on(&self, line: &Line, service: &str, id: &str) -> Builder {
        Node::builder(service)
            .id(id)
            .broker(line.transport())
            .heartbeat(HEARTBEAT)
            .node_timeout(NODE_TIMEOUT)
            .state(Here::new(id, &self.log))
            .only(|handler| handler.module() == super::work::MODULE)
    }

    /// Starts a node of the service with all handlers.
    pub async fn node(&self, id: &str) -> Node {
        self.builder(id).start().await.unwrap()
    }

    /// The same on a line that the test has.
    pub async fn node_on(&self, line: &Line, id: &str) -> Node {
        let builder = self.builder_on(line, SERVICE, id);
        builder.start().await.unwrap()
    }

    /// Nodes that own all partitions together.
    pub async fn nodes<const N: usize>(&self, ids: [&str; N]) -> [Node; N] {
        let mut nodes = Vec::new();
        for id in ids {
            nodes.push(self.node(id).await);
        }
        let nodes: [Node; N] = nodes.try_into().unwrap();
        all_owned(&nodes, 32).await;
        nodes
    }

    /// How often the owners were written.
    pub fn owner_writes(&self, by: &str) -> usize {
        self.faults
            .writes(|name, key| name == by && *key == RecordKey::Owners(SERVICE.into()))
    }
}

/// A node that handles nothing of the service.
pub fn client_of<C: Cluster>(site: &Site<C>, id: &str) -> Builder {
    let line = site.line(id);
    site.builder_on(&line, "clients", id).only(|_| false)
}

/// Waits until something is so, and returns how long it took.
pub async fn until(what: &str, within: Duration, mut is: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    let waited = timeout(within, async {
        while !is() {
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "not within {within:?}: {what}");
    started.elapsed()
}

pub fn ids(node: &Node) -> Vec<String> {
    let members = node.members();
    members
        .iter()
        .map(|member| member.id().to_string())
        .collect()
}

/// Waits until each node sees these.
pub async fn all_see(nodes: &[Node], expected: &[&str]) -> Duration {
    until(&format!("all see {expected:?}"), 2 * NODE_TIMEOUT, || {
        nodes.iter().all(|node| ids(node) == expected)
    })
    .await
}

/// How many partitions each node owns.
pub fn owned(nodes: &[Node]) -> Vec<usize> {
    nodes.iter().map(|node| node.partitions().len()).collect()
}

/// Waits until the nodes own all partitions, each its share.
pub async fn all_owned(nodes: &[Node], partitions: usize) -> Duration {
    let share = partitions.div_ceil(nodes.len());
    let what = format!("{partitions} partitions are owned by {}", nodes.len());
    until(&what, 4 * NODE_TIMEOUT, || {
        let owned = owned(nodes);
        owned.iter().sum::<usize>() == partitions && owned.iter().all(|count| *count <= share)
    })
    .await
}

/// Fails unless the values are equal; shows more than one of them.
#[track_caller]
pub fn same<T: PartialEq + Debug>(values: &[T]) {
    assert!(
        values.windows(2).all(|pair| pair[0] == pair[1]),
        "{values:?}"
    );
}
