use std::time::Duration;

use catga::transport::RecordKey;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_see, ids, until};
use crate::faulty::Fault;

const SOON: Duration = Duration::from_millis(100);

pub async fn two_nodes_see_each_other<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    assert_eq!(ids(&a), ["a"], "a node sees itself at once");
    let b = site.node("b").await;
    assert_eq!(ids(&b), ["a", "b"], "start waits for the first picture");
    assert_eq!(ids(&a), ["a", "b"], "start waits until the others know");
}

pub async fn a_node_that_leaves_is_gone_at_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b, c] = site.nodes(["a", "b", "c"]).await;
    b.shutdown().await.unwrap();
    let took = all_see(&[a, c], &["a", "c"]).await;
    assert!(took <= SOON, "{took:?}");
}

pub async fn a_leaving_node_is_gone_whatever_its_heartbeats_do<C: Cluster>(cluster: C) {
    let slow = Duration::from_secs(1);
    for fault in [Fault::SlowReply(slow), Fault::Delay(slow), Fault::LoseReply] {
        // At any time between two beats.
        let times = (0..10).map(|offset| Duration::from_millis(3_000 + 350 * offset));
        join_all(times.map(|time| leaves(cluster.again(), fault, time))).await;
    }
}

/// A node leaves some time after its heartbeats have a fault.
async fn leaves<C: Cluster>(cluster: C, fault: Fault, after: Duration) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let a = site.node("a").await;
    let b = site.node_on(&line, "b").await;
    line.set(|rules| rules.writes = fault);
    sleep(after).await;
    b.shutdown().await.unwrap();
    let gone = || ids(&a) == ["a"];
    until("the record is gone", Duration::from_secs(1), gone).await;
    sleep(NODE_TIMEOUT / 2).await;
    assert_eq!(ids(&a), ["a"], "it does not come back");
    let key = RecordKey::Member(b.id().clone());
    assert_eq!(site.faults.value(&key).await, None);
}

pub async fn a_node_that_vanishes_is_gone_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b, c] = site.nodes(["a", "b", "c"]).await;
    drop(b);
    let took = all_see(&[a, c], &["a", "c"]).await;
    assert!(took <= NODE_TIMEOUT + Duration::from_secs(1), "{took:?}");
    assert!(
        took > Duration::from_secs(6),
        "a beat may be 3 s old: {took:?}"
    );
}

pub async fn a_node_that_is_cut_off_is_gone_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let (a, c) = (site.node("a").await, site.node("c").await);
    let b = site.node_on(&line, "b").await;
    line.cut();
    let took = all_see(&[a, c], &["a", "c"]).await;
    assert!(took <= NODE_TIMEOUT + Duration::from_secs(1), "{took:?}");
    drop(b);
}

pub async fn a_member_tells_of_itself<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let b = site
        .builder("b")
        .metadata("zone", "eu")
        .start()
        .await
        .unwrap();
    let members = a.members();
    assert_eq!(members.len(), 2);
    let seen = members.get("b").unwrap();
    assert_eq!(seen.id(), b.id());
    assert_eq!(
        (seen.service(), seen.metadata()["zone"].as_str()),
        ("shop", "eu")
    );
    assert!(seen.handles().iter().any(|name| name == "ByKey"));
    assert!(!seen.version().is_empty());
    assert!(seen.incarnation() > members.get("a").unwrap().incarnation());
    assert!(!seen.is_local() && !seen.is_draining());
    assert!(members.get("a").unwrap().is_local());
    assert!(
        members.age() <= Duration::from_secs(3),
        "{:?}",
        members.age()
    );
    assert!(members.get("c").is_none());
}

pub async fn watch_wakes_when_a_node_comes_or_goes<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let mut watch = a.watch();
    watch.mark_unchanged();
    let b = site.node("b").await;
    watch.changed().await.unwrap();
    assert_eq!(watch.borrow_and_update().len(), 2);
    sleep(4 * NODE_TIMEOUT).await;
    assert!(!watch.has_changed().unwrap(), "beats wake nobody");
    b.shutdown().await.unwrap();
    watch.changed().await.unwrap();
    until("it is gone", SOON, || watch.borrow().len() == 1).await;
}

