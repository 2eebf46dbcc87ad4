//! The service of the tests in which a server fails or hands over, and what is expected of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use catga::Node;
use catga::node::Broker;
use catga_tests::suite::durable::work::{At, MODULE, Ran, Sink};
use tokio::time::sleep;

/// How many keys the messages have.
pub(crate) const KEYS: u64 = 6;

pub(crate) async fn node(id: &str, broker: impl Into<Broker>, sink: &Sink) -> Node {
    let state = At {
        node: id.to_owned(),
        sink: sink.clone(),
    };
    Node::builder("shop")
        .id(id)
        .broker(broker)
        .heartbeat(Duration::from_millis(300))
        .node_timeout(Duration::from_secs(3))
        .state(state)
        .only(|handler| handler.module() == MODULE)
        .start()
        .await
        .unwrap()
}

pub(crate) async fn are_well(nodes: &[Node; 2]) {
    until("they own everything", || {
        let owned = nodes.iter().map(|node| node.partitions().len());
        nodes.iter().all(|node| node.members().len() == 2) && owned.sum::<usize>() == 32
    })
    .await;
}

pub(crate) async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(40), "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until everything up to a number ran, of each key exactly that and in its order.
pub(crate) async fn ran_in_order(through: u64, ran: impl Fn() -> Vec<Ran>) {
    until("all ran", || ran().len() as u64 >= through).await;
    let mut of_each_key = BTreeMap::<u64, Vec<u64>>::new();
    for ran in ran() {
        of_each_key.entry(ran.key).or_default().push(ran.n);
    }
    for (key, ran) in of_each_key {
        let expected: Vec<_> = (0..through).filter(|n| n % KEYS == key).collect();
        assert_eq!(ran, expected, "of key {key}");
    }
}
