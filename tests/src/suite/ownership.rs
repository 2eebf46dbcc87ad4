use std::collections::BTreeMap;
use std::time::Duration;

use catga::Node;
use catga::transport::RecordKey;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::owners::Inspector;
use super::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_owned, owned, until};
use crate::faulty::Fault;

pub async fn all_partitions_are_owned_after_the_start<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let inspector = Inspector::of(&[]);
    let mut nodes = Vec::new();
    for id in ["a", "b", "c"] {
        let node = site.node(id).await;
        inspector.add(&node);
        nodes.push(node);
    }
    let took = all_owned(&nodes, 32).await;
    assert!(took <= 3 * HEARTBEAT, "{took:?}");
    inspector.end().await;
}

pub async fn the_number_of_partitions_can_be_chosen<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.builder("a").partitions(7).start().await.unwrap();
    let b = site.builder("b").partitions(7).start().await.unwrap();
    all_owned(&[a, b], 7).await;
}

fn owners(nodes: &[Node]) -> BTreeMap<u32, (String, u64)> {
    let mut owners = BTreeMap::new();
    for node in nodes {
        for (partition, epoch) in node.partitions() {
            owners.insert(partition, (node.id().to_string(), epoch));
        }
    }
    owners
}

fn moved(before: &[Node], after: &[Node], owners_before: &BTreeMap<u32, (String, u64)>) -> usize {
    let now = owners(after);
    assert_eq!(
        now.len(),
        owners_before.len(),
        "{} nodes before",
        before.len()
    );
    let moved = |(partition, (owner, _)): &(&u32, &(String, u64))| now[*partition].0 != *owner;
    owners_before.iter().filter(moved).count()
}

pub async fn a_join_or_a_leave_moves_few_partitions<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let mut nodes = vec![site.node("a").await];
    all_owned(&nodes, 32).await;
    let inspector = Inspector::of(&nodes);
    for id in ["f", "b", "e", "c", "d"] {
        let before = owners(&nodes);
        let mut more = nodes.clone();
        more.push(site.node(id).await);
        inspector.add(more.last().unwrap());
        all_owned(&more, 32).await;
        let moves = moved(&nodes, &more, &before);
        assert!(moves <= 2 * 32_usize.div_ceil(more.len()), "{moves} moved");
        nodes = more;
    }
    while nodes.len() > 1 {
        let before = owners(&nodes);
        let fewer = nodes[1..].to_vec();
        nodes[0].shutdown().await.unwrap();
        all_owned(&fewer, 32).await;
        let moves = moved(&nodes, &fewer, &before);
        assert!(moves <= 2 * 32_usize.div_ceil(nodes.len()), "{moves} moved");
        nodes = fewer;
    }
    inspector.end().await;
}

pub async fn epochs_rise_with_each_owner<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let before = owners(&[a.clone(), b.clone()]);
    a.shutdown().await.unwrap();
    all_owned(std::slice::from_ref(&b), 32).await;
    for (partition, (owner, epoch)) in owners(&[b]) {
        let (old_owner, old) = &before[&partition];
        assert_eq!(
            owner == *old_owner,
            epoch == *old,
            "{old_owner} {old} {epoch}"
        );
        assert!(epoch >= *old);
    }
}

pub async fn several_changes_of_a_round_are_one_write<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    all_owned(std::slice::from_ref(&a), 32).await;
    assert_eq!(site.owner_writes("a"), 1, "32 claims");
    let b = site.node("b").await;
    let c = site.node("c").await;
    all_owned(&[a.clone(), b.clone(), c.clone()], 32).await;
    assert_eq!(site.owner_writes("a"), 2, "two joins, one release");
    assert_eq!((site.owner_writes("b"), site.owner_writes("c")), (1, 1));
    sleep(4 * NODE_TIMEOUT).await;
    assert_eq!(site.owner_writes("a"), 2, "nothing to do, nothing written");
    b.shutdown().await.unwrap();
    assert_eq!(site.owner_writes("b"), 2, "one release of everything");
}

pub async fn a_planned_leave_hands_over_at_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let inspector = Inspector::of(&[a.clone(), b.clone()]);
    b.shutdown().await.unwrap();
    let took = all_owned(&[a], 32).await;
    assert!(took <= Duration::from_millis(100), "{took:?}");
    inspector.end().await;
}

