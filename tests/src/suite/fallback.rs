use std::time::Duration;

use catga::Node;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::owners::Inspector;
use super::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_owned, all_see, owned, until};
use crate::faulty::{Fault, Rules};

fn incarnations(nodes: &[Node]) -> Vec<u64> {
    let own = |node: &Node| {
        node.members()
            .get(node.id().as_str())
            .unwrap()
            .incarnation()
    };
    nodes.iter().map(own).collect()
}

/// After the store changed: everyone stops, comes back anew, and nobody claims for a while.
async fn everyone_starts_anew(nodes: &[Node], before: &[u64]) {
    let changed = Instant::now();
    let stopped = until("everyone stops", 2 * HEARTBEAT, || {
        owned(nodes).iter().all(|count| *count == 0)
    });
    stopped.await;
    all_owned(nodes, 32).await;
    let took = changed.elapsed();
    assert!(took >= NODE_TIMEOUT, "{took:?}");
    assert!(took <= 2 * NODE_TIMEOUT + HEARTBEAT, "{took:?}");
    let after = incarnations(nodes);
    assert!(
        after
            .iter()
            .zip(before)
            .all(|(after, before)| after > before)
    );
    all_see(nodes, &["a", "b"]).await;
}

pub async fn a_store_that_fell_back_stops_everyone_for_a_while<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = [site.node("a").await, site.node("b").await];
    let snapshot = site.faults.snapshot().await;
    all_owned(&nodes, 32).await;
    sleep(2 * NODE_TIMEOUT).await;
    let inspector = Inspector::of(&nodes);
    let before = incarnations(&nodes);
    site.faults.replace(site.cluster.restored(&snapshot).await);
    everyone_starts_anew(&nodes, &before).await;
    inspector.end().await;
}

pub async fn a_store_that_forgot_everything_is_filled_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let snapshot = site.faults.snapshot().await;
    let nodes = site.nodes(["a", "b"]).await;
    sleep(2 * NODE_TIMEOUT).await;
    let inspector = Inspector::of(&nodes);
    let before = incarnations(&nodes);
    site.faults.replace(site.cluster.restored(&snapshot).await);
    everyone_starts_anew(&nodes, &before).await;
    // The registry is there again, too.
    let c = site.node("c").await;
    all_owned(&[nodes[0].clone(), nodes[1].clone(), c], 32).await;
    inspector.end().await;
}

pub async fn another_store_stops_everyone_for_a_while<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b"]).await;
    let inspector = Inspector::of(&nodes);
    let before = incarnations(&nodes);
    site.faults.change_identity("second");
    everyone_starts_anew(&nodes, &before).await;
    inspector.end().await;
}

pub async fn a_node_that_cannot_look_knows_nothing_of_a_store_that_fell_back<C: Cluster>(
    cluster: C,
) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let (a, b) = (site.node("a").await, site.node_on(&line, "b").await);
    let snapshot = site.faults.snapshot().await;
    sleep(2 * HEARTBEAT).await;
    line.set(|rules| *rules = Rules::DOWN);
    site.faults.replace(site.cluster.restored(&snapshot).await);
    sleep(HEARTBEAT).await;
    let pausing = tokio::spawn({
        let a = a.clone();
        async move { a.pause().await }
    });
    sleep(HEARTBEAT / 3).await;
    // It registers what it takes in the record that says that the service is paused.
    line.set(|rules| {
        *rules = Rules {
            watch: Fault::Fail,
            ..Rules::default()
        };
    });
    let error = pausing.await.unwrap().unwrap_err();
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(text.contains("`b`"), "{error}: {text}");
    line.heal();
    a.pause().await.unwrap();
    assert!(b.is_paused());
}

pub async fn a_lost_connection_alone_stops_nobody<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b"]).await;
    let before = incarnations(&nodes);
    for _ in 0..20 {
        site.faults.break_watches();
        sleep(Duration::from_millis(700)).await;
        assert_eq!(owned(&nodes), [16, 16]);
    }
    assert_eq!(incarnations(&nodes), before);
}
