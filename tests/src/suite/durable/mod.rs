//! What is promised of stored messages in a cluster.

pub mod work;

pub mod crashes;
pub mod handling;
pub mod moving;
pub mod operating;
pub mod stopping;
pub mod unkeyed;
pub mod versions;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::delivery::DeadLetter;
use catga::node::Builder;
use catga::transport::{Append, Entry, Part, Queue, Transport};
use catga::{Headers, MessageId, Node};
use tokio::time::{sleep, timeout};

use super::Cluster;
use super::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_owned};
use crate::faulty::Line;
use work::{At, Put, Sink};

/// How long dead letters may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node of the service `shop` with all handlers of stored messages.
pub fn builder<C: Cluster>(site: &Site<C>, sink: &Sink, id: &str) -> Builder {
    builder_on(&site.line(id), sink, "shop", id)
}

pub fn builder_on(line: &Line, sink: &Sink, service: &str, id: &str) -> Builder {
    Node::builder(service)
        .id(id)
        .broker(line.transport())
        .heartbeat(HEARTBEAT)
        .node_timeout(NODE_TIMEOUT)
        .state(At {
            node: id.to_owned(),
            sink: sink.clone(),
        })
        .only(|handler| handler.module() == work::MODULE)
}

/// With these handlers of stored messages alone.
pub fn only(builder: Builder, handlers: &[&str]) -> Builder {
    let handlers: Vec<String> = handlers.iter().map(|&name| name.to_owned()).collect();
    builder.only(move |handler| {
        handler.module() == work::MODULE && handlers.iter().any(|name| name == handler.name())
    })
}

/// A node that owns all partitions, and its line.
pub async fn node_on_line<C: Cluster>(site: &Site<C>, sink: &Sink) -> (Node, Line) {
    node_with(site, sink, |builder| builder).await
}

/// The same with some settings of its own.
pub async fn node_with<C: Cluster>(
    site: &Site<C>,
    sink: &Sink,
    settings: impl FnOnce(Builder) -> Builder,
) -> (Node, Line) {
    let line = site.line("a");
    let builder = settings(builder_on(&line, sink, "shop", "a"));
    let node = builder.start().await.unwrap();
    all_owned(std::slice::from_ref(&node), 32).await;
    (node, line)
}

/// Nodes that own all partitions together.
pub async fn nodes<C: Cluster, const N: usize>(
    site: &Site<C>,
    sink: &Sink,
    ids: [&str; N],
) -> [Node; N] {
    let mut nodes = Vec::new();
    for id in ids {
        nodes.push(builder(site, sink, id).start().await.unwrap());
    }
    let nodes: [Node; N] = nodes.try_into().unwrap();
    all_owned(&nodes, 32).await;
    nodes
}

/// Waits until a node's service has so many dead letters.
pub async fn letters(node: &Node, count: usize) -> Vec<DeadLetter> {
    let found = async {
        loop {
            let letters = node.dead_letters().await.unwrap();
            if letters.len() >= count {
                return letters;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, found)
        .await
        .expect("dead letters in time")
}

/// What a program that knows nothing of catga may store.
fn foreign_entry(name: &str, key: Option<&str>, content_type: &str, payload: &[u8]) -> Entry {
    Entry {
        id: MessageId::new(),
        name: Cow::Owned(name.to_owned()),
        source: "elsewhere".into(),
        time: SystemTime::now(),
        key: key.map(Into::into),
        content_type: Cow::Owned(content_type.to_owned()),
        headers: Headers::new(),
        payload: Bytes::copy_from_slice(payload),
    }
}

/// Stores it past all nodes, as the `number`th of a writer of its own.
async fn append(
    transport: &dyn Transport,
    service: &str,
    partition: u32,
    number: u64,
    given: bool,
    entry: Entry,
) {
    let queue = Queue {
        service: service.into(),
        part: Part::Partition(partition),
    };
    let entry = Arc::new(entry);
    let append = Append {
        number,
        given,
        entry,
    };
    let mut stored = transport.queues().append(&queue, 77, &[append]).await;
    stored.remove(0).unwrap();
}

async fn put(node: &Node, key: u64, n: u64, ms: u64) {
    node.enqueue(Put { key, n, ms }).await.unwrap();
}

fn each_once(sink: &Sink, keys: std::ops::Range<u64>) {
    for key in keys {
        let twice: Vec<_> = sink
            .times(key)
            .into_iter()
            .filter(|(_, times)| *times > 1)
            .collect();
        assert!(twice.is_empty(), "key {key}: {twice:?}");
    }
}

fn in_order(sink: &Sink, keys: std::ops::Range<u64>, count: u64) {
    for key in keys {
        let expected: Vec<u64> = (0..count).collect();
        assert_eq!(sink.of_key(key), expected, "key {key}");
    }
    assert!(sink.overlaps().is_empty(), "{:?}", sink.overlaps());
}
