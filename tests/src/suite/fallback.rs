use std::time::Duration;

use catga::Node;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::owners::Inspector;
use super::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_owned, all_see, owned, until};

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