pub async fn a_crash_is_taken_over_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let died = Instant::now();
    drop(b);
    let is_beat = |name: &str, key: &RecordKey| name == "b" && matches!(key, RecordKey::Member(_));
    let beat = site.faults.last_write(is_beat).unwrap();
    all_owned(&[a], 32).await;
    assert!(
        died.elapsed() <= NODE_TIMEOUT + Duration::from_secs(1),
        "{:?}",
        died.elapsed()
    );
    assert!(beat.elapsed() >= NODE_TIMEOUT, "{:?}", beat.elapsed());
}

pub async fn a_cut_node_stops_before_others_take_over_and_comes_back<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let nodes = [site.node("a").await, site.node_on(&line, "b").await];
    let [a, b] = &nodes;
    all_owned(&nodes, 32).await;
    let inspector = Inspector::of(&nodes);
    let first = a.members().get("b").unwrap().incarnation();
    let mut deaths = a.watch();
    line.cut();
    until("b stops", NODE_TIMEOUT, || b.partitions().is_empty()).await;
    let stopped = Instant::now();
    until("a takes over", NODE_TIMEOUT, || a.partitions().len() == 32).await;
    assert!(
        stopped.elapsed() >= Duration::from_millis(900),
        "{:?}",
        stopped.elapsed()
    );
    sleep(NODE_TIMEOUT).await;
    deaths.mark_unchanged();
    line.heal();
    all_owned(&nodes, 32).await;
    let second = a.members().get("b").unwrap().incarnation();
    assert!(second > first, "a new incarnation");
    assert_eq!(owned(&nodes), [16, 16]);
    // It came back once, and stays.
    for _ in 0..60 {
        sleep(Duration::from_millis(500)).await;
        assert_eq!(
            a.members()
                .get("b")
                .map(catga::cluster::Member::incarnation),
            Some(second)
        );
    }
    inspector.end().await;
}

pub async fn a_cut_that_heals_within_the_lease_changes_nothing<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let nodes = [site.node("a").await, site.node_on(&line, "b").await];
    all_owned(&nodes, 32).await;
    let before = owners(&nodes);
    line.cut();
    sleep(Duration::from_secs(5)).await;
    line.heal();
    sleep(2 * NODE_TIMEOUT).await;
    assert_eq!(owners(&nodes), before);
}

pub async fn slow_and_lost_replies_make_no_two_owners<C: Cluster>(cluster: C) {
    let faults = [
        Fault::SlowReply(Duration::from_millis(700)),
        Fault::Delay(Duration::from_millis(700)),
        Fault::LoseReply,
        Fault::Late(Duration::from_millis(400)),
    ];
    join_all(faults.map(|fault| come_and_go(cluster.again(), fault))).await;
}

/// Nodes come and go while the writes of one have a fault.
async fn come_and_go<C: Cluster>(cluster: C, fault: Fault) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    all_owned(std::slice::from_ref(&a), 32).await;
    let inspector = Inspector::of(std::slice::from_ref(&a));
    line.set(|rules| rules.writes = fault);
    let b = site.node("b").await;
    inspector.add(&b);
    let c = site.node("c").await;
    inspector.add(&c);
    sleep(3 * NODE_TIMEOUT).await;
    line.heal();
    all_owned(&[a.clone(), b.clone(), c.clone()], 32).await;
    line.set(|rules| rules.writes = fault);
    c.shutdown().await.unwrap();
    a.shutdown().await.unwrap();
    all_owned(&[b], 32).await;
    inspector.end().await;
}

pub async fn what_is_given_away_is_stopped_before_anyone_hears_of_it<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    all_owned(std::slice::from_ref(&a), 32).await;
    let b = site.node("b").await;
    let inspector = Inspector::of(&[a.clone(), b.clone()]);
    // It hears neither the reply to its release nor what comes of it.
    line.set(|rules| {
        rules.watch = Fault::Hang;
        rules.writes = Fault::SlowReply(Duration::from_secs(2));
    });
    sleep(Duration::from_secs(5)).await;
    assert_eq!(b.partitions().len(), 16, "b took them meanwhile");
    line.heal();
    all_owned(&[a, b], 32).await;
    inspector.end().await;
}

pub async fn nodes_that_handle_everything_own_everything<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let all = site.node("all").await;
    let part = site.builder("part").only(|handler| {
        handler.module() == super::work::MODULE && handler.message().name() == "InTurn"
    });
    let part = part.start().await.unwrap();
    sleep(3 * NODE_TIMEOUT).await;
    assert_eq!(owned(&[all.clone(), part.clone()]), [32, 0]);
    all.shutdown().await.unwrap();
    all_owned(&[part], 32).await;
}