pub async fn a_broken_watch_leaves_the_last_picture<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    let b = site.node("b").await;
    line.set(|rules| rules.watch = crate::faulty::Fault::Fail);
    for _ in 0..30 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ids(&a), ["a", "b"], "the last picture stays");
    }
    let other = site.line("c");
    let c = site.builder_on(&other, "audit", "c");
    let c = c.only(|handler| handler.is_broadcast() && handler.module() == super::work::MODULE);
    let c = tokio::spawn(c.start());
    sleep(Duration::from_secs(5)).await;
    assert!(
        !c.is_finished(),
        "a does not know what c takes, and start waits for that"
    );
    line.heal();
    let c = c.await.unwrap().unwrap();
    all_see(&[a, b, c], &["a", "b", "c"]).await;
}

pub async fn a_watch_that_says_nothing_is_replaced<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    let b = site.node("b").await;
    line.set(|rules| rules.watch = crate::faulty::Fault::Hang);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(ids(&a), ["a", "b"]);
    line.heal();
    drop(b);
    let healed = Instant::now();
    until("b is gone", 2 * NODE_TIMEOUT, || ids(&a) == ["a"]).await;
    assert!(healed.elapsed() <= NODE_TIMEOUT + Duration::from_secs(5));
}

pub async fn nobody_dies_of_an_outage_of_the_broker<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let lines = ["a", "b", "c"].map(|id| site.line(id));
    let mut nodes = Vec::new();
    for line in &lines {
        nodes.push(site.node_on(line, ["a", "b", "c"][nodes.len()]).await);
    }
    for line in &lines {
        line.set(|rules| *rules = crate::faulty::Rules::DOWN);
    }
    sleep(Duration::from_secs(25)).await;
    for node in &nodes {
        assert_eq!(ids(node), ["a", "b", "c"], "the last picture stays");
        assert!(node.members().age() >= Duration::from_secs(20));
        assert!(node.partitions().is_empty(), "but nobody owns anything");
    }
    for line in &lines {
        line.heal();
    }
    all_see(&nodes, &["a", "b", "c"]).await;
    super::site::all_owned(&nodes, 32).await;
}

pub async fn each_heartbeat_is_one_write<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let lines = ["a", "b"].map(|id| site.line(id));
    let nodes = [
        site.node_on(&lines[0], "a").await,
        site.node_on(&lines[1], "b").await,
    ];
    super::site::all_owned(&nodes, 32).await;
    for line in &lines {
        line.set(|rules| rules.reads = crate::faulty::Fault::Fail);
    }
    let writes = |of: &str| {
        let is_own = |name: &str, _: &RecordKey| name == of;
        site.faults.writes(is_own)
    };
    sleep(HEARTBEAT).await;
    let before = [writes("a"), writes("b")];
    sleep(10 * HEARTBEAT).await;
    for (of, before) in ["a", "b"].into_iter().zip(before) {
        let written = writes(of) - before;
        assert!((9..=11).contains(&written), "{of}: {written}");
    }
    assert_eq!(super::site::owned(&nodes), [16, 16], "and no read");
}

pub async fn a_wrong_clock_of_the_broker_changes_nothing<C: Cluster>(cluster: C) {
    const HOUR: i64 = 3_600_000_000;
    let site = Site::new(cluster);
    let lines = ["a", "b"].map(|id| site.line(id));
    let nodes = [
        site.node_on(&lines[0], "a").await,
        site.node_on(&lines[1], "b").await,
    ];
    super::site::all_owned(&nodes, 32).await;
    let inspector = super::owners::Inspector::of(&nodes);
    for clock in [HOUR, -HOUR, 24 * HOUR, 0] {
        for line in &lines {
            line.set(|rules| rules.clock = clock);
        }
        sleep(NODE_TIMEOUT).await;
        assert_eq!([ids(&nodes[0]), ids(&nodes[1])], [["a", "b"]; 2]);
        // Partitions move there and back, and epochs rise all the same.
        let line = site.line("c");
        line.set(|rules| rules.clock = clock);
        let c = site.node_on(&line, "c").await;
        inspector.add(&c);
        super::site::all_owned(&[nodes[0].clone(), nodes[1].clone(), c.clone()], 32).await;
        c.shutdown().await.unwrap();
        super::site::all_owned(&nodes, 32).await;
    }
    inspector.end().await;
}
